//! `GET /realtime?model=…`: a WebSocket session.

use tollgate_proto::v1::Endpoint;

use super::{Call, Named, Route, Selection, got, query_value};

/// Selects below a prefix of the API; `whole` has the query too. `None`: it is another path.
pub(super) fn select(method: &[u8], api: &str, whole: &[u8], route: &Route) -> Option<Selection> {
    if api != "/realtime" {
        return None;
    }
    let asked = query_value(whole, "model").or_else(|| query_value(whole, "deployment"));
    let model = asked.and_then(|model| String::from_utf8(model).ok()).unwrap_or_default();
    let named = Some(Named { model, stream: true, sse: true });
    let call = Call { endpoint: Endpoint::Realtime, named, route: route.clone() };
    Some(got(method, Selection::Inference(call)))
}
