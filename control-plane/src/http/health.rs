//! Is it alive, is it ready, what works: LiteLLM's and PLLM's questions.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use tollgate_core::key::KeyHash;

use crate::domain::HealthMark;
use crate::http::App;
use crate::http::auth::{ClientAddress, is_admin};
use crate::http::error::ApiError;
use crate::http::key_view::zulu;
use crate::http::query::Query;
use crate::telemetry::chain;

/// `GET /health`: open to all. Admins also see the endpoints behind each model; nothing is
/// called to find out.
pub(crate) async fn health(
    State(app): State<App>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let mut view = Map::new();
    let database = database(&app).await;
    let status = if database.is_ok() { "healthy" } else { "degraded" };
    view.insert("status".into(), status.into());
    view.insert("timestamp".into(), timestamp(&app).into());
    if let Err(message) = &database {
        view.insert(
            "services".into(),
            json!({"database": {"status": "unhealthy", "message": message}}),
        );
    }
    if is_admin(&app, &headers, &address) {
        let query = Query::read(query.as_deref());
        let endpoints = endpoints(&app, query.text("model"), query.text("model_id"));
        view.insert("healthy_count".into(), endpoints.len().into());
        view.insert("unhealthy_count".into(), 0.into());
        view.insert("healthy_endpoints".into(), endpoints.into());
        view.insert("unhealthy_endpoints".into(), json!([]));
    }
    let code = if database.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(view)).into_response()
}

/// `GET /health/liveliness`, `GET /health/liveness`: this process answers.
pub(crate) async fn alive() -> Json<&'static str> {
    Json("I'm alive!")
}

/// `GET /health/readiness`: this process should be sent requests.
pub(crate) async fn readiness(State(app): State<App>) -> Response {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    if app.is_draining() {
        return (unavailable, Json(json!({"status": "shutting_down"}))).into_response();
    }
    if database(&app).await.is_ok() {
        return Json(json!({"status": "healthy", "db": "connected"})).into_response();
    }
    let view = json!({"status": "unhealthy", "db": "Not connected"});
    (unavailable, Json(view)).into_response()
}

/// `GET /health/readiness/details`: the same, and more for those who have a key.
pub(crate) async fn readiness_details(State(app): State<App>) -> Response {
    let connected = database(&app).await.is_ok();
    let ready = connected && !app.is_draining();
    let view = json!({
        "status": if ready { "healthy" } else { "unhealthy" },
        "db": if connected { "connected" } else { "Not connected" },
        "cache": app.config.borrow().cache.is_some().then_some("local"),
        "litellm_version": null,
        "tollgate_version": env!("CARGO_PKG_VERSION"),
        "success_callbacks": [],
        "use_aiohttp_transport": false,
        "log_level": tracing::level_filters::LevelFilter::current().to_string(),
        "is_detailed_debug": false,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(view)).into_response()
}

/// `GET /health/latest`: of each target whether it is in rotation. Requests say so; nothing is
/// called to find out.
pub(crate) async fn latest(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let marks = app.service.health().await?;
    let mut checks = Map::new();
    for mut endpoint in endpoints(&app, None, None) {
        let of = |name: &str| endpoint.get(name).and_then(Value::as_str).unwrap_or_default();
        let (provider, named) = (of("custom_llm_provider"), of("model"));
        let model = named.split_once('/').map_or(named, |(_, model)| model);
        let about = |mark: &&HealthMark| {
            mark.of.provider == provider && (mark.of.model.is_empty() || mark.of.model == model)
        };
        let mark = marks.iter().find(about);
        let id = of("model_id").to_owned();
        let check = json!({
            "model_id": id,
            "model_name": endpoint.get_mut("model_group").map(Value::take),
            "status": if mark.is_some() { "unhealthy" } else { "healthy" },
            "healthy_count": u8::from(mark.is_none()),
            "unhealthy_count": u8::from(mark.is_some()),
            "error_message": mark.map(|mark| mark.reason.as_str()),
            "response_time_ms": null,
            "details": null,
            "checked_by": null,
            "checked_at": mark.map(|mark| zulu(mark.since)),
        });
        checks.insert(id, check);
    }
    let total = checks.len();
    Ok(Json(json!({ "latest_health_checks": checks, "total_models": total })))
}

/// `GET /ready`: PLLM's form of the same question, with what this process depends on.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let database = database(&app).await;
    let error = match &database {
        _ if app.is_draining() => Some("shutting down".to_owned()),
        Ok(()) => None,
        Err(message) => Some(format!("database: {message}")),
    };
    let state = if database.is_ok() { "healthy" } else { "unhealthy" };
    let services = json!({"database": {"status": state}});
    match error {
        None => Json(json!({"status": "ready", "services": services})).into_response(),
        Some(error) => {
            let view = json!({"status": "not_ready", "error": error, "services": services});
            (StatusCode::SERVICE_UNAVAILABLE, Json(view)).into_response()
        }
    }
}

/// Asks the database. What went wrong stands in the log; callers need no key, so they get a
/// sentence.
async fn database(app: &App) -> Result<(), &'static str> {
    match tokio::time::timeout(PATIENCE, app.service.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(error = chain(&error), "the database is not healthy");
            Err("does not answer")
        }
        Err(_) => Err("does not answer in time"),
    }
}

fn endpoints(app: &App, model: Option<&str>, id: Option<&str>) -> Vec<Value> {
    let config = app.config.borrow().clone();
    let mut endpoints = Vec::new();
    for configured in &config.models {
        for target in &configured.targets {
            let Some(provider) = config.providers.iter().find(|it| it.id == target.provider) else {
                continue;
            };
            let model_id = model_id(&configured.name, &target.provider, &target.model);
            if model.is_some_and(|model| model != configured.name)
                || id.is_some_and(|id| id != model_id)
            {
                continue;
            }
            let url = &provider.base_url;
            let scheme = if url.tls { "https" } else { "http" };
            endpoints.push(json!({
                "model": format!("{}/{}", target.provider, target.model),
                "model_group": configured.name,
                "api_base": format!("{scheme}://{}{}", url.authority, url.path),
                "custom_llm_provider": target.provider,
                "model_id": model_id,
            }));
        }
    }
    endpoints
}

/// Names a target; stays the same as long as the target does.
pub(crate) fn model_id(name: &str, provider: &str, model: &str) -> String {
    KeyHash::of(format!("{name}\n{provider}\n{model}").as_bytes()).to_hex()
}

/// Whole seconds, in the form of RFC 3339.
fn timestamp(app: &App) -> String {
    let seconds = app.service.now().as_micros().div_euclid(1_000_000);
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_default()
}

const PATIENCE: Duration = Duration::from_secs(2);
