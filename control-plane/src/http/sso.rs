//! `/sso/*`: people sign in with the identity provider of the configuration.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tollgate_core::key::KeyHash;

use crate::config::{OidcConfig, SignInConfig};
use crate::domain::Secret;
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::session::{self, Names};
use crate::http::{App, sign_in};
use crate::oidc::claims::{self, Unwanted};
use crate::oidc::{Login, OidcError};
use crate::service::{Admission, ServiceError, Stranger};
use crate::telemetry::chain;

/// Who signs in with an identity provider.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sso/key/generate", get(begin))
        .route("/sso/callback", get(finish))
        .route("/sso/readiness", get(readiness))
        .route("/get/sso_settings", get(settings))
}

/// `GET /sso/key/generate`: sends the browser to the provider.
pub(crate) async fn begin(State(app): State<App>) -> Result<Response, ApiError> {
    let (sign_in, oidc) = configured(&app)?;
    let random = || Secret::new(app.service.random_text());
    let login = Login { state: random(), nonce: random(), verifier: random() };
    let now = app.service.now();
    let place = app
        .oidc
        .begin(&oidc, &redirect(&sign_in), &login, now)
        .await
        .map_err(|error| refusal(&error))?;
    let written = json!([
        login.state.expose(),
        login.nonce.expose(),
        login.verifier.expose(),
        now.as_micros(),
    ]);
    let sealed = app.service.seal(&Secret::new(written.to_string()), SEALED_FOR)?;
    let mut response = onward(&place);
    session::set_cookie(&mut response, LOGIN, &sealed, PATIENCE, sign_in.is_secure());
    Ok(response)
}

/// `GET /sso/callback`: the provider sends the browser back.
pub(crate) async fn finish(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (sign_in, oidc) = configured(&app)?;
    let query = Query::read(query.as_deref());
    let login = begun(&app, &headers, &sign_in)?;
    let state = query.text("state").unwrap_or_default();
    if !bool::from(login.state.expose().as_bytes().ct_eq(state.as_bytes())) {
        return Err(not_begun());
    }
    if query.text("iss").is_some_and(|issuer| issuer != oidc.issuer) {
        return Err(ApiError::unauthorized("auth_error", Some("iss"), "Another provider answers."));
    }
    if let Some(error) = query.text("error") {
        return Err(denied(error));
    }
    let code = query.required("code")?.to_owned();
    let now = app.service.now();
    let said = app.oidc.finish(&oidc, &redirect(&sign_in), &login, code, now).await;
    let said = said.map_err(|error| refusal(&error))?;
    let person = claims::read(&oidc, said.subject, &said.own, &said.more).map_err(unwanted)?;
    let admission = Admission {
        issuer: &oidc.issuer,
        creates: oidc.create_users,
        default_role: oidc.mapping.default_role,
    };
    let user = app.service.let_in(&person, admission).await?.map_err(stranger)?;
    // A login begins one session, whoever sends its answer again.
    let used = format!("oidc:{}", KeyHash::of(login.state.expose().as_bytes()).to_hex());
    let token = app.service.begin_session(Some(user.clone()), used, sign_in.longest).await;
    let token = token.map_err(|error| {
        let used = matches!(error, ServiceError::Conflict("login"));
        if used { not_begun() } else { error.into() }
    })?;
    tracing::info!(user.id = user, "somebody signed in");
    let mut response = onward(&sign_in::home(&sign_in));
    session::keep(&mut response, &token, &sign_in);
    session::set_cookie(&mut response, LOGIN, "", Duration::ZERO, sign_in.is_secure());
    Ok(response)
}

/// `GET /sso/readiness`: whether people can sign in, as far as that can be seen from here.
pub(crate) async fn readiness(State(app): State<App>) -> Json<Value> {
    let config = app.config.borrow().clone();
    let oidc = config.sign_in.oidc.as_ref();
    Json(json!({
        "status": "healthy",
        "sso_configured": oidc.is_some(),
        "provider": oidc.map(|_| "generic"),
        "message": if oidc.is_some() { "OpenID Connect is configured." } else { NOT_CONFIGURED },
    }))
}

/// `GET /get/sso_settings`: what the configuration says, without secrets.
pub(crate) async fn settings(State(app): State<App>) -> Json<Value> {
    let config = app.config.borrow().clone();
    let sign_in = &config.sign_in;
    let values = sign_in.oidc.as_ref().map_or_else(
        || json!({}),
        |oidc| {
            let scopes: Vec<_> =
                std::iter::once("openid").chain(oidc.scopes.iter().map(|it| &**it)).collect();
            json!({
                "generic_client_id": oidc.client_id,
                "generic_client_secret": oidc.client_secret.as_ref().map(|_| "…"),
                "generic_scope": scopes.join(" "),
                "issuer": oidc.issuer,
                "proxy_base_url": sign_in.base(),
                "role_mappings": {
                    "provider": "generic",
                    "group_claim": oidc.mapping.role_claim,
                    "default_role": oidc.mapping.default_role.as_str(),
                    "roles": oidc.mapping.roles.iter()
                        .map(|(value, role)| (value.clone(), role.as_str().into()))
                        .collect::<serde_json::Map<String, Value>>(),
                },
                "team_mappings": {
                    "team_ids_jwt_field": oidc.mapping.team_claim,
                    "teams": oidc.mapping.teams,
                },
            })
        },
    );
    Json(json!({"values": values, "field_schema": {
        "description": "Of the configuration file; change it there.",
        "properties": {},
    }}))
}

fn configured(app: &App) -> Result<(SignInConfig, OidcConfig), ApiError> {
    let sign_in = app.config.borrow().sign_in.clone();
    let oidc = sign_in.oidc.clone();
    let oidc = oidc.ok_or_else(|| ApiError::not_found("sso", NOT_CONFIGURED))?;
    Ok((sign_in, oidc))
}

/// Where the provider sends browsers back to.
fn redirect(sign_in: &SignInConfig) -> String {
    format!("{}/sso/callback", sign_in.base())
}

/// Opens what this browser was sent to the provider with.
fn begun(app: &App, headers: &HeaderMap, sign_in: &SignInConfig) -> Result<Login, ApiError> {
    let sealed = session::cookie(headers, LOGIN, sign_in.is_secure()).ok_or_else(not_begun)?;
    let opened = app.service.unseal(sealed, SEALED_FOR).ok_or_else(not_begun)?;
    let read = serde_json::from_str::<(String, String, String, i64)>(opened.expose());
    let (state, nonce, verifier, at) = read.map_err(|_| not_begun())?;
    let age = app.service.now().as_micros().saturating_sub(at);
    if !(-PATIENCE_MICROS..PATIENCE_MICROS).contains(&age) {
        return Err(not_begun());
    }
    let [state, nonce, verifier] = [state, nonce, verifier].map(Secret::new);
    Ok(Login { state, nonce, verifier })
}

fn onward(place: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn not_begun() -> ApiError {
    ApiError::unauthorized(
        "auth_error",
        Some("state"),
        "This browser has not begun to sign in, took too long, or is done already. Begin again at \
         /sso/key/generate.",
    )
}

/// The provider has said no. Its own words may be anybody's, so only a code is repeated.
fn denied(error: &str) -> ApiError {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let known = (1..=40).contains(&error.len()) && error.bytes().all(plain);
    let error = if known { error } else { "unknown error" };
    let message = format!("The identity provider has not let you sign in ({error}).");
    ApiError::unauthorized("auth_error", Some("error"), &message)
}

fn refusal(error: &OidcError) -> ApiError {
    tracing::warn!(error = chain(error), "somebody could not sign in");
    let message = "The identity provider does not answer as it should. Try again in a moment.";
    match error {
        OidcError::Unavailable(_) => {
            ApiError::envelope(StatusCode::BAD_GATEWAY, "internal_server_error", None, message)
        }
        OidcError::Refused(_) => {
            let message = "The identity provider refused the code. Sign in again.";
            ApiError::unauthorized("auth_error", Some("code"), message)
        }
        OidcError::Untrusted(_) => {
            let message = "What the identity provider says cannot be trusted. Sign in again.";
            ApiError::unauthorized("auth_error", Some("id_token"), message)
        }
    }
}

fn unwanted(why: Unwanted) -> ApiError {
    ApiError::forbidden(match why {
        Unwanted::Unverified => {
            "The identity provider does not say that your email address is verified."
        }
        Unwanted::Domain => "People with your email address may not sign in here.",
    })
}

fn stranger(why: Stranger) -> ApiError {
    ApiError::forbidden(match why {
        Stranger::Unknown => "There is no user for you here. Ask an admin for one.",
        Stranger::Removed => "Your user was removed. Ask an admin.",
        Stranger::Blocked => "Your user is blocked. Ask an admin.",
        Stranger::Unverified => {
            "There is a user with your email address, and the identity provider does not say that \
             the address is verified."
        }
        Stranger::Taken => {
            "The user with your email address signs in as somebody else at the identity provider."
        }
    })
}

const LOGIN: Names = ("tollgate_login", "__Host-tollgate_login");
const SEALED_FOR: &str = "sign-in";
const NOT_CONFIGURED: &str = "Nobody can sign in with an identity provider: sign_in.oidc is not \
                              in the configuration.";
/// So long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_mins(10);
const PATIENCE_MICROS: i64 = 600_000_000;
