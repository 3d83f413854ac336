//! `/engines`: OpenAI's first API, in which the path names the model.

use tollgate_proto::v1::Endpoint;

use super::{Call, Route, Selection, got, percent, posted};

/// What can be asked of an engine.
const CALLS: [(&str, Endpoint); 3] = [
    ("/chat/completions", Endpoint::ChatCompletions),
    ("/completions", Endpoint::Completions),
    ("/embeddings", Endpoint::Embeddings),
];

/// Selects below a prefix of the API. `None`: it is none of these paths.
pub(super) fn select(method: &[u8], api: &str, route: &Route) -> Option<Selection> {
    let rest = api.strip_prefix("/engines")?;
    let Some(rest) = rest.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
        return rest.trim_start_matches('/').is_empty().then(|| got(method, Selection::Engines));
    };
    let called = CALLS.iter().find_map(|(end, endpoint)| Some((rest.strip_suffix(end)?, endpoint)));
    let Some((model, endpoint)) = called.filter(|(model, _)| !model.is_empty()) else {
        return Some(got(method, Selection::Engine(percent::text(rest)?)));
    };
    let route = Route { default_model: percent::text(model)?, ..route.clone() };
    Some(posted(method, Selection::Inference(Call { endpoint: *endpoint, named: None, route })))
}
