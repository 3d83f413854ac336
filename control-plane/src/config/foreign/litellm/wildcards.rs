//! Names with `*`: what they stand for is asked of the list of known models, since only models
//! that have a name can be served.

use crate::config::foreign::deployments::Deployment;
use crate::config::foreign::notes::Notes;
use crate::config::foreign::providers::known_models;
use crate::prices::PriceList;

/// Makes a deployment of each known model that a wildcard stands for.
pub(super) fn expand(
    deployment: Deployment,
    kind: &str,
    list: &PriceList,
    notes: &Notes,
) -> Vec<Deployment> {
    let Some((before, after)) = deployment.model.split_once('*') else {
        if deployment.name.contains('*') {
            let message = "a name with * that stands for one model alone is not known here; write \
                           it as an alias";
            notes.lost(deployment.place, message);
            return Vec::new();
        }
        return vec![deployment];
    };
    let models = known_models(kind, list);
    let matching = models.into_iter().filter_map(|model| {
        let rest = model.strip_prefix(before)?.strip_suffix(after)?;
        (!rest.is_empty()).then_some((model, rest))
    });
    let expanded: Vec<Deployment> = matching
        .map(|(model, rest)| Deployment {
            wild: true,
            name: deployment.name.replacen('*', rest, 1),
            model: model.to_owned(),
            ..deployment.clone()
        })
        .collect();
    let count = expanded.len();
    let message = if count == 0 {
        "no model that it stands for is known; name each model".to_owned()
    } else {
        format!("stands for the {count} models that are known now; name others one by one")
    };
    notes.changed(format!("{}.model_name", deployment.place), message);
    expanded
}
