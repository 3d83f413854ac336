//! `/api/models/availability` and `/api/resilience/model-cooldowns`: models that are out of
//! rotation, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::marks;
use crate::http::query::Query;
use crate::http::{App, Body};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/models/availability`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let models = out(&app).await?;
    Ok(Json(json!({"unavailableCount": models.len(), "models": models})))
}

/// `POST /api/models/availability`: with a provider it brings a model back, without one it says
/// where the model can be had now.
pub(crate) async fn ask(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let (provider, model) = (body.text("provider").value(), body.text("model").value());
    body.finish()?;
    match (provider, model) {
        (Some(provider), Some(model)) => clear(&app, &provider, Some(&model)).await,
        (None, Some(model)) => standing(&app, &model).await,
        (_, None) => Err(ApiError::plain(StatusCode::BAD_REQUEST, "model is required")),
    }
}

/// `DELETE /api/models/availability`.
pub(crate) async fn bring_back(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    Body(body): Body,
) -> Answer {
    let (provider, model, _) = wanted(query.as_deref(), &body)?;
    let provider =
        provider.ok_or_else(|| ApiError::plain(StatusCode::BAD_REQUEST, "provider is required"))?;
    clear(&app, &provider, model.as_deref()).await
}

/// `GET /api/resilience/model-cooldowns`.
pub(crate) async fn cooldowns(State(app): State<App>) -> Answer {
    Ok(Json(json!({"items": out(&app).await?})))
}

/// `DELETE /api/resilience/model-cooldowns`.
pub(crate) async fn end_cooldowns(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    Body(body): Body,
) -> Answer {
    let (provider, model, all) = wanted(query.as_deref(), &body)?;
    let gone = match provider {
        Some(provider) => {
            let about = |of: &_| marks::is_about(of, &provider, model.as_deref());
            app.service.reset_health(about).await?
        }
        None if all => app.service.reset_health(|_| true).await?,
        None => {
            let message = "write a provider and a model, or all: true";
            return Err(ApiError::plain(StatusCode::BAD_REQUEST, message));
        }
    };
    Ok(Json(json!({"success": true, "ok": true, "cleared": gone.len()})))
}

/// Reads what is meant from the query or from the body.
fn wanted(
    query: Option<&str>,
    body: &[u8],
) -> Result<(Option<String>, Option<String>, bool), ApiError> {
    let query = Query::read(query);
    let text = |name| query.text(name).map(str::to_owned);
    if body.is_empty() {
        return Ok((text("provider"), text("model"), query.text("all") == Some("true")));
    }
    let mut body = Fields::read(body)?;
    let (provider, model) = (body.text("provider").value(), body.text("model").value());
    let all = body.flag("all").value().unwrap_or(false);
    body.finish()?;
    Ok((provider.or(text("provider")), model.or(text("model")), all))
}

async fn out(app: &App) -> Result<Vec<Value>, ApiError> {
    let now = app.service.now();
    Ok(app.service.health().await?.iter().map(|mark| marks::view(mark, now)).collect())
}

async fn clear(app: &App, provider: &str, model: Option<&str>) -> Answer {
    let gone = app.service.reset_health(|of| marks::is_about(of, provider, model)).await?;
    Ok(Json(json!({"success": true, "removed": !gone.is_empty()})))
}

/// Says of each account that serves a model whether it may be used now.
async fn standing(app: &App, name: &str) -> Answer {
    let (now, out) = (app.service.now(), app.service.health().await?);
    let config = app.config.borrow().clone();
    let model = config.models.iter().find(|model| model.name == name);
    let model = model.ok_or_else(|| {
        ApiError::plain(StatusCode::NOT_FOUND, format!("there is no model {name}"))
    })?;
    let mut accounts = Vec::new();
    for target in &model.targets {
        let provider = config.providers.iter().find(|provider| provider.id == target.provider);
        for account in provider.into_iter().flat_map(crate::config::ProviderConfig::usable) {
            let mark = out.iter().find(|mark| {
                mark.of.provider == target.provider
                    && mark.of.account == account.id
                    && (mark.of.model.is_empty() || mark.of.model == target.model)
            });
            accounts.push(json!({
                "provider": target.provider,
                "account": (!account.id.is_empty()).then_some(&account.id),
                "model": target.model,
                "available": mark.is_none(),
                "reason": mark.map(|mark| &mark.reason),
                "remainingMs": mark.map_or(0, |mark| marks::remaining_ms(mark, now)),
            }));
        }
    }
    let available = accounts.iter().any(|account| account.get("available") == Some(&true.into()));
    Ok(Json(json!({"model": name, "available": available, "providers": accounts})))
}
