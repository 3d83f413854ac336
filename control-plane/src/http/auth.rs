//! Who asks: the master key, some key, or nobody.

use axum::http::{HeaderMap, StatusCode};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Scope};
use crate::http::App;
use crate::http::error::ApiError;
use crate::service::Actor;

/// Who asks.
#[derive(Debug)]
pub(crate) enum Caller {
    /// The holder of the master key.
    Admin,
    /// The holder of a key.
    Key(Box<ApiKey>),
}

/// Finds out who asks, and refuses whoever has no key that is good today.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if !app.service.has_master() {
        return Err(auth_error(
            "Authentication Error, No master key is configured, so the management API is closed. \
             Set master_key in the configuration.",
        ));
    }
    let key = credential(headers)?;
    let hash = KeyHash::of(key);
    if app.service.is_master(&hash) {
        return Ok(Caller::Admin);
    }
    if !key.starts_with(b"sk-") {
        return Err(auth_error(
            "Authentication Error, LiteLLM Virtual Key expected. Keys start with 'sk-'.",
        ));
    }
    let key = app.service.key(&hash).await?.ok_or_else(|| {
        let message = "Authentication Error, Invalid API key provided.";
        ApiError::unauthorized("token_not_found_in_db", Some("key"), message)
    })?;
    if key.blocked == Some(true) {
        return Err(auth_error(
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        ));
    }
    if key.expires_at.is_some_and(|end| end <= app.service.now()) {
        let hash = hash.to_hex();
        let param = format!("sk-...{}", hash.get(60..).unwrap_or_default());
        let message = "Authentication Error - Expired Key. Ask for a new one.";
        return Err(ApiError::unauthorized("expired_key", Some(&param), message));
    }
    if let Some(id) = &key.team_id
        && let Some(team) = app.service.entity(Scope::Team, id).await?
        && team.blocked == Some(true)
    {
        let message = format!("Authentication Error, Team={id} is blocked.");
        return Err(auth_error(&message));
    }
    Ok(Caller::Key(Box::new(key)))
}

/// Lets the holder of the master key pass, and says in whose name.
pub(crate) async fn admin(app: &App, headers: &HeaderMap, route: &str) -> Result<Actor, ApiError> {
    match authenticate(app, headers).await? {
        Caller::Admin => Ok(actor(headers)),
        Caller::Key(_) => Err(ApiError::envelope(
            StatusCode::UNAUTHORIZED,
            "auth_error",
            None,
            format!(
                "Authentication Error, Only proxy admin can be used to generate, delete, update \
                 info for new keys/users/teams. Route={route}. Your role=unknown."
            ),
        )),
    }
}

/// Tells whether the master key was sent, without refusing anybody.
pub(crate) fn is_admin(app: &App, headers: &HeaderMap) -> bool {
    credential(headers).is_ok_and(|key| app.service.is_master(&KeyHash::of(key)))
}

/// Finds the key: the first of these headers that is there counts. Clients send dummy bearers
/// beside a real `x-api-key`, so `authorization` comes last.
fn credential(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    for name in ["x-litellm-api-key", "x-api-key", "api-key", "x-goog-api-key", "authorization"] {
        let Some(value) = headers.get(name) else { continue };
        let value = value.as_bytes().trim_ascii();
        let key = match value.split_at_checked(BEARER.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(BEARER) => rest.trim_ascii(),
            _ if value.eq_ignore_ascii_case(BEARER.trim_ascii()) => b"",
            _ => value,
        };
        if key.is_empty() && name != "authorization" {
            continue;
        }
        if key.is_empty() {
            let message = "Authentication Error, Malformed API Key passed in. \
                           Ensure Key has `Bearer ` prefix.";
            return Err(auth_error(message));
        }
        return Ok(key);
    }
    Err(auth_error("Authentication Error, No api key passed in."))
}

fn actor(headers: &HeaderMap) -> Actor {
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::trim).filter(|value| !value.is_empty() && value.len() <= 255)
    };
    Actor {
        name: text("litellm-changed-by").unwrap_or(ADMIN).to_owned(),
        request_id: text("x-request-id").map(str::to_owned),
    }
}

fn auth_error(message: &str) -> ApiError {
    ApiError::unauthorized("auth_error", None, message)
}

const BEARER: &[u8] = b"Bearer ";
/// The user that LiteLLM knows the holder of the master key as.
const ADMIN: &str = "default_user_id";
