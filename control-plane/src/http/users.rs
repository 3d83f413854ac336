//! `/user/*`.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{ApiKey, Edit, Entity, EntityChange, KeyChange, Scope, Timestamp};
use crate::http::auth::{By, Caller};
use crate::http::entity_fields::{self, Names};
use crate::http::entity_view::{fields, shared};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::{generated, row_with_token};
use crate::http::query::Query;
use crate::http::{App, Body, key_fields, teams};
use crate::service::{KeyFields, ServiceError};
use crate::store::{EntityQuery, EntitySort};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /user/new`: a user, and a key for them unless told not to. Limits are the user's.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("user_id").value();
    let with_key = body.flag("auto_create_key").value().unwrap_or(true);
    let change = read(&mut body)?;
    let key = key_of_user(&mut body)?;
    body.finish()?;
    let user = app.service.new_entity(Scope::User, id, &change, &actor).await.map_err(taken)?;
    let now = app.service.now();
    let mut view = if with_key {
        let mut fields = key;
        fields.change.user_id = Edit::Set(user.id.clone());
        generated(&app.service.generate_key(None, fields, &actor).await?, now)
    } else {
        fields(json!({"key": "", "key_alias": null, "expires": null}))
    };
    view.extend(row(&user, now));
    view.extend(fields(json!({"token": null, "token_id": null})));
    Ok(Json(view.into()))
}

/// `POST /user/update`: by id or email; an unknown id is made.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("user_id").value();
    let change = read(&mut body)?;
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
    let known = match &id {
        Some(id) => app.service.update_entity(Scope::User, id, &change, &actor).await,
        None => Ok(None),
    };
    let user = if let Some(user) = known.map_err(taken)? {
        user
    } else {
        let made = app.service.new_entity(Scope::User, id, &change, &actor).await;
        made.map_err(taken)?
    };
    Ok(Json(json!({"user_id": user.id, "data": row(&user, app.service.now())})))
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
        Some(own) => own_user(&app, own, query.text("user_id")).await?,
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
    let of: Vec<Value> = of.iter().map(|team| Value::Object(teams::row(team, now))).collect();
    Ok(Json(json!({"user_id": id, "user_info": row(&user, now), "keys": keys, "teams": of})))
}

/// `GET /user/list`.
pub(crate) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["role", "team", "sso_user_ids"])?;
    let (sort, descending) = query.order(&COLUMNS, (EntitySort::CreatedAt, false))?;
    let page = query.number("page", 1, u32::MAX)?.unwrap_or(1);
    let size = query.number("page_size", 1, 1000)?.unwrap_or(25);
    let asked = EntityQuery {
        ids: query.list("user_ids"),
        email: query.text("user_email").map(str::to_owned),
        sort,
        descending,
        offset: (page - 1).saturating_mul(size),
        limit: size,
        ..EntityQuery::all(Scope::User)
    };
    let found = app.service.entities(&asked).await?;
    let now = app.service.now();
    let mut users = Vec::with_capacity(found.entities.len());
    for user in &found.entities {
        let mut view = row(user, now);
        let keys = app.service.count_keys_of(Scope::User, &user.id).await?;
        view.insert("key_count".into(), keys.into());
        users.push(Value::Object(view));
    }
    Ok(Json(json!({
        "users": users,
        "total": found.total,
        "page": page,
        "page_size": size,
        "total_pages": found.total.div_ceil(u64::from(size)),
    })))
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
        Some(own) => own_user(&app, own, asked).await?,
    };
    let mut view = row(&user, app.service.now());
    view.retain(|name, _| PLAIN.contains(&name.as_str()));
    Ok(Json(view.into()))
}

async fn user(app: &App, id: &str) -> Result<Entity, ApiError> {
    app.service.entity(Scope::User, id).await?.ok_or_else(|| {
        ApiError::not_found("user_id", &format!("User {id} not found in the database."))
    })
}

/// Finds the user of a key, who is the only one that its holder may look at.
async fn own_user(app: &App, key: &ApiKey, asked: Option<&str>) -> Result<Entity, ApiError> {
    match &key.user_id {
        Some(id) if asked.is_none_or(|asked| asked == id) => user(app, id).await,
        _ => Err(ApiError::forbidden("You are not allowed to access this user's info.")),
    }
}

/// `GET /user/available_roles`: what a user may be.
pub(crate) async fn roles() -> Answer {
    Ok(Json(json!({
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
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("user_ids");
    body.finish()?;
    for id in &ids {
        if app.service.entity(Scope::User, id).await?.is_none() {
            let detail = json!({"error": format!("User id {id} not found")});
            return Err(ApiError::detail(StatusCode::NOT_FOUND, detail));
        }
    }
    let deleted = app.service.delete_entities(Scope::User, &ids, &actor).await?;
    Ok(Json(deleted.len().into()))
}

/// Reads what is said about a user. Roles that would let keys manage are not given yet.
fn read(body: &mut Fields) -> Result<EntityChange, ApiError> {
    let role = body.given("user_role").and_then(Value::as_str).unwrap_or("internal_user");
    match role {
        "internal_user" | "internal_user_viewer" => {}
        "proxy_admin" | "proxy_admin_viewer" => {
            return Err(key_fields::unsupported("user_role", &format!("user_role {role}")));
        }
        _ => {
            let message = "Input should be 'proxy_admin', 'proxy_admin_viewer', 'internal_user' \
                           or 'internal_user_viewer'";
            let problem = json!({"type": "enum", "loc": ["body", "user_role"], "msg": message,
                "input": role});
            return Err(ApiError::validation(vec![problem]));
        }
    }
    entity_fields::read(body, &NAMES)
}

/// Reads what is said about the key of a new user.
fn key_of_user(body: &mut Fields) -> Result<KeyFields, ApiError> {
    Ok(KeyFields {
        change: KeyChange {
            alias: body.text("key_alias"),
            team_id: body.text("team_id"),
            models: body.texts("models").value(),
            aliases: body.text_map("aliases").value(),
            ..KeyChange::default()
        },
        lifetime: key_fields::lifetime(body)?,
    })
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
        "sso_user_id": null,
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

fn taken(error: ServiceError) -> ApiError {
    let ServiceError::Conflict(what) = error else { return error.into() };
    let message = format!("A user with this {what} already exists.");
    ApiError::envelope(StatusCode::CONFLICT, "bad_request_error", Some(what), message)
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

const NAMES: Names = Names {
    alias: "user_alias",
    details: &["user_role"],
    unsupported: &["blocked", "organizations", "password", "sso_user_id", "teams"],
};

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
