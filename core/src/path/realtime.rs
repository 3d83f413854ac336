//! `GET /realtime?model=…`: a WebSocket session.

use tollgate_proto::v1::Endpoint;

use super::{Call, Named, Route, Selection, got, percent, query_value};

/// Selects below a prefix of the API. `None`: it is another path.
pub(super) fn select(method: &[u8], api: &str, path: &[u8], route: &Route) -> Option<Selection> {
    let mut route = route.clone();
    if let Some((provider, "realtime")) =
        api.strip_prefix("/providers/").and_then(|rest| rest.split_once('/'))
    {
        route.provider = String::from_utf8(percent::decode(provider.as_bytes())).ok();
    } else if api != "/realtime" {
        return None;
    }
    let asked = query_value(path, "model").or_else(|| query_value(path, "deployment"));
    let model = asked.and_then(|model| String::from_utf8(model).ok()).unwrap_or_default();
    let named = Some(Named { model, stream: true, sse: true });
    Some(got(method, Selection::Inference(Call { endpoint: Endpoint::Realtime, named, route })))
}
