//! `/key/regenerate`: a new secret for a key that stays what it is.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::{Edit, Lifetime, Secret};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::query::{Query, key_hash};
use crate::http::{App, Body, key_fields, keys, rights};
use crate::service::ServiceError;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /key/regenerate`: the key that the body or the query names.
pub(crate) async fn regenerate(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read_or_none(&body)?;
    let query = Query::read(query.as_deref());
    let name = body.text("key").value().or_else(|| query.text("key").map(str::to_owned));
    let name = name.ok_or_else(|| {
        ApiError::detail(StatusCode::BAD_REQUEST, json!({"error": "No key passed in."}))
    })?;
    renewed(&app, &caller, &name, body).await
}

/// `POST /key/{key}/regenerate`.
pub(crate) async fn regenerate_one(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body,
) -> Answer {
    renewed(&app, &caller, &name, Fields::read_or_none(&body)?).await
}

async fn renewed(app: &App, caller: &Caller, name: &str, mut body: Fields) -> Answer {
    if body.given("new_master_key").is_some() {
        let message = "the master key stands in the configuration; change it there";
        return Err(ApiError::bad_request("new_master_key", message));
    }
    let chosen = body.text("new_key").value().map(Secret::new);
    let grace = grace(&mut body)?;
    let fields = key_fields::read(&mut body)?;
    body.finish()?;
    let hash = key_hash(name).ok_or(ServiceError::NotFound("key"))?;
    let known = keys::existing(app, caller, &hash).await?;
    rights::renew_key(app, caller, &known, &fields).await?;
    let made = app.service.renew_key(&hash, chosen, grace, fields, &caller.actor).await?;
    keys::shown_once(app, &made).await
}

/// Reads how long the former secret is good.
fn grace(body: &mut Fields) -> Result<Option<Lifetime>, ApiError> {
    let text = match body.text("grace_period") {
        Edit::Set(text) if text != "0" => text,
        Edit::Set(_) | Edit::Keep | Edit::Clear => return Ok(None),
    };
    Lifetime::parse(&text).map(Some).ok_or_else(|| {
        let message = format!("Invalid duration format: {text:?}. Write 30s, 5m, 2h, 7d or 2w.");
        ApiError::bad_request("grace_period", message)
    })
}
