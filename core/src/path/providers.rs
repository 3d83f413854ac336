//! `/providers/{provider}/…`: calls that one provider alone may serve.

use super::{Call, Route, Selection, percent, post};

/// Selects below a prefix of the API. `None`: it is none of these paths.
pub(super) fn select(method: &[u8], api: &str, route: &Route) -> Option<Selection> {
    let (provider, _) = api.strip_prefix("/providers/")?.split_once('/')?;
    let path = api.get("/providers/".len() + provider.len()..)?;
    let provider = String::from_utf8(percent::decode(provider.as_bytes())).ok()?;
    let route = Route { provider: Some(provider), ..route.clone() };
    let call = |endpoint| Call { endpoint, named: None, route };
    post(method, path, call)
}
