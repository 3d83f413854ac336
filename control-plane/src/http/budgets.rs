//! `/budget/*`: limits that keys, customers and others share by name.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use tollgate_core::money::NanoDollars;

use crate::domain::{Alert, Dimension, SharedBudget};
use crate::http::auth::By;
use crate::http::entity_view::budget_table;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_fields;
use crate::http::key_view::{dollars, zulu};
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::{App, Body, limit_fields};
use crate::service::ServiceError;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /budget/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    key_fields::refuse(&body, UNSUPPORTED)?;
    let id = body.text("budget_id").value();
    let limits = limit_fields::read(&mut body, None)?;
    body.finish()?;
    match app.service.new_budget(id, &limits, &actor).await {
        Ok(budget) => Ok(Json(view(&app, &budget))),
        Err(ServiceError::Conflict(_)) => {
            Err(detail(StatusCode::BAD_REQUEST, "budget_id is taken. Choose another one."))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /budget/update`: changes the limits of all that share it.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    key_fields::refuse(&body, UNSUPPORTED)?;
    let id = body.required_text("budget_id");
    let limits = limit_fields::read(&mut body, None)?;
    body.finish()?;
    let budget = app.service.update_budget(&id, &limits, &actor).await?;
    budget.map(|budget| Json(view(&app, &budget))).ok_or_else(|| not_found(&id))
}

/// `POST /budget/info`: those of the named that are there.
pub(crate) async fn info(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.texts("budgets").value().unwrap_or_default();
    body.finish()?;
    let mut budgets = Vec::with_capacity(ids.len());
    for id in &ids {
        budgets.extend(app.service.budget(id).await?);
    }
    Ok(Json(budgets.iter().map(|budget| view(&app, budget)).collect()))
}

/// `GET /budget/list`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let budgets = app.service.budgets().await?;
    Ok(Json(budgets.iter().map(|budget| view(&app, budget)).collect()))
}

/// `GET /budget/settings`: what may be set, and what is.
pub(crate) async fn settings(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("budget_id")?;
    let budget = app.service.budget(id).await?.ok_or_else(|| not_found(id))?;
    let row = view(&app, &budget);
    let setting = |(name, kind, about): &(&str, &str, &str)| {
        json!({
            "field_name": name,
            "field_type": kind,
            "field_description": about,
            "field_value": row.get(name),
            "stored_in_db": true,
            "field_default_value": null,
        })
    };
    Ok(Json(SETTINGS.iter().map(setting).collect()))
}

/// `POST /budget/delete`.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("id");
    body.finish()?;
    let budget = app.service.delete_budget(&id, &actor).await?;
    budget.map(|budget| Json(view(&app, &budget))).ok_or_else(|| not_found(&id))
}

/// `GET /budget/alerts`: soft limits that were crossed, the latest first, as LiteLLM words it to
/// webhooks.
pub(crate) async fn alerts(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let paging = Paging::read(&query, "page_size", 50, 1000)?;
    let found = app.service.alerts(paging.size(), paging.offset()).await?;
    let alerts: Vec<Value> = found.alerts.iter().map(alert).collect();
    Ok(paging.answer("alerts", alerts, found.total))
}

fn alert(alert: &Alert) -> Value {
    let spec = &alert.meter.spec;
    let money = |amount: i64| match spec.dimension {
        Dimension::Money => dollars(NanoDollars(amount)),
        Dimension::Requests
        | Dimension::Tokens
        | Dimension::InputTokens
        | Dimension::OutputTokens
        | Dimension::Parallel => amount.into(),
    };
    json!({
        "event": "soft_budget_crossed",
        "event_group": spec.scope.as_str(),
        "event_message": "Soft Budget Crossed",
        "id": spec.name,
        "model": spec.model,
        "spend": money(alert.used),
        "soft_budget": spec.soft_amount.map(money),
        // A soft budget alone is no limit.
        "max_budget": (!spec.observe_only).then(|| money(spec.amount)),
        "at": zulu(alert.at),
    })
}

fn view(app: &App, budget: &SharedBudget) -> Value {
    budget_table(Some(&budget.id), &budget.limits, &budget.stamps, app.service.now()).into()
}

fn not_found(id: &str) -> ApiError {
    detail(StatusCode::NOT_FOUND, &format!("Budget with id={id} not found."))
}

fn detail(status: StatusCode, message: &str) -> ApiError {
    ApiError::detail(status, json!({"error": message}))
}

const SETTINGS: &[(&str, &str, &str)] = &[
    ("max_budget", "Float", "Most that may be spent, in dollars"),
    ("soft_budget", "Float", "Spending more raises an alert"),
    ("budget_duration", "String", "How often the budget begins anew, such as 30d"),
    ("max_parallel_requests", "Integer", "Requests at the same time"),
    ("tpm_limit", "Integer", "Tokens a minute"),
    ("rpm_limit", "Integer", "Requests a minute"),
    ("model_max_budget", "Object", "Budgets of single models"),
];
/// We reset by the calendar.
const UNSUPPORTED: &[&str] = &["allowed_models", "budget_reset_at"];
