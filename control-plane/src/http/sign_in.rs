//! `POST /login`, `POST /v2/login`: the administrator, with a password.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tollgate_core::key::KeyHash;

use crate::config::SignInConfig;
use crate::http::auth::ClientAddress;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::{App, Body, session};

/// `POST /login`: as a page's form has it, or in JSON. Sends the browser on to a page.
pub(crate) async fn form(
    State(app): State<App>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let place = begin(&app, &address, &headers, &body).await?;
    let (mut response, place) = place;
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `POST /v2/login`: says where to go on.
pub(crate) async fn json(
    State(app): State<App>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let (response, place) = begin(&app, &address, &headers, &body).await?;
    let mut answer = Json(json!({ "redirect_url": place })).into_response();
    answer.headers_mut().extend(response.headers().clone());
    Ok(answer)
}

async fn begin(
    app: &App,
    ClientAddress(address): &ClientAddress,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Response, String), ApiError> {
    let sign_in = app.config.borrow().sign_in.clone();
    session::check_origin(headers, &sign_in)?;
    let (username, password) = said(headers, body)?;
    if !sign_in.by_password {
        return Err(ApiError::forbidden("Nobody signs in with a password here."));
    }
    // Names that are nobody's have to wait as well, so that waiting tells nothing.
    let account = KeyHash::of(username.as_bytes()).to_hex();
    app.gate.attempt(address, &account, app.service.now())?;
    if !is_right(app, &sign_in, &username, &password) {
        return Err(ApiError::unauthorized(
            "auth_error",
            Some("invalid_credentials"),
            "Invalid credentials used to access UI.",
        ));
    }
    app.gate.succeed(address, &account);
    let login = format!("password:{}", app.service.random_text());
    let token = app.service.begin_session(None, login, sign_in.longest).await?;
    tracing::info!(client.address = address.as_str(), "the administrator signed in");
    let mut response = ().into_response();
    session::keep(&mut response, &token, &sign_in);
    Ok((response, home(&sign_in)))
}

/// Returns where people go on who signed in.
pub(crate) fn home(sign_in: &SignInConfig) -> String {
    format!("{}{HOME}", sign_in.base())
}

/// Compares both, whatever the first says, and in constant time.
fn is_right(app: &App, sign_in: &SignInConfig, username: &str, password: &str) -> bool {
    let hash = |text: &str| KeyHash::of(text.as_bytes());
    let named = hash(username).as_bytes().ct_eq(hash(&sign_in.username).as_bytes());
    let proved = match &sign_in.password {
        Some(own) => bool::from(hash(password).as_bytes().ct_eq(hash(own.expose()).as_bytes())),
        None => app.service.is_master(&hash(password)),
    };
    bool::from(named) && proved
}

/// Reads name and password out of a form, or out of JSON.
fn said(headers: &HeaderMap, body: &[u8]) -> Result<(String, String), ApiError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let find = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(body);
            let found = pairs.find(|(known, _)| known == name);
            let found = found.map(|(_, value)| value.into_owned());
            found.ok_or_else(|| ApiError::bad_request(name, format!("{name} is missing")))
        };
        return Ok((find("username")?, find("password")?));
    }
    let mut fields = Fields::read(body)?;
    let said = (fields.required_text("username"), fields.required_text("password"));
    fields.finish()?;
    Ok(said)
}

/// Says who signed in, until there are pages.
const HOME: &str = "/session";
