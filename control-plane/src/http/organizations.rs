//! `/organization/*`.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{Entity, Right, Scope};
use crate::http::auth::{By, Caller};
use crate::http::entity_fields::{self, Names};
use crate::http::entity_view::{fields, linked_budget, shared};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::query::Query;
use crate::http::{App, Body, organization_members, team_view};
use crate::store::EntityQuery;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /organization/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("organization_id").value();
    body.required_text("organization_alias");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    let made = app.service.new_entity(Scope::Organization, id, &change, &actor).await?;
    Ok(Json(row(&app, &made).await?.into()))
}

/// `PATCH /organization/update`.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("organization_id");
    let change = entity_fields::read(&mut body, &NAMES)?;
    body.finish()?;
    let changed = app.service.update_entity(Scope::Organization, &id, &change, &actor).await?;
    let changed = changed.ok_or_else(|| not_found(&id))?;
    Ok(Json(with_teams(&app, &changed).await?))
}

/// `GET /organization/info`.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("organization_id")?;
    if caller.standing.in_organization(id) < Right::See {
        return Err(ApiError::forbidden("You are not allowed to access this organization's info."));
    }
    let found = app.service.entity(Scope::Organization, id).await?;
    Ok(Json(with_teams(&app, &found.ok_or_else(|| not_found(id))?).await?))
}

/// `POST /organization/info`: those that are there.
pub(crate) async fn infos(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("organizations");
    body.finish()?;
    shown(&app, &EntityQuery { ids: Some(ids), ..EntityQuery::all(Scope::Organization) }).await
}

/// `GET /organization/list`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let asked = EntityQuery {
        ids: own(&caller, query.text("org_id")),
        alias: query.text("org_alias").map(str::to_owned),
        ..EntityQuery::all(Scope::Organization)
    };
    shown(&app, &asked).await
}

/// `DELETE /organization/delete`, with their teams and all keys.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("organization_ids");
    body.finish()?;
    let mut views = Vec::new();
    for id in &ids {
        let found = app.service.entity(Scope::Organization, id).await?;
        views.push(with_teams(&app, &found.ok_or_else(|| not_found(id))?).await?);
    }
    app.service.delete_entities(Scope::Organization, &ids, &actor).await?;
    Ok(Json(views.into()))
}

/// Narrows a list to what the caller is a member of. `None`: all.
fn own(caller: &Caller, asked: Option<&str>) -> Option<Vec<String>> {
    if caller.standing.sees_all() {
        return asked.map(|id| vec![id.to_owned()]);
    }
    let own = caller.standing.organizations.keys();
    Some(own.filter(|id| asked.is_none_or(|asked| asked == *id)).cloned().collect())
}

async fn shown(app: &App, query: &EntityQuery) -> Answer {
    let mut views = Vec::new();
    for organization in &app.service.entities(query).await?.entities {
        views.push(with_teams(app, organization).await?);
    }
    Ok(Json(views.into()))
}

async fn with_teams(app: &App, organization: &Entity) -> Result<Value, ApiError> {
    let query = EntityQuery {
        organization_id: Some(organization.id.clone()),
        ..EntityQuery::all(Scope::Team)
    };
    let mut teams = Vec::new();
    for team in &app.service.entities(&query).await?.entities {
        teams.push(team_view::row(app, team).await?);
    }
    let members = app.service.members_of_organization(&organization.id).await?;
    let members: Vec<Value> = members.iter().map(organization_members::view).collect();
    let mut view = row(app, organization).await?;
    view.extend(fields(json!({"teams": teams, "members": members})));
    Ok(view.into())
}

async fn row(app: &App, organization: &Entity) -> Result<Map<String, Value>, ApiError> {
    let budget = app.service.budget_of(organization).await?;
    let now = app.service.now();
    let mut view = shared(organization, now);
    view.extend(fields(json!({
        "organization_id": organization.id,
        "organization_alias": organization.alias,
        "users": null,
        "litellm_budget_table": linked_budget(organization, budget.as_ref(), now),
    })));
    Ok(view)
}

pub(crate) fn not_found(id: &str) -> ApiError {
    let detail = json!({"error": format!("Organization={id} not found")});
    ApiError::detail(StatusCode::NOT_FOUND, detail)
}

const NAMES: Names = Names {
    alias: "organization_alias",
    details: &[],
    unsupported: &["allowed_models", "blocked", "user_email"],
};
