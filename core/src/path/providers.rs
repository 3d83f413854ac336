//! `/providers/{provider}/…`: calls that one provider alone may serve. For objects also
//! `/{provider}/v1/…`.

use super::{Call, Route, Selection, percent, post, resources};

/// Selects below a prefix of the API. `None`: it is none of these paths.
pub(super) fn select(method: &[u8], api: &str, route: &Route) -> Option<Selection> {
    let Some(below) = api.strip_prefix("/providers/") else {
        let (provider, rest) = api.strip_prefix('/')?.split_once('/')?;
        return resources::select(method, rest.strip_prefix("v1")?, &at(provider, route)?);
    };
    let (provider, _) = below.split_once('/')?;
    let path = api.get("/providers/".len() + provider.len()..)?;
    let route = at(provider, route)?;
    if let Some(selection) = resources::select(method, path, &route) {
        return Some(selection);
    }
    let call = |endpoint| Call { endpoint, named: None, route };
    post(method, path, call)
}

/// Returns a route that names a provider.
fn at(provider: &str, route: &Route) -> Option<Route> {
    let provider = String::from_utf8(percent::decode(provider.as_bytes())).ok()?;
    Some(Route { provider: Some(provider), ..route.clone() })
}
