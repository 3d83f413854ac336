//! `routes`, `model_aliases` and `router.fallbacks`.

use std::cmp::Reverse;

use serde_yaml_ng::{Mapping, Value};

use crate::config::Strategy;
use crate::config::foreign::deployments::Deployments;
use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::fields::{Section, text};
use crate::config::foreign::notes::Notes;
use crate::config::foreign::pllm::settings;
use crate::config::foreign::tree::{list, maybe, section};

/// What `model_aliases` becomes: names of one model, and combos of several.
pub(super) struct Aliases {
    pub(super) aliases: Value,
    pub(super) combos: Vec<Value>,
}

/// Reads what is tried after others, which PLLM did not look at.
pub(super) fn fallbacks(router: &Section<'_>, notes: &Notes) -> Fallbacks {
    let mut fallbacks = Fallbacks::default();
    for name in ["fallbacks", "context_window_fallbacks"] {
        let of = router.section(name);
        for (model, _) in of.entries() {
            let place = of.at(&model);
            notes.dead(place.clone(), "here they are tried when the model fails");
            fallbacks.of.push((model.clone(), place, of.texts(&model)));
        }
    }
    fallbacks
}

/// Makes a combo of each route.
pub(super) fn combos(whole: &Section<'_>, all: &Deployments, notes: &Notes) -> Vec<Value> {
    let routes = whole.list("routes").iter().enumerate().filter_map(|(at, route)| {
        let route = Section::new(format!("routes[{at}]"), route, notes);
        let name = route.text("slug").or_else(|| route.text("name"))?;
        if route.flag("enabled") == Some(false) || all.has(&name) {
            let message = "is not enabled, or has the name of a model, and is left out";
            notes.lost(route.place(), message);
            return None;
        }
        let strategy = settings::strategy(&route, "strategy");
        let mut members = members(&route, all, notes);
        if strategy == Strategy::Priority {
            members.sort_by_key(|member| Reverse(member.priority));
        }
        let weighted = strategy == Strategy::Weighted;
        let later = route.texts("fallback_models").into_iter().filter(|name| all.has(name));
        let later = later.map(|name| member(&name, weighted.then_some(0)));
        let written = members.iter().map(|it| member(&it.model, it.weight.filter(|_| weighted)));
        let written: Vec<Value> = written.chain(later).collect();
        route.finish(|name| (name == "name" || name == "description").then_some(""));
        (!written.is_empty()).then(|| {
            section([
                ("name", name.into()),
                ("strategy", strategy.name().into()),
                ("models", list(written)),
            ])
        })
    });
    routes.collect()
}

/// Reads other names of models, which PLLM did not look at.
pub(super) fn aliases(
    whole: &Section<'_>,
    is_model: impl Fn(&str) -> bool,
    notes: &Notes,
) -> Aliases {
    let of = whole.section("model_aliases");
    let (mut aliases, mut combos) = (Mapping::new(), Vec::new());
    for (name, target) in of.entries() {
        let listed = target.as_sequence().map_or(std::slice::from_ref(target), Vec::as_slice);
        let known: Vec<String> = listed.iter().filter_map(text).filter(|it| is_model(it)).collect();
        match known.as_slice() {
            _ if is_model(&name) => notes.lost(of.at(&name), "is the name of a model, which wins"),
            [] => notes.lost(of.at(&name), "stands for no model of the list"),
            [one] => {
                notes.dead(of.at(&name), "here it is another name of that model");
                aliases.insert(name.into(), one.clone().into());
            }
            several => {
                notes.dead(of.at(&name), "here it is a combo: one after the other is tried");
                let models = list(several.iter().map(|it| member(it, None)));
                combos.push(section([("name", name.into()), ("models", models)]));
            }
        }
    }
    Aliases { aliases: Value::Mapping(aliases), combos }
}

struct Member {
    model: String,
    weight: Option<u64>,
    priority: u64,
}

fn members(route: &Section<'_>, all: &Deployments, notes: &Notes) -> Vec<Member> {
    let entries = route.list("models").iter().enumerate().filter_map(|(at, entry)| {
        let entry = Section::new(format!("{}[{at}]", route.at("models")), entry, notes);
        let model = entry.text("model_name").filter(|name| all.has(name));
        if model.is_none() {
            notes.lost(entry.place(), "names no model of the list");
        }
        let (weight, priority) = (entry.whole("weight"), entry.whole("priority"));
        entry.finish(|name| (name == "enabled").then_some(""));
        Some(Member { model: model?, weight, priority: priority.unwrap_or_default() })
    });
    entries.collect()
}

fn member(model: &str, weight: Option<u64>) -> Value {
    match weight {
        Some(weight) => section([("model", model.into()), ("weight", maybe(Some(weight)))]),
        None => model.into(),
    }
}
