//! `config.yaml` of PLLM. Much of what it holds did nothing there; that is said of each, since a
//! limit that begins to hold is a change.

mod deployments;
mod routes;
mod settings;

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::config::foreign::deployments::Deployments;
use crate::config::foreign::fields::Section;
use crate::config::foreign::groups;
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, section, variable};
use crate::config::foreign::variables::Variables;
use crate::config::foreign::{Surroundings, Translation};

/// Translates the file.
pub(super) fn translate(tree: &Value, around: Surroundings<'_>) -> Result<Translation, String> {
    if tree.get("model_list").and_then(Value::as_sequence).is_none() {
        return Err("PLLM's configuration is a section with a list `model_list` in it".into());
    }
    let notes = Notes::default();
    let mut named = BTreeSet::new();
    references(tree, &mut named);
    let variables = Variables::new(around, &notes, named);
    let whole = Section::new("", tree, &notes);
    let router = whole.section("router");
    let sharing = settings::sharing(&router);
    let mut deployments = Deployments::default();
    deployments::read(&whole, &variables, &mut deployments);
    let fallbacks = routes::fallbacks(&router, &notes);
    let models = groups::models(&deployments, sharing, &fallbacks, &notes);
    let combos = routes::combos(&whole, &deployments, &notes);
    let aliases = routes::aliases(&whole, |name| deployments.has(name), &notes);
    let tree = section([
        ("server", settings::server(&whole)),
        ("filter", section([("file", "tollgate_filter.wasm".into())])),
        ("master_key", variable(Some(&settings::master_key(&whole, &variables)))),
        ("providers", deployments.providers.tree()),
        ("models", list(models)),
        ("combos", list(combos.into_iter().chain(aliases.combos))),
        ("aliases", aliases.aliases),
        ("resilience", settings::resilience(&router)),
        ("cache", maybe(settings::cache(&whole))),
    ]);
    settings::finish(&whole, &router);
    let variables = variables.into_made();
    Ok(Translation { tree, variables, notes: notes.into_list() })
}

/// Takes the name out of `${NAME}`.
fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    Some(name.split(":-").next().unwrap_or(name))
}

/// Collects the variables that a file refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(str::to_owned)),
        Value::Sequence(list) => list.iter().for_each(|value| references(value, found)),
        Value::Mapping(fields) => fields.values().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Tagged(_) => {}
    }
}

/// Reads a duration as Go writes it (`1m30s`), or a number of seconds.
fn seconds(of: &Section<'_>, name: &str) -> Option<f64> {
    let text = of.text(name)?;
    let mut total = 0.0;
    let mut digits = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_digit() || letter == '.' {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            'm' if letters.next_if_eq(&'s').is_some() => 0.001,
            's' => 1.0,
            'm' => 60.0,
            'h' => 3_600.0,
            _ => f64::NAN,
        };
        total += std::mem::take(&mut digits).parse().unwrap_or(f64::NAN) * unit;
    }
    if !digits.is_empty() {
        total += digits.parse().unwrap_or(f64::NAN);
    }
    if !total.is_finite() || total <= 0.0 {
        of.notes().lost(of.at(name), "is no duration");
        return None;
    }
    Some(total)
}
