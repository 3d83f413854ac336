//! `/customer/*`, or `/end_user/*`: whom requests name as their user.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::{Entity, EntityChange, Scope};
use crate::http::auth::By;
use crate::http::entity_fields::{self, Names};
use crate::http::entity_view::{fields, linked_budget};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::service::ServiceError;
use crate::store::EntityQuery;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /customer/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("user_id");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    let made = app.service.new_entity(Scope::Customer, Some(id.clone()), &change, &actor).await;
    if let Err(ServiceError::Conflict(_)) = made {
        let message = format!("Customer already exists, user_id={id}.");
        return Err(ApiError::bad_request("user_id", message));
    }
    Ok(Json(view(&app, &made?).await?))
}

/// `POST /customer/update`.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("user_id");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    let customer = app.service.update_entity(Scope::Customer, &id, &change, &actor).await?;
    Ok(Json(view(&app, &customer.ok_or_else(|| not_found(&id))?).await?))
}

/// `GET /customer/info`.
pub(crate) async fn info(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("end_user_id")?;
    let customer = app.service.entity(Scope::Customer, id).await?.ok_or_else(|| not_found(id))?;
    Ok(Json(view(&app, &customer).await?))
}

/// `GET /customer/list`: all of them, or a page.
pub(crate) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["search"])?;
    let mut asked = EntityQuery::all(Scope::Customer);
    if query.text("page_size").is_some() {
        let paging = Paging::read(&query, "page_size", MOST_ROWS, MOST_ROWS)?;
        (asked.offset, asked.limit) = (paging.offset(), paging.size());
    }
    let mut views = Vec::new();
    for customer in &app.service.entities(&asked).await?.entities {
        views.push(view(&app, customer).await?);
    }
    Ok(Json(views.into()))
}

/// `POST /customer/block`: requests that name them are refused. Whoever is not known yet is made.
pub(crate) async fn block(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("user_ids");
    body.finish()?;
    let mut views = Vec::new();
    for id in ids {
        let known = app.service.block_entity(Scope::Customer, &id, true, &actor).await?;
        let customer = if let Some(customer) = known {
            customer
        } else {
            let change = EntityChange { blocked: Some(true), ..EntityChange::default() };
            app.service.new_entity(Scope::Customer, Some(id), &change, &actor).await?
        };
        views.push(view(&app, &customer).await?);
    }
    Ok(Json(json!({ "blocked_users": views })))
}

/// `POST /customer/unblock`.
pub(crate) async fn unblock(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("user_ids");
    body.finish()?;
    for id in &ids {
        let open = app.service.block_entity(Scope::Customer, id, false, &actor).await?;
        open.ok_or_else(|| not_found(id))?;
    }
    let query = EntityQuery::all(Scope::Customer);
    let customers = app.service.entities(&query).await?.entities;
    let blocked = customers.iter().filter(|customer| customer.blocked == Some(true));
    let blocked: Vec<&str> = blocked.map(|customer| customer.id.as_str()).collect();
    Ok(Json(json!({ "blocked_users": blocked })))
}

/// `POST /customer/delete`.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("user_ids");
    body.finish()?;
    for id in &ids {
        app.service.entity(Scope::Customer, id).await?.ok_or_else(|| not_found(id))?;
    }
    let deleted = app.service.delete_entities(Scope::Customer, &ids, &actor).await?.len();
    let message = format!("Successfully deleted customers with ids: {ids:?}");
    Ok(Json(json!({"deleted_customers": deleted, "message": message})))
}

async fn view(app: &App, customer: &Entity) -> Result<Value, ApiError> {
    let budget = app.service.budget_of(customer).await?;
    let now = app.service.now();
    let mut view = fields(json!({
        "user_id": customer.id,
        "alias": customer.alias,
        "blocked": customer.blocked.unwrap_or(false),
        "spend": dollars(customer.spent(now)),
        "allowed_model_region": null,
        "default_model": null,
        "models": customer.models,
        "budget_id": customer.budget_id,
        "litellm_budget_table": linked_budget(customer, budget.as_ref(), now),
        "object_permission_id": null,
        "object_permission": null,
    }));
    // LiteLLM's customers have none.
    if !customer.metadata.is_empty() {
        view.insert("metadata".into(), customer.metadata.clone().into());
    }
    Ok(view.into())
}

fn not_found(id: &str) -> ApiError {
    let message = format!("End User Id={id} does not exist in db");
    ApiError::envelope(StatusCode::NOT_FOUND, "not_found", Some("end_user_id"), message)
}

const NAMES: Names = Names {
    alias: "alias",
    details: &[],
    unsupported: &[
        "allowed_ips",
        "allowed_model_region",
        "budget_reset_at",
        "default_model",
        "denied_ips",
        "models",
        "user_email",
    ],
};

/// The longest page.
const MOST_ROWS: u32 = 1000;
