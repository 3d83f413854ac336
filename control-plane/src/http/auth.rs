//! Who asks: the master key, some key, or nobody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Scope, Standing, Timestamp};
use crate::http::error::ApiError;
use crate::http::{App, session};
use crate::service::Actor;

/// Who asks, once [`access`] has let them pass. Handlers take it as an argument.
///
/// [`access`]: crate::http::access
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who they are to everybody else.
    pub(crate) standing: Arc<Standing>,
    /// Their key; of who signed in, what stands for one. `None`: the master key.
    pub(crate) key: Option<Arc<ApiKey>>,
    /// What they have shown.
    pub(crate) means: Means,
    /// In whose name they change things.
    pub(crate) actor: Actor,
}

/// What somebody has shown to be who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// The master key.
    Master,
    /// Some key.
    Key,
    /// The cookie of a session.
    Session {
        /// When it is over, if nobody uses it any more.
        ends_at: Timestamp,
    },
}

/// Where a request comes from, as the throttles name it.
#[derive(Debug, Clone)]
pub(crate) struct ClientAddress(pub(crate) String);

impl Caller {
    /// Tells whether they hold the master key.
    pub(crate) fn is_master(&self) -> bool {
        self.means == Means::Master
    }

    /// Names them for counting what they do.
    pub(crate) fn name(&self) -> String {
        self.key.as_ref().map_or_else(|| "master".to_owned(), |key| key.hash.to_hex())
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

/// Finds out who asks, and refuses whoever has no key that is good today, and no session. Where
/// there are both, the key counts.
pub(crate) async fn authenticate(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    address: &str,
) -> Result<Caller, ApiError> {
    if !app.service.has_master() {
        return Err(auth_error(
            "Authentication Error, No master key is configured, so the management API is closed. \
             Set master_key in the configuration, or run `tollgate master-key rotate`.",
        ));
    }
    let rate = app.config.borrow().server.admin.bad_keys_per_minute;
    let Some(key) = credential(headers)? else { return of_session(app, method, headers).await };
    let hash = KeyHash::of(key);
    app.gate.credential(&hash, address, rate, app.service.now())?;
    let caller = of_key(app, key, hash, headers).await;
    match &caller {
        Ok(_) => app.gate.good(&hash),
        Err(error) if error.is_unauthorized() => app.gate.bad(address, rate, app.service.now()),
        Err(_) => {}
    }
    caller
}

async fn of_session(app: &App, method: &Method, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let found = session::signed_in(app, method, headers).await?;
    let Some(found) = found else {
        return Err(auth_error("Authentication Error, No api key passed in."));
    };
    let idle = app.config.borrow().sign_in.idle;
    let (key, standing) = (found.session.key(), Arc::new(found.standing));
    let actor = actor(headers, &standing, standing.user.as_deref().unwrap_or(ADMIN));
    let means = Means::Session { ends_at: found.session.end(idle) };
    Ok(Caller { standing, key: Some(Arc::new(key)), means, actor })
}

async fn of_key(
    app: &App,
    key: &[u8],
    hash: KeyHash,
    headers: &HeaderMap,
) -> Result<Caller, ApiError> {
    if app.service.is_master(&hash) {
        let standing = Arc::new(Standing::master());
        let actor = actor(headers, &standing, ADMIN);
        return Ok(Caller { actor, standing, key: None, means: Means::Master });
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
    Ok(Caller { standing, key: Some(Arc::new(key)), means: Means::Key, actor })
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

/// Tells whether the master key was sent, without refusing anybody. Who guesses at it is told
/// nothing after a while.
pub(crate) fn is_admin(app: &App, headers: &HeaderMap, address: &ClientAddress) -> bool {
    let Ok(Some(key)) = credential(headers) else { return false };
    let (hash, now) = (KeyHash::of(key), app.service.now());
    let rate = app.config.borrow().server.admin.bad_keys_per_minute;
    // Keys that are good elsewhere are none here; they must not count as bad ones there.
    let who = format!("health of {}", address.0);
    if app.gate.credential(&hash, &who, rate, now).is_err() {
        return false;
    }
    let is_master = app.service.is_master(&hash);
    if is_master {
        app.gate.good(&hash);
    } else {
        app.gate.bad(&who, rate, now);
    }
    is_master
}

/// Finds the key: the first of these headers that is there counts. Clients send dummy bearers
/// beside a real `x-api-key`, so `authorization` comes last. `None`: none is there.
fn credential(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
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
        return Ok(Some(key));
    }
    Ok(None)
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
