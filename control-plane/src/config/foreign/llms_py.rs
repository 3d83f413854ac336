//! `llms.json` of llms.py. Version 2 names every model of a provider; later ones take what a
//! public catalogue knows and say what differs.

mod models;
mod provider;

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::config::Strategy;
use crate::config::foreign::deployments::Deployments;
use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::fields::Section;
use crate::config::foreign::groups::{self, Sharing};
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, section};
use crate::config::foreign::variables::Variables;
use crate::config::foreign::{Surroundings, Translation};

/// Translates the file.
pub(super) fn translate(tree: &Value, around: Surroundings<'_>) -> Result<Translation, String> {
    if tree.get("providers").and_then(Value::as_mapping).is_none() {
        return Err("llms.json is a section with `providers` in it".into());
    }
    let notes = Notes::default();
    let variables = Variables::new(around, &notes, BTreeSet::new());
    let whole = Section::new("", tree, &notes);
    let limits = whole.section("limits");
    let sharing = Sharing {
        strategy: Strategy::Priority,
        retries: None,
        timeout: limits.number("client_timeout").filter(|seconds| *seconds > 0.0),
    };
    let later = whole.number("version").is_some_and(|version| version >= 3.0);
    let mut deployments = Deployments::default();
    let providers = whole.section("providers");
    for (name, value) in providers.entries() {
        let of = Section::new(providers.at(&name), value, &notes);
        provider::read(&name, &of, later, &variables, around.prices, &mut deployments);
    }
    let models = groups::models(&deployments, sharing, &Fallbacks::default(), &notes);
    let gateway = section([
        ("listen", "127.0.0.1:8000".into()),
        ("max_body_bytes", maybe(limits.whole("client_max_size"))),
    ]);
    let tree = section([
        ("server", section([("gateway", gateway)])),
        ("filter", section([("file", "tollgate_filter.wasm".into())])),
        ("master_key", "env:TOLLGATE_MASTER_KEY".into()),
        ("providers", deployments.providers.tree()),
        ("models", list(models)),
    ]);
    if whole.value("auth").and_then(|auth| auth.get("enabled")) != Some(&Value::Bool(true)) {
        notes.changed("auth", "clients need a key here: make one with `tollgate key new`");
    }
    limits.finish(|name| (name == "retries").then_some("each target is tried once"));
    whole.finish(why);
    let variables = variables.into_made();
    Ok(Translation { tree, variables, notes: notes.into_list() })
}

fn why(name: &str) -> Option<&'static str> {
    Some(match name {
        "version" | "loading" | "auth" => "",
        "defaults" => "requests bring what they ask",
        "convert" => "images are passed on as they are",
        "disable_extensions" => "there are no extensions",
        _ => return None,
    })
}
