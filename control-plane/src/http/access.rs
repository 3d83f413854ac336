//! Who may call which route: one table, and the one place that asks it.
//!
//! [`TABLE`] says of every route who may call it; what its handler answers to whom, where that
//! differs by whose the thing is, is the handler's to decide. A route that is not in the table is
//! open to nobody.

mod table;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tollgate_core::policy::routes;

use crate::domain::Role;
use crate::http::auth::{Caller, ClientAddress, authenticate};
use crate::http::error::ApiError;
use crate::http::gate::address;
use crate::http::{App, unserved};

pub use table::TABLE;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a key.
    Anybody,
    /// Whoever has a good key. The handler shows them what is theirs.
    AnyKey,
    /// Those who may change what is their own. The handler says whether this is.
    Users,
    /// Those who see everything.
    Viewers,
    /// Those who may change everything.
    Admins,
    /// The holder of the master key alone.
    Master,
}

/// Lets those pass who may call a route, and says to its handler who they are.
pub(crate) async fn guard(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let Some(access) = access_to(request.method(), path) else { return Err(closed(path)) };
    let config = app.config.borrow().clone();
    let client = address::of(request.extensions(), request.headers(), &config.server);
    let client = address::name(client);
    let (rate, now) = (config.server.admin.requests_per_minute, app.service.now());
    if access == Access::Anybody {
        // Whoever watches over us asks all the time, and hears nothing that costs much.
        if !is_about_health(path) {
            app.gate.request(&client, rate, now)?;
        }
    } else {
        let asked = (request.method(), request.headers());
        let caller = authenticate(&app, asked.0, asked.1, &client).await?;
        app.gate.request(&caller.name(), rate, now)?;
        check_routes(&caller, access, request.uri().path())?;
        if !admits(access, &caller) {
            return Err(refusal(path, &caller));
        }
        request.extensions_mut().insert(caller);
    }
    request.extensions_mut().insert(ClientAddress(client));
    Ok(next.run(request).await)
}

fn is_about_health(path: &str) -> bool {
    path.starts_with("/health") || path == "/ready"
}

/// Returns who may call a route, by the template of its path. Who asks for a path that is not
/// served hears so only with a key.
fn access_to(method: &Method, path: &str) -> Option<Access> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let is_it = |row: &(&str, &str)| *row == (method, path);
    let served = TABLE.iter().find(|(method, path, _)| is_it(&(method, path)));
    served.map(|(.., access)| *access).or_else(|| {
        unserved::table().any(|(method, path, _)| is_it(&(method, path))).then_some(Access::AnyKey)
    })
}

fn admits(access: Access, caller: &Caller) -> bool {
    match access {
        Access::Anybody | Access::AnyKey => true,
        Access::Users => caller.standing.role.is_some_and(Role::changes_own),
        Access::Viewers => caller.standing.sees_all(),
        Access::Admins => caller.standing.changes_all(),
        Access::Master => caller.is_master(),
    }
}

/// Refuses a key that has a list of routes in which this one is not.
fn check_routes(caller: &Caller, access: Access, path: &str) -> Result<(), ApiError> {
    let Some(key) = &caller.key else { return Ok(()) };
    let is_in = |group: &str| match group {
        "management_routes" => true,
        "info_routes" => access == Access::AnyKey,
        _ => false,
    };
    if routes::admits(&key.allowed_routes, path, is_in) {
        return Ok(());
    }
    let said = format!(
        "Virtual key is not allowed to call this route. Only allowed to call routes: {:?}.",
        key.allowed_routes
    );
    Err(ApiError::detail(StatusCode::FORBIDDEN, said))
}

fn refusal(path: &str, caller: &Caller) -> ApiError {
    if caller.standing.role == Some(Role::ProxyAdminViewer) {
        return ApiError::forbidden("Your role=proxy_admin_viewer may look, and change nothing.");
    }
    ApiError::envelope(
        StatusCode::UNAUTHORIZED,
        "auth_error",
        None,
        format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update \
             info for new keys/users/teams. Route={path}. Your role={}.",
            caller.standing.role.map_or("unknown", Role::as_str)
        ),
    )
}

fn closed(path: &str) -> ApiError {
    tracing::error!(route = path, "nothing says who may call a route, so nobody may");
    ApiError::forbidden("Nobody may call this route.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_has_two_rows() {
        let mut rows: Vec<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
        rows.extend(unserved::table().map(|(method, path, _)| (method, path)));
        rows.sort_unstable();
        let doubles: Vec<_> = rows.windows(2).filter(|pair| pair[0] == pair[1]).collect();

        assert_eq!(doubles, Vec::<&[_]>::new());
    }
}
