//! `/tag/*`: tags with limits.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{Entity, Scope};
use crate::http::auth::By;
use crate::http::entity_fields::{self, Names};
use crate::http::entity_view::{fields, linked_budget, shared};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::{App, Body};
use crate::store::EntityQuery;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /tag/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let name = body.required_text("name");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    refuse_configured(&app, &name)?;
    let tag = app.service.new_entity(Scope::Tag, Some(name.clone()), &change, &actor).await?;
    let message = format!("Tag {name} created successfully");
    Ok(Json(json!({"message": message, "tag": row(&app, &tag).await?})))
}

/// `POST /tag/update`.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let name = body.required_text("name");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    refuse_configured(&app, &name)?;
    let tag = app.service.update_entity(Scope::Tag, &name, &change, &actor).await?;
    let tag = tag.ok_or_else(|| not_found(&name))?;
    let message = format!("Tag {name} updated successfully");
    Ok(Json(json!({"message": message, "tag": row(&app, &tag).await?})))
}

/// `POST /tag/info`: the named, by name.
pub(crate) async fn info(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let names = body.required_texts("names");
    body.finish()?;
    let mut views = Map::new();
    for name in names {
        let tag = app.service.entity(Scope::Tag, &name).await?.ok_or_else(|| not_found(&name))?;
        views.insert(name, row(&app, &tag).await?.into());
    }
    Ok(Json(views.into()))
}

/// `GET /tag/list`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let mut views = Vec::new();
    for tag in &app.service.entities(&EntityQuery::all(Scope::Tag)).await?.entities {
        views.push(Value::Object(row(&app, tag).await?));
    }
    Ok(Json(views.into()))
}

/// `POST /tag/delete`.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let name = body.required_text("name");
    body.finish()?;
    refuse_configured(&app, &name)?;
    let gone = app.service.delete_entities(Scope::Tag, std::slice::from_ref(&name), &actor).await?;
    if gone.is_empty() {
        return Err(not_found(&name));
    }
    Ok(Json(json!({"message": format!("Tag {name} deleted successfully")})))
}

/// What the file says is changed in the file.
fn refuse_configured(app: &App, name: &str) -> Result<(), ApiError> {
    if app.config.borrow().tags.iter().any(|tag| tag.name == name) {
        let message = "this tag has its limits in the configuration file; change it there";
        return Err(ApiError::bad_request("name", message));
    }
    Ok(())
}

async fn row(app: &App, tag: &Entity) -> Result<Map<String, Value>, ApiError> {
    let budget = app.service.budget_of(tag).await?;
    let now = app.service.now();
    let mut view = fields(json!({ "description": null }));
    view.extend(shared(tag, now));
    view.extend(fields(json!({
        "name": tag.id,
        "model_info": null,
        "litellm_budget_table": linked_budget(tag, budget.as_ref(), now),
    })));
    Ok(view)
}

fn not_found(name: &str) -> ApiError {
    ApiError::detail(StatusCode::NOT_FOUND, format!("Tag {name} not found"))
}

const NAMES: Names = Names {
    alias: "alias",
    details: &["description"],
    unsupported: &["blocked", "metadata", "model_info", "models", "user_email"],
};
