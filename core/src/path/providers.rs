//! `/providers/{provider}/…`: calls that one provider alone may serve. For objects also
//! `/{provider}/v1/…`.

use super::{Call, Route, Selection, percent, post, realtime, resources};

/// Selects below a prefix of the API; `whole` has the query too. `None`: it is none of these paths.
pub(super) fn select(method: &[u8], api: &str, whole: &[u8], route: &Route) -> Option<Selection> {
    let Some(below) = api.strip_prefix("/providers/") else {
        let (provider, rest) = api.strip_prefix('/')?.split_once('/')?;
        return resources::select(method, rest.strip_prefix("v1")?, &at(provider, route)?);
    };
    let (provider, _) = below.split_once('/')?;
    let path = api.get("/providers/".len() + provider.len()..)?;
    let route = at(provider, route)?;
    let selected = resources::select(method, path, &route)
        .or_else(|| realtime::select(method, path, whole, &route));
    if selected.is_some() {
        return selected;
    }
    let call = |endpoint| Call { endpoint, named: None, route };
    post(method, path, call)
}

/// Returns a route that names a provider.
fn at(provider: &str, route: &Route) -> Option<Route> {
    Some(Route { provider: Some(percent::text(provider)?), ..route.clone() })
}
