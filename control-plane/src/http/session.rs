//! Sessions of people: the cookie that a browser keeps, and what proves that a page of ours sent
//! a request with it.
//!
//! Browsers send a cookie with requests of any page. So whatever changes something must bring a
//! token that only a page of ours can read, and must not come from elsewhere by the browser's own
//! word.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tollgate_core::key::KeyHash;

use crate::config::SignInConfig;
use crate::domain::{Role, Scope, Secret, Timestamp};
use crate::http::auth::{Caller, Means};
use crate::http::error::ApiError;
use crate::http::{App, sign_in};
use crate::service::SignedIn;

/// Who signs in with a password, and what becomes of sessions.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/login", post(sign_in::form))
        .route("/v2/login", post(sign_in::json))
        .route("/session", get(show))
        .route("/logout", post(end))
}

/// `GET /session`: who asks, and what a page needs to change something.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let sign_in = app.config.borrow().sign_in.clone();
    let standing = &caller.standing;
    let user = match &standing.user {
        Some(id) => app.service.entity(Scope::User, id).await?,
        None => None,
    };
    let (mut ends_at, mut csrf) = (None, None);
    if let (Means::Session { ends_at: end }, Some(token)) =
        (&caller.means, token(&headers, &sign_in))
    {
        (ends_at, csrf) = (written(*end), Some(csrf_token(token)));
    }
    Ok(Json(json!({
        "user_id": standing.user,
        "user_email": user.and_then(|user| user.email),
        "user_role": standing.role.map(Role::as_str),
        "signed_in": csrf.is_some(),
        "expires_at": ends_at,
        "csrf_token": csrf,
    })))
}

/// `POST /logout`: ends the session.
pub(crate) async fn end(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let (Means::Session { .. }, Some(key)) = (&caller.means, &caller.key) else {
        let message = "There is no session to end: a key was sent.";
        return Err(ApiError::envelope(
            StatusCode::BAD_REQUEST,
            "bad_request_error",
            None,
            message,
        ));
    };
    app.service.end_session(&key.hash).await?;
    let mut response = Json(json!({"status": "signed_out"})).into_response();
    forget(&mut response, &app.config.borrow().sign_in);
    Ok(response)
}

/// Finds out whose session a request brings. `None`: it brings none.
///
/// # Errors
/// When it is over, or when something is to be changed and no page of ours asks for it.
pub(crate) async fn signed_in(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<SignedIn>, ApiError> {
    let sign_in = app.config.borrow().sign_in.clone();
    let Some(token) = token(headers, &sign_in) else { return Ok(None) };
    let found = app.service.signed_in(&KeyHash::of(token.as_bytes()), sign_in.idle).await?;
    let found = found.ok_or_else(|| {
        let message = "Authentication Error, The session is over. Sign in again.";
        ApiError::unauthorized("expired_session", None, message)
    })?;
    if !method.is_safe() {
        check_origin(headers, &sign_in)?;
        let said = headers.get(CSRF_HEADER).map_or(&b""[..], HeaderValue::as_bytes);
        if !bool::from(csrf_token(token).as_bytes().ct_eq(said)) {
            return Err(ApiError::forbidden(
                "The header X-CSRF-Token is not that of the session; GET /session says it.",
            ));
        }
    }
    Ok(Some(found))
}

/// Refuses what a page from elsewhere has a browser send.
pub(crate) fn check_origin(headers: &HeaderMap, sign_in: &SignInConfig) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let by_browser =
        text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let by_origin = headers.get(ORIGIN).is_none_or(|origin| {
        let Ok(origin) = origin.to_str() else { return false };
        if let Some(own) = sign_in.origin() {
            return origin == own;
        }
        // Nobody said where browsers reach us; then they say themselves where they did.
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == text(HOST.as_str())
    });
    if by_browser && by_origin {
        return Ok(());
    }
    Err(ApiError::forbidden("A page of another origin may not ask this."))
}

/// Has a browser keep the token of a session.
pub(crate) fn keep(response: &mut Response, token: &Secret, sign_in: &SignInConfig) {
    set_cookie(response, NAMES, token.expose(), sign_in.longest, sign_in.is_secure());
}

fn forget(response: &mut Response, sign_in: &SignInConfig) {
    set_cookie(response, NAMES, "", Duration::ZERO, sign_in.is_secure());
}

/// Sets a cookie that no script reads and no page of another site sends along with a change.
pub(crate) fn set_cookie(
    response: &mut Response,
    names: Names,
    value: &str,
    age: Duration,
    secure: bool,
) {
    let (name, secure) = if secure { (names.1, "; Secure") } else { (names.0, "") };
    let age = age.as_secs();
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    // Names and values are of letters that headers may hold.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Reads a cookie.
pub(crate) fn cookie(headers: &HeaderMap, names: Names, secure: bool) -> Option<&str> {
    let name = if secure { names.1 } else { names.0 };
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
    let found = cookies.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim());
    found.filter(|value| !value.is_empty())
}

fn token<'a>(headers: &'a HeaderMap, sign_in: &SignInConfig) -> Option<&'a str> {
    cookie(headers, NAMES, sign_in.is_secure())
}

/// What a page must say to change something. Made from the cookie, which no script can read.
fn csrf_token(token: &str) -> String {
    KeyHash::of(format!("{CSRF}{token}").as_bytes()).to_hex()
}

fn written(at: Timestamp) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(at.as_micros().div_euclid(1_000_000)).ok()?;
    at.format(&Rfc3339).ok()
}

/// The names of a cookie: over plain text, and over TLS, where browsers let nobody else set it.
pub(crate) type Names = (&'static str, &'static str);

const NAMES: Names = ("tollgate_session", "__Host-tollgate_session");
const CSRF_HEADER: &str = "x-csrf-token";
const CSRF: &str = "tollgate csrf ";
