//! `/team/*`.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{ApiKey, Entity, Scope, Timestamp};
use crate::http::auth::{By, Caller};
use crate::http::entity_fields::{self, Names, check_soft_budget};
use crate::http::entity_view::{fields, shared};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::row_with_token;
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::service::Actor;
use crate::store::{EntityQuery, EntitySort};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /team/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("team_id").value();
    let mut change = entity_fields::read(&mut body, &NAMES)?;
    change.organization_id = body.text("organization_id");
    body.finish()?;
    check_soft_budget(&change)?;
    let team = app.service.new_entity(Scope::Team, id, &change, &actor).await?;
    Ok(Json(row(&team, app.service.now()).into()))
}

/// `POST /team/update`.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    let mut change = entity_fields::read(&mut body, &NAMES)?;
    change.organization_id = body.text("organization_id");
    body.finish()?;
    check_soft_budget(&change)?;
    let team = app.service.update_entity(Scope::Team, &id, &change, &actor).await?;
    let team = team.ok_or_else(|| not_found(&id))?;
    Ok(Json(json!({"team_id": id, "data": row(&team, app.service.now())})))
}

/// `GET /team/info`: the admin's, and for a key its own team's.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("team_id")?;
    if let Some(own) = caller.confined()
        && own.team_id.as_deref() != Some(id)
    {
        return Err(ApiError::forbidden("You are not allowed to access this team's info."));
    }
    let team = app.service.entity(Scope::Team, id).await?.ok_or_else(|| not_found(id))?;
    let now = app.service.now();
    let mut view = row(&team, now);
    view.extend(fields(json!({
        "team_member_budget_table": null,
        "access_group_models": [],
        "access_group_mcp_server_ids": [],
        "access_group_agent_ids": [],
    })));
    let keys = rows(&app.service.keys_of(Scope::Team, id).await?, now);
    Ok(Json(json!({"team_id": id, "team_info": view, "keys": keys, "team_memberships": []})))
}

/// `GET /team/list`: all of them, with their keys.
pub(crate) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["user_id"])?;
    let asked = EntityQuery {
        organization_id: query.text("organization_id").map(str::to_owned),
        alias: query.text("team_alias").map(str::to_owned),
        ..EntityQuery::all(Scope::Team)
    };
    let now = app.service.now();
    let mut views = Vec::new();
    for team in app.service.entities(&asked).await?.entities {
        let mut view = row(&team, now);
        let keys = app.service.keys_of(Scope::Team, &team.id).await?;
        view.insert("keys".into(), rows(&keys, now));
        view.insert("team_memberships".into(), json!([]));
        views.push(Value::Object(view));
    }
    Ok(Json(views.into()))
}

/// `GET /v2/team/list`: a page of teams, without their keys.
pub(crate) async fn page(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["user_id", "search", "search_team_id_match", "status"])?;
    let (sort, descending) = query.order(&COLUMNS, (EntitySort::CreatedAt, false))?;
    let page = query.number("page", 1, u32::MAX)?.unwrap_or(1);
    let size = query.number("page_size", 1, 100)?.unwrap_or(10);
    let asked = EntityQuery {
        ids: query.text("team_id").map(|id| vec![id.to_owned()]),
        alias: query.text("team_alias").map(str::to_owned),
        organization_id: query.text("organization_id").map(str::to_owned),
        sort,
        descending,
        offset: (page - 1).saturating_mul(size),
        limit: size,
        ..EntityQuery::all(Scope::Team)
    };
    let found = app.service.entities(&asked).await?;
    let now = app.service.now();
    Ok(Json(json!({
        "teams": found.entities.iter().map(|team| row(team, now)).collect::<Vec<_>>(),
        "total": found.total,
        "page": page,
        "page_size": size,
        "total_pages": found.total.div_ceil(u64::from(size)),
    })))
}

/// `GET /team/available`: teams that anybody may join. There are none.
pub(crate) async fn available() -> Answer {
    Ok(Json(json!([])))
}

/// `POST /team/delete`, with their keys.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("team_ids");
    body.finish()?;
    for id in &ids {
        app.service.entity(Scope::Team, id).await?.ok_or_else(|| not_found(id))?;
    }
    let deleted = app.service.delete_entities(Scope::Team, &ids, &actor).await?;
    Ok(Json(json!({ "deleted_teams": deleted })))
}

/// `POST /team/block`: its keys are refused.
pub(crate) async fn block(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    set_blocked(&app, &actor, &body, true).await
}

/// `POST /team/unblock`.
pub(crate) async fn unblock(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    set_blocked(&app, &actor, &body, false).await
}

async fn set_blocked(app: &App, actor: &Actor, body: &[u8], blocked: bool) -> Answer {
    let mut body = Fields::read(body)?;
    let id = body.required_text("team_id");
    body.finish()?;
    let team = app.service.block_entity(Scope::Team, &id, blocked, actor).await?;
    let team = team.ok_or_else(|| not_found(&id))?;
    Ok(Json(row(&team, app.service.now()).into()))
}

/// Writes a team as LiteLLM does.
pub(crate) fn row(team: &Entity, now: Timestamp) -> Map<String, Value> {
    let mut view = shared(team, now);
    view.extend(fields(json!({
        "team_id": team.id,
        "team_alias": team.alias,
        "organization_id": team.organization_id,
        "blocked": team.blocked.unwrap_or(false),
        "admins": [],
        "members": [],
        "members_with_roles":
            [{"user_id": team.stamps.created_by, "user_email": null, "role": "admin"}],
        "team_member_permissions": [],
        "router_settings": null,
        "access_group_ids": [],
        "default_team_member_models": [],
        "model_id": null,
        "litellm_model_table": null,
    })));
    view
}

fn rows(keys: &[ApiKey], now: Timestamp) -> Value {
    keys.iter().map(|key| Value::Object(row_with_token(key, now))).collect()
}

fn not_found(id: &str) -> ApiError {
    ApiError::envelope(
        StatusCode::NOT_FOUND,
        "auth_error",
        None,
        format!("Team not found, passed team id: {id}."),
    )
}

const NAMES: Names = Names {
    alias: "team_alias",
    details: &[],
    unsupported: &[
        "default_team_member_models",
        "members",
        "admins",
        "members_with_roles",
        "model_aliases",
        "prompts",
        "team_member_budget",
        "team_member_budget_duration",
        "team_member_key_duration",
        "team_member_permissions",
        "team_member_rpm_limit",
        "team_member_tpm_limit",
    ],
};

/// What teams may be sorted by.
const COLUMNS: [(&str, EntitySort); 6] = [
    ("team_id", EntitySort::Id),
    ("team_alias", EntitySort::Alias),
    ("created_at", EntitySort::CreatedAt),
    ("updated_at", EntitySort::UpdatedAt),
    ("spend", EntitySort::Spend),
    ("max_budget", EntitySort::MaxBudget),
];
