//! Who asks: the master key, some key, or nobody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Scope, Standing};
use crate::http::App;
use crate::http::error::ApiError;
use crate::service::Actor;

/// Who asks, once [`access`] has let them pass. Handlers take it as an argument.
///
/// [`access`]: crate::http::access
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who they are to everybody else.
    pub(crate) standing: Arc<Standing>,
    /// Their key. `None`: the master key.
    pub(crate) key: Option<Arc<ApiKey>>,
    /// In whose name they change things.
    pub(crate) actor: Actor,
}

impl Caller {
    /// Tells whether they hold the master key.
    pub(crate) fn is_master(&self) -> bool {
        self.key.is_none()
    }

    /// Returns the key of who does not see everything.
    pub(crate) fn confined(&self) -> Option<&ApiKey> {
        self.key.as_deref().filter(|_| !self.standing.sees_all())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Only routes that are open to anybody have none, and their handlers ask for none.
        parts.extensions.get().cloned().ok_or_else(nobody)
    }
}

/// In whose name a handler changes things: of the caller, all that most of them need.
pub(crate) struct By(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Caller::from_request_parts(parts, state).await?.actor))
    }
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
        let standing = Arc::new(Standing::master());
        return Ok(Caller { actor: actor(headers, &standing, ADMIN), standing, key: None });
    }
    if !key.starts_with(b"sk-") {
        return Err(auth_error(
            "Authentication Error, LiteLLM Virtual Key expected. Keys start with 'sk-'.",
        ));
    }
    let used = app.service.used_key(&hash).await?.map(|(key, _)| key);
    let key = used.ok_or_else(|| {
        let message = "Authentication Error, Invalid API key provided.";
        ApiError::unauthorized("token_not_found_in_db", Some("key"), message)
    })?;
    check(app, &key).await?;
    let standing = Arc::new(app.service.standing(&key).await?);
    let actor = actor(headers, &standing, standing.user.as_deref().unwrap_or(&key.name));
    Ok(Caller { standing, key: Some(Arc::new(key)), actor })
}

/// Refuses a key that is blocked, by itself or with its team, or that has ended.
async fn check(app: &App, key: &ApiKey) -> Result<(), ApiError> {
    if key.blocked == Some(true) {
        return Err(auth_error(
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        ));
    }
    if key.expires_at.is_some_and(|end| end <= app.service.now()) {
        let hash = key.hash.to_hex();
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
    Ok(())
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

/// Those who may change everything may say in whose name they do.
fn actor(headers: &HeaderMap, standing: &Standing, own: &str) -> Actor {
    let said = header(headers, "litellm-changed-by").filter(|_| standing.changes_all());
    let request_id = header(headers, "x-request-id").map(str::to_owned);
    Actor { name: said.unwrap_or(own).to_owned(), request_id }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.map(str::trim).filter(|value| !value.is_empty() && value.len() <= 255)
}

fn nobody() -> ApiError {
    ApiError::envelope(
        StatusCode::FORBIDDEN,
        "permission_error",
        None,
        "This route is open to nobody: who may call it is not said.",
    )
}

fn auth_error(message: &str) -> ApiError {
    ApiError::unauthorized("auth_error", None, message)
}

const BEARER: &[u8] = b"Bearer ";
/// The user that LiteLLM knows the holder of the master key as.
const ADMIN: &str = "default_user_id";
