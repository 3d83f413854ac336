//! `LiteLLM`'s `config.yaml`. What its settings do: <https://docs.litellm.ai/docs/proxy/config_settings>.

mod deployments;
mod fallbacks;
mod params;
mod prices;
mod reasons;
mod settings;
mod sign_in;
mod vendors;
mod wildcards;

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::config::foreign::deployments::Deployments;
use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::fields::{Section, text};
use crate::config::foreign::groups;
use crate::config::foreign::litellm::settings::Settings;
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, section, variable};
use crate::config::foreign::variables::Variables;
use crate::config::foreign::{Surroundings, Translation};

/// Tells whether a file has `LiteLLM`'s sections and none of ours.
pub(super) fn is_one(tree: &Value) -> bool {
    let Some(fields) = tree.as_mapping() else { return false };
    let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    has(&["model_list", "litellm_settings", "router_settings", "general_settings"]) && !has(&OURS)
}

/// Translates the file.
pub(super) fn translate(tree: &Value, around: Surroundings<'_>) -> Result<Translation, String> {
    if !tree.is_mapping() {
        return Err("LiteLLM's configuration is a section with `model_list` in it".into());
    }
    if tree.get("model_list").is_some_and(|list| !list.is_null() && !list.is_sequence()) {
        return Err("model_list is not a list".into());
    }
    let notes = Notes::default();
    let mut named = BTreeSet::new();
    references(tree, &mut named);
    let variables = Variables::new(around, &notes, named);
    let whole = Section::new("", tree, &notes);
    for (name, value) in whole.section("environment_variables").entries() {
        if let Some(value) = text(value).filter(|value| !value.starts_with(REFERENCE)) {
            variables.define(&name, &value);
        }
    }
    let settings = Settings::read(&whole, &variables);
    let mut deployments = Deployments::of_list(&whole, &variables, around.prices);
    deployments.providers.check_seconds = settings.check_seconds;
    let fallbacks = Fallbacks::of_settings(&settings, &notes);
    let models = groups::models(&deployments, settings.sharing, &fallbacks, &notes);
    let aliases = settings.aliases(|name| deployments.has(name), &notes);
    let tree = section([
        ("server", settings.server()),
        ("filter", section([("file", FILTER.into())])),
        (
            "database",
            section([("url", settings.database.clone().map_or(Value::Null, Value::from))]),
        ),
        ("master_key", variable(settings.master_key.as_deref())),
        ("sign_in", sign_in::section_of(&variables, &notes)),
        ("providers", deployments.providers.tree()),
        ("models", list(models)),
        ("aliases", aliases),
        ("resilience", settings.resilience()),
        ("cache", maybe(settings.cache.clone())),
    ]);
    settings.finish();
    whole.finish(|name| reasons::why("", name));
    let variables = variables.into_made();
    Ok(Translation { tree, variables, notes: notes.into_list() })
}

/// Collects the variables that a file refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.extend(text.strip_prefix(REFERENCE).map(str::to_owned));
        }
        Value::Sequence(list) => list.iter().for_each(|value| references(value, found)),
        Value::Mapping(fields) => fields.values().for_each(|value| references(value, found)),
        Value::Tagged(tagged) => references(&tagged.value, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Before the name of a variable.
const REFERENCE: &str = "os.environ/";
/// Beside the file, unless the environment says otherwise.
const FILTER: &str = "tollgate_filter.wasm";
/// Sections that say that a file is meant for us.
const OURS: [&str; 13] = [
    "server",
    "filter",
    "database",
    "master_key",
    "sign_in",
    "providers",
    "models",
    "combos",
    "aliases",
    "default_model",
    "resilience",
    "limits",
    "tags",
];
