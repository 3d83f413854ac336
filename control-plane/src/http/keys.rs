//! `/key/*`.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Limits, Secret, Stamps, Timestamp};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::paging::Paging;
use crate::http::query::{Query, key_hash};
use crate::http::{App, Body, entity_view, key_fields, key_view, member_defaults, rights};
use crate::service::{Actor, Generated, KeyFields, ServiceError};
use crate::store::{KeyQuery, KeySort, ListedKey};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /key/generate`.
pub(crate) async fn generate(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let chosen = body.text("key").value().map(Secret::new);
    let mut fields = key_fields::read(&mut body)?;
    body.finish()?;
    rights::make_key(&app, &caller, chosen.as_ref(), &mut fields, "/key/generate").await?;
    made(&app, chosen, fields, &caller.actor).await
}

/// Makes a key and shows it, this once.
pub(crate) async fn made(
    app: &App,
    chosen: Option<Secret>,
    mut fields: KeyFields,
    actor: &Actor,
) -> Answer {
    // A key of that name may be there already: then it is changed, and lives as long as it did.
    if chosen.is_none() {
        member_defaults::limit_life(app, &mut fields).await?;
    }
    let made = app.service.generate_key(chosen, fields, actor).await?;
    shown_once(app, &made).await
}

/// Shows a key with its secret.
pub(crate) async fn shown_once(app: &App, made: &Generated) -> Answer {
    let mut view = key_view::generated(made, app.service.now());
    view.insert("litellm_budget_table".into(), budget_table(app, &made.key).await?);
    Ok(Json(view.into()))
}

/// `GET /key/info`. Without `key`, and for those who are not admin, the caller's own.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let asked = query.text("key");
    let key = match (asked, caller.key.as_deref()) {
        (None, Some(own)) => own.clone(),
        (None, None) => return Err(not_in_database()),
        (Some(asked), _) if caller.confined().is_some() => visible(&app, &caller, asked).await?,
        (Some(asked), _) => match key_hash(asked) {
            Some(hash) => app.service.key(&hash).await?.ok_or_else(not_in_database)?,
            None => return Err(not_in_database()),
        },
    };
    let name = asked.map_or_else(|| key.hash.to_hex(), str::to_owned);
    let view = shown(&app, &key).await?;
    Ok(Json(json!({"key": name, "info": view})))
}

/// Finds a key that the caller may look at. Whether there is another one is nobody's business.
async fn visible(app: &App, caller: &Caller, name: &str) -> Result<ApiKey, ApiError> {
    let key = match key_hash(name) {
        Some(hash) => app.service.key(&hash).await?,
        None => None,
    };
    let hidden = || ApiError::forbidden("You are not allowed to access this key's info.");
    let key = key.ok_or_else(hidden)?;
    rights::see_key(app, caller, &key).await?;
    Ok(key)
}

/// Shows a key without its hash, with the budget that it shares.
pub(crate) async fn shown(app: &App, key: &ApiKey) -> Result<Map<String, Value>, ApiError> {
    let mut view = key_view::row(key, app.service.now());
    view.insert("litellm_budget_table".into(), budget_table(app, key).await?);
    Ok(view)
}

/// `POST /key/update`.
pub(crate) async fn update(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let (name, mut view) = changed(&app, &body, &caller).await?;
    view.insert("key".into(), name.into());
    Ok(Json(Value::Object(view)))
}

/// Changes the key that a body names, and returns its name there with what it is now.
pub(crate) async fn changed(
    app: &App,
    body: &[u8],
    caller: &Caller,
) -> Result<(String, Map<String, Value>), ApiError> {
    let mut body = Fields::read(body)?;
    let name = body.required_text("key");
    let fields = key_fields::read(&mut body)?;
    body.finish()?;
    let hash = key_hash(&name).ok_or(ServiceError::NotFound("key"))?;
    let known = existing(app, caller, &hash).await?;
    rights::change_key(app, caller, &known, &fields).await?;
    let key = app.service.update_key(&hash, fields, &caller.actor).await?;
    Ok((name, key_view::row_with_token(&key, app.service.now())))
}

/// `POST /key/delete`.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let names = body.texts("keys").value().unwrap_or_default();
    let aliases = body.texts("key_aliases").value().unwrap_or_default();
    body.finish()?;
    if names.is_empty() && aliases.is_empty() {
        let problem = json!({"type": "value_error", "loc": ["body"],
            "msg": "Value error, at least one of 'keys' or 'key_aliases' must be provided",
            "input": {}});
        return Err(ApiError::validation(vec![problem]));
    }
    let mut asked: BTreeMap<KeyHash, String> = BTreeMap::new();
    for name in names {
        asked.extend(key_hash(&name).map(|hash| (hash, name)));
    }
    for alias in aliases {
        asked.extend(app.service.key_by_alias(&alias).await?.map(|key| (key.hash, alias)));
    }
    let hashes: Vec<KeyHash> = asked.keys().copied().collect();
    for hash in &hashes {
        if let Some(key) = app.service.key(hash).await? {
            rights::manage_key(&app, &caller, &key, "/key/delete").await?;
        }
    }
    let deleted = app.service.delete_keys(&hashes, &caller.actor).await?;
    if deleted.is_empty() {
        return Err(ApiError::not_found("keys", "No keys found"));
    }
    let deleted: Vec<&String> = deleted.iter().filter_map(|hash| asked.get(hash)).collect();
    Ok(Json(json!({ "deleted_keys": deleted })))
}

/// `POST /key/block`.
pub(crate) async fn block(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    set_blocked(&app, &caller, &body, true).await
}

/// `POST /key/unblock`.
pub(crate) async fn unblock(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    set_blocked(&app, &caller, &body, false).await
}

async fn set_blocked(app: &App, caller: &Caller, body: &Bytes, blocked: bool) -> Answer {
    let mut body = Fields::read(body)?;
    let name = body.required_text("key");
    body.finish()?;
    let Some(hash) = key_hash(&name).filter(|_| well_formed(&name)) else {
        return Err(ApiError::bad_request("key", "Invalid key format."));
    };
    let known = existing(app, caller, &hash).await?;
    rights::govern_key(app, caller, &known).await?;
    let key = app.service.block_key(&hash, blocked, &caller.actor).await?;
    Ok(Json(Value::Object(key_view::row_with_token(&key, app.service.now()))))
}

/// `GET /key/list`.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let paging = Paging::read(&query, "size", 10, 100)?;
    let full = query.flag("return_full_object")?.unwrap_or(false);
    let found = match key_query(&query, paging)? {
        Some(mut wanted) => {
            let with_teams = query.flag("include_team_keys")?.unwrap_or(false);
            rights::narrow_keys(&app, &caller, &mut wanted, with_teams).await?;
            app.service.keys(&wanted).await?
        }
        None => crate::store::KeyPage::default(),
    };
    let keys: Vec<Value> =
        found.keys.iter().map(|key| listed(key, full, app.service.now())).collect();
    Ok(Json(paging.counted("keys", keys, found.total).into()))
}

/// Reads the filters. `None`: nothing can match, since we have nothing of the kind.
fn key_query(query: &Query, paging: Paging) -> Result<Option<KeyQuery>, ApiError> {
    for name in ["search", "substring_matching", "expires"] {
        if query.text(name).is_some() {
            return Err(ApiError::bad_request(name, format!("{name} is not supported yet")));
        }
    }
    let deleted = match query.text("status") {
        None | Some("active") => false,
        Some("deleted") => true,
        Some(_) => return Err(ApiError::bad_request("status", "status must be deleted")),
    };
    let unknown = ["project_id", "access_group_id", "agent_id"];
    let hash = query.text("key_hash").map(key_hash);
    if unknown.iter().any(|name| query.text(name).is_some()) || hash == Some(None) {
        return Ok(None);
    }
    let (sort, descending) = query.order(&COLUMNS, (KeySort::CreatedAt, true))?;
    Ok(Some(KeyQuery {
        deleted,
        user_id: query.text("user_id").map(str::to_owned),
        teams: None,
        team_id: query.text("team_id").map(str::to_owned),
        organization_id: query.text("organization_id").map(str::to_owned),
        alias: query.text("key_alias").map(str::to_owned),
        hash: hash.flatten(),
        owners: None,
        has_alias: false,
        sort,
        descending,
        offset: paging.offset(),
        limit: paging.size(),
    }))
}

fn listed(listed: &ListedKey, full: bool, now: Timestamp) -> Value {
    if !full {
        return Value::from(listed.key.hash.to_hex());
    }
    let mut view = key_view::row_with_token(&listed.key, now);
    if let Some((at, by)) = &listed.deleted {
        view.insert("status".into(), "deleted".into());
        view.insert("deleted_at".into(), key_view::offset(*at).into());
        view.insert("deleted_by".into(), by.clone().into());
    }
    Value::Object(view)
}

/// Finds a key that is to be changed. Only those who see everything hear that there is none.
pub(crate) async fn existing(
    app: &App,
    caller: &Caller,
    hash: &KeyHash,
) -> Result<ApiKey, ApiError> {
    let key = app.service.key(hash).await?;
    key.ok_or_else(|| match caller.confined() {
        None => ServiceError::NotFound("key").into(),
        Some(_) => ApiError::forbidden("You are not allowed to change this key."),
    })
}

fn well_formed(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match name.strip_prefix("sk-") {
        Some(rest) => !rest.is_empty() && rest.bytes().all(plain),
        None => KeyHash::from_hex(name).is_some(),
    }
}

/// Writes the budget that a key shares, as it holds for the key. A soft budget of its own shows
/// in the form of one, since LiteLLM keeps it there.
async fn budget_table(app: &App, key: &ApiKey) -> Result<Value, ApiError> {
    let budget = match &key.budget_id {
        Some(id) => app.service.budget(id).await?,
        None => None,
    };
    let now = app.service.now();
    if let Some(budget) = budget {
        let limits = key.limits.or(&budget.limits);
        return Ok(entity_view::budget_table(Some(&budget.id), &limits, &budget.stamps, now).into());
    }
    if key.limits.soft_budget.is_none() {
        return Ok(Value::Null);
    }
    let stamps = Stamps {
        created_at: key.created_at,
        created_by: key.created_by.clone(),
        updated_at: key.updated_at,
        updated_by: key.updated_by.clone(),
    };
    let soft = Limits { soft_budget: key.limits.soft_budget, ..Limits::default() };
    Ok(entity_view::budget_table(None, &soft, &stamps, now).into())
}

fn not_in_database() -> ApiError {
    ApiError::not_found("key", "Key not found in database")
}

/// What keys may be sorted by.
const COLUMNS: [(&str, KeySort); 6] = [
    ("spend", KeySort::Spend),
    ("max_budget", KeySort::MaxBudget),
    ("created_at", KeySort::CreatedAt),
    ("updated_at", KeySort::UpdatedAt),
    ("token", KeySort::Hash),
    ("key_alias", KeySort::Alias),
];
