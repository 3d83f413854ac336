//! OmniRoute: its database, in the form that its former `db.json` had: connections to providers,
//! nodes, aliases, combos, prices and settings.

mod combos;
mod connections;
mod settings;

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value};

use crate::config::Strategy;
use crate::config::foreign::deployments::Deployments;
use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::fields::Section;
use crate::config::foreign::groups::{self, Sharing};
use crate::config::foreign::notes::Notes;
use crate::config::foreign::omniroute::connections::Connections;
use crate::config::foreign::tree::{list, section};
use crate::config::foreign::variables::Variables;
use crate::config::foreign::{Surroundings, Translation};

/// Translates the tree.
pub(super) fn translate(tree: &Value, around: Surroundings<'_>) -> Result<Translation, String> {
    if tree.get("providerConnections").and_then(Value::as_sequence).is_none() {
        return Err("OmniRoute's data has a list `providerConnections` in it".into());
    }
    let notes = Notes::default();
    let variables = Variables::new(around, &notes, BTreeSet::new());
    let whole = Section::new("", tree, &notes);
    let settings = whole.section("settings");
    let mut deployments = Deployments::default();
    let connections = Connections::read(&whole, &variables, &mut deployments);
    connections.models(&whole, around.prices, &mut deployments);
    let sharing = Sharing { strategy: Strategy::Priority, ..Sharing::default() };
    let mut models = groups::models(&deployments, sharing, &Fallbacks::default(), &notes);
    settings::of_models(&settings, &mut models);
    let combos = combos::combos(&whole, |name| deployments.has(name), &notes);
    let names: Vec<String> = combos.iter().filter_map(name_of).collect();
    let is_known = |name: &str| deployments.has(name) || names.iter().any(|it| it == name);
    let aliases = combos::aliases(&whole, &settings, is_known, &connections);
    let gateway = section([("listen", "127.0.0.1:20128".into())]);
    let gateway = settings::addresses(&settings, gateway);
    let tree = section([
        ("server", section([("gateway", gateway)])),
        ("filter", section([("file", "tollgate_filter.wasm".into())])),
        ("master_key", "env:TOLLGATE_MASTER_KEY".into()),
        ("providers", deployments.providers.tree()),
        ("models", list(models)),
        ("combos", list(combos)),
        ("aliases", Value::Mapping(aliases.into_iter().collect::<Mapping>())),
    ]);
    settings::finish(&whole, &settings);
    let variables = variables.into_made();
    Ok(Translation { tree, variables, notes: notes.into_list() })
}

fn name_of(combo: &Value) -> Option<String> {
    combo.get("name").and_then(Value::as_str).map(str::to_owned)
}
