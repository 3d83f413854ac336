//! Combos and aliases.

use serde_yaml_ng::Value;

use crate::config::Strategy;
use crate::config::foreign::fields::{Section, text};
use crate::config::foreign::notes::Notes;
use crate::config::foreign::omniroute::connections::Connections;
use crate::config::foreign::tree::{list, section};

/// Translates combos whose members are all known.
pub(super) fn combos(
    whole: &Section<'_>,
    is_model: impl Fn(&str) -> bool,
    notes: &Notes,
) -> Vec<Value> {
    let entries = whole.list("combos");
    let names: Vec<&str> = entries.iter().filter_map(|it| it.get("name")?.as_str()).collect();
    let read = entries.iter().enumerate().filter_map(|(at, entry)| {
        let entry = Section::new(format!("combos[{at}]"), entry, notes);
        let name = entry.text("name")?;
        let strategy = entry.text("strategy").unwrap_or_else(|| "priority".into());
        let strategy = Strategy::named(&strategy).unwrap_or_else(|_| {
            let message = format!("{strategy:?} is no strategy here; it is priority");
            notes.lost(entry.at("strategy"), message);
            Strategy::Priority
        });
        let members = entry.list("models").iter().enumerate().filter_map(|(nth, member)| {
            let model = member.get("model").unwrap_or(member).as_str()?.to_owned();
            if !is_model(&model) && !names.contains(&&*model) {
                let place = format!("{}[{nth}]", entry.at("models"));
                notes.lost(place, format!("{model:?} is no model of a connection"));
                return None;
            }
            let weight = member.get("weight").and_then(Value::as_u64);
            Some(match weight {
                Some(weight) => section([("model", model.into()), ("weight", weight.into())]),
                None => model.into(),
            })
        });
        let members: Vec<Value> = members.collect();
        config(&entry.section("config"));
        entry.finish(|name| {
            matches!(name, "id" | "createdAt" | "updatedAt" | "isActive" | "sortOrder")
                .then_some("")
        });
        if members.is_empty() || entry.value("isActive") == Some(&Value::Bool(false)) {
            notes.lost(entry.place(), "has no members or is not active, and is left out");
            return None;
        }
        let (name, strategy) = (name.into(), strategy.name().into());
        Some(section([("name", name), ("strategy", strategy), ("models", list(members))]))
    });
    read.collect()
}

fn config(of: &Section<'_>) {
    for name in ["timeoutMs", "healthCheckEnabled", "healthCheckTimeoutMs"] {
        if of.value(name).is_some() {
            of.notes().dead(of.at(name), "write first_byte_timeout_seconds or check_seconds");
        }
    }
    of.finish(|name| match name {
        "maxRetries" | "retryDelayMs" => Some("each target is tried once, without a pause"),
        "concurrencyPerModel" | "queueTimeoutMs" => {
            Some("requests do not wait; write max_parallel_requests of the provider")
        }
        _ => None,
    });
}

/// Reads aliases and patterns.
pub(super) fn aliases(
    whole: &Section<'_>,
    settings: &Section<'_>,
    is_known: impl Fn(&str) -> bool,
    connections: &Connections,
) -> Vec<(Value, Value)> {
    let of = whole.section("modelAliases");
    let exact = of.entries().filter_map(|(name, it)| Some((of.at(&name), name, text(it)?)));
    let patterns = settings.list("wildcardAliases").iter().enumerate().filter_map(|(at, it)| {
        let place = format!("{}[{at}]", settings.at("wildcardAliases"));
        settings.notes().dead(place.clone(), "here it is an alias like others");
        Some((place, text(it.get("pattern")?)?, text(it.get("target")?)?))
    });
    let all: Vec<_> = exact.chain(patterns).collect();
    let read = all.into_iter().filter_map(|(place, name, target)| {
        let target = if is_known(&target) { Some(target) } else { connections.written(&target) };
        let target = target.filter(|target| is_known(target));
        if target.is_none() || is_known(&name) {
            let message = "stands for no model of a connection, or is the name of one";
            whole.notes().lost(place, message);
            return None;
        }
        Some((Value::from(name), Value::from(target?)))
    });
    read.collect()
}
