//! `/user/*`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::person::SUBJECT;
use crate::domain::{Edit, Entity, Right, Scope, Timestamp};
use crate::http::auth::Caller;
use crate::http::entity_view::{fields, shared};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::{generated, row_with_token};
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::user_fields::{self, Parts};
use crate::http::{App, Body, member_defaults, organization_members, rights, team_view};
use crate::service::ServiceError;
use crate::store::{EntityQuery, EntitySort};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /user/new`: a user, and a key for them unless told not to. Limits are the user's.
pub(crate) async fn new(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("user_id").value();
    let with_key = body.flag("auto_create_key").value().unwrap_or(true);
    let change = user_fields::read(&mut body)?;
    let parts = Parts::read(&mut body)?;
    let key = user_fields::key(&mut body)?;
    body.finish()?;
    rights::make_user(&app, &caller, &change, &parts).await?;
    let team = key.change.team_id.as_value();
    if let Some(team) = team.filter(|_| !caller.standing.changes_all()) {
        rights::team(&app, &caller, team, Right::Manage).await?;
    }
    let actor = &caller.actor;
    let user = app.service.new_entity(Scope::User, id, &change, actor).await.map_err(taken)?;
    parts.join(&app, &user, actor).await?;
    let now = app.service.now();
    let mut view = if with_key {
        let mut fields = key;
        fields.change.user_id = Edit::Set(user.id.clone());
        member_defaults::limit_life(&app, &mut fields).await?;
        generated(&app.service.generate_key(None, fields, actor).await?, now)
    } else {
        fields(json!({"key": "", "key_alias": null, "expires": null}))
    };
    view.extend(shown(&app, &user).await?);
    view.extend(fields(json!({"token": null, "token_id": null})));
    Ok(Json(view.into()))
}

/// `POST /user/update`: by id or email; an unknown id is made.
pub(crate) async fn update(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let (id, view) = changed(&app, Fields::read(&body)?, &caller).await?;
    Ok(Json(json!({"user_id": id, "data": view})))
}

/// Changes the user that a body names, and returns their id with what they are now.
pub(crate) async fn changed(
    app: &App,
    mut body: Fields,
    caller: &Caller,
) -> Result<(String, Map<String, Value>), ApiError> {
    let id = body.text("user_id").value();
    let change = user_fields::read(&mut body)?;
    body.finish()?;
    let id = match (id, change.email.as_value()) {
        (Some(id), _) => Some(id),
        (None, Some(email)) => {
            let query = EntityQuery { email: Some(email.clone()), ..EntityQuery::all(Scope::User) };
            let found = app.service.entities(&query).await?.entities;
            found.into_iter().next().map(|user| user.id)
        }
        (None, None) => {
            let problem = json!({"type": "value_error", "loc": ["body"],
                "msg": "Value error, either user_id or user_email must be provided",
                "input": {}});
            return Err(ApiError::validation(vec![problem]));
        }
    };
    rights::manage_user(app, caller, id.as_deref().unwrap_or_default()).await?;
    rights::give_role(caller, &change)?;
    let known = match &id {
        Some(id) => app.service.update_entity(Scope::User, id, &change, &caller.actor).await,
        None => Ok(None),
    };
    let user = if let Some(user) = known.map_err(taken)? {
        user
    } else {
        let made = app.service.new_entity(Scope::User, id, &change, &caller.actor).await;
        made.map_err(taken)?
    };
    let view = shown(app, &user).await?;
    Ok((user.id, view))
}

/// `GET /user/info`: anybody for the admin, themselves for the holder of a key.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let user = match caller.confined() {
        None => user(&app, query.required("user_id")?).await?,
        Some(_) => visible(&app, &caller, query.text("user_id")).await?,
    };
    let id = user.id.clone();
    let now = app.service.now();
    let (mut keys, mut of) = (Vec::new(), Vec::new());
    for key in app.service.keys_of(Scope::User, &id).await? {
        let mut view = row_with_token(&key, now);
        let team = match &key.team_id {
            Some(team) => app.service.entity(Scope::Team, team).await?,
            None => None,
        };
        // LiteLLM's own way to say that there is none.
        let alias = team.as_ref().and_then(|team| team.alias.clone());
        view.insert("team_alias".into(), alias.unwrap_or_else(|| "None".to_owned()).into());
        keys.push(Value::Object(view));
        of.extend(team.filter(|team| of.iter().all(|known: &Entity| known.id != team.id)));
    }
    for part in app.service.parts(Scope::TeamMember, &id).await? {
        let Some(team) = part.team_id.filter(|id| of.iter().all(|known| known.id != *id)) else {
            continue;
        };
        of.extend(app.service.entity(Scope::Team, &team).await?);
    }
    let mut teams = Vec::with_capacity(of.len());
    for team in &of {
        teams.push(team_view::row(&app, team).await?);
    }
    let view = shown(&app, &user).await?;
    Ok(Json(json!({"user_id": id, "user_info": view, "keys": keys, "teams": teams})))
}

/// `GET /user/list`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["role", "team", "sso_user_ids"])?;
    let (sort, descending) = query.order(&COLUMNS, (EntitySort::CreatedAt, false))?;
    let paging = Paging::read(&query, "page_size", 25, 1000)?;
    let asked = EntityQuery {
        ids: rights::narrow_users(&app, &caller, query.list("user_ids")).await?,
        email: query.text("user_email").map(str::to_owned),
        sort,
        descending,
        offset: paging.offset(),
        limit: paging.size(),
        ..EntityQuery::all(Scope::User)
    };
    let found = app.service.entities(&asked).await?;
    let ids: Vec<String> = found.entities.iter().map(|user| user.id.clone()).collect();
    let teams = app.service.parts_of_all(Scope::TeamMember, &ids).await?;
    let organizations = app.service.parts_of_all(Scope::OrganizationMember, &ids).await?;
    let keys = app.service.count_keys(&ids).await?;
    let now = app.service.now();
    let none = Vec::new();
    let view = |user: &Entity| {
        let parts = |of: &HashMap<String, Vec<Entity>>| of.get(&user.id).unwrap_or(&none).clone();
        let mut view = with_parts(user, parts(&teams), &parts(&organizations), now);
        view.insert("key_count".into(), keys.get(&user.id).copied().unwrap_or(0).into());
        Value::Object(view)
    };
    let users: Vec<Value> = found.entities.iter().map(view).collect();
    Ok(paging.answer("users", users, found.total))
}

/// `GET /v2/user/info`: a user alone, without keys and teams.
pub(crate) async fn plain_info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let asked = query.text("user_id");
    let user = match caller.confined() {
        None => user(&app, asked.unwrap_or("default_user_id")).await?,
        Some(_) => visible(&app, &caller, asked).await?,
    };
    let mut view = shown(&app, &user).await?;
    view.retain(|name, _| PLAIN.contains(&name.as_str()));
    Ok(Json(view.into()))
}

async fn user(app: &App, id: &str) -> Result<Entity, ApiError> {
    app.service.entity(Scope::User, id).await?.ok_or_else(|| {
        ApiError::not_found("user_id", &format!("User {id} not found in the database."))
    })
}

/// Finds a user whom the caller may look at: themselves, and whom they manage.
async fn visible(app: &App, caller: &Caller, asked: Option<&str>) -> Result<Entity, ApiError> {
    let hidden = || ApiError::forbidden("You are not allowed to access this user's info.");
    let own = caller.standing.user.as_deref();
    let id = asked.or(own).ok_or_else(hidden)?;
    if Some(id) != own {
        rights::manage_user(app, caller, id).await.map_err(|_| hidden())?;
    }
    user(app, id).await
}

/// `GET /user/available_roles`: what a user may be.
pub(crate) async fn roles() -> Answer {
    Ok(Json(json!({
        "proxy_admin": {
            "description": "may do everything",
            "ui_label": "Admin (All Permissions)",
        },
        "proxy_admin_viewer": {
            "description": "may look at everything",
            "ui_label": "Admin (View Only)",
        },
        "internal_user": {
            "description": "may use models with keys of their own",
            "ui_label": "Internal User",
        },
        "internal_user_viewer": {
            "description": "may look at what they spent",
            "ui_label": "Internal Viewer",
        },
    })))
}

/// `POST /user/delete`, with their keys: how many there were.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("user_ids");
    body.finish()?;
    for id in &ids {
        rights::manage_user(&app, &caller, id).await?;
        if app.service.entity(Scope::User, id).await?.is_none() {
            let detail = json!({"error": format!("User id {id} not found")});
            return Err(ApiError::detail(StatusCode::NOT_FOUND, detail));
        }
    }
    let deleted = app.service.delete_entities(Scope::User, &ids, &caller.actor).await?;
    Ok(Json(deleted.len().into()))
}

/// Writes a user as LiteLLM does.
pub(crate) fn row(user: &Entity, now: Timestamp) -> Map<String, Value> {
    let mut view = fields(json!({ "user_role": null }));
    view.extend(shared(user, now));
    view.extend(fields(json!({
        "user_id": user.id,
        "user_alias": user.alias,
        "user_email": user.email,
        "team_id": null,
        "teams": [],
        "organization_id": null,
        "sso_user_id": user.details.get(SUBJECT),
        "allowed_cache_controls": [],
        "policies": [],
        "litellm_organization_table": null,
        "organization_memberships": null,
        "invitations_created": null,
        "invitations_updated": null,
        "invitations_user": null,
    })));
    view
}

/// Writes a user with what they are a member of.
pub(crate) async fn shown(app: &App, user: &Entity) -> Result<Map<String, Value>, ApiError> {
    let teams = app.service.parts(Scope::TeamMember, &user.id).await?;
    let organizations = app.service.parts(Scope::OrganizationMember, &user.id).await?;
    Ok(with_parts(user, teams, &organizations, app.service.now()))
}

/// Writes a user with what they are a member of, which is at hand.
fn with_parts(
    user: &Entity,
    teams: Vec<Entity>,
    organizations: &[Entity],
    now: Timestamp,
) -> Map<String, Value> {
    let mut view = row(user, now);
    let teams: Vec<String> = teams.into_iter().filter_map(|part| part.team_id).collect();
    view.insert("teams".into(), teams.into());
    if !organizations.is_empty() {
        let parts: Vec<Value> = organizations.iter().map(organization_members::view).collect();
        view.insert("organization_memberships".into(), parts.into());
    }
    view
}

fn taken(error: ServiceError) -> ApiError {
    let ServiceError::Conflict(what) = error else { return error.into() };
    let message = format!("A user with this {what} already exists.");
    ApiError::conflict(what, message)
}

/// What `GET /v2/user/info` shows.
const PLAIN: [&str; 18] = [
    "user_id",
    "user_email",
    "user_alias",
    "user_role",
    "spend",
    "max_budget",
    "tpm_limit",
    "rpm_limit",
    "models",
    "budget_duration",
    "budget_reset_at",
    "metadata",
    "created_at",
    "updated_at",
    "sso_user_id",
    "teams",
    "object_permission",
    "model_max_budget",
];

/// What users may be sorted by.
const COLUMNS: [(&str, EntitySort); 7] = [
    ("user_id", EntitySort::Id),
    ("user_alias", EntitySort::Alias),
    ("user_email", EntitySort::Email),
    ("created_at", EntitySort::CreatedAt),
    ("updated_at", EntitySort::UpdatedAt),
    ("spend", EntitySort::Spend),
    ("max_budget", EntitySort::MaxBudget),
];
