//! Changes of many users, teams and keys at once: each for itself; one that fails stops no other.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::standing::PERMISSIONS;
use crate::domain::{Entity, EntityChange, Right, Scope};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::query::key_hash;
use crate::http::{App, Body, keys, rights, teams, users};
use crate::store::{EntityQuery, KeyQuery};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /user/bulk_update`: `users` with fields of their own, or one change of all of them.
pub(crate) async fn update_users(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let listed = body.list("users").value();
    let all = body.flag("all_users").value() == Some(true);
    let change = body.object("user_updates").value();
    body.finish()?;
    let items = match (all, change) {
        (true, Some(change)) => everybody(&app, &caller, &change).await?,
        (true, None) => return Err(bad("user_updates says what to change of all users")),
        (false, _) => listed.unwrap_or_default(),
    };
    check_number(&items, "users")?;
    let (mut results, mut done) = (Vec::with_capacity(items.len()), 0_usize);
    for item in &items {
        let changed = match Fields::read(item.to_string().as_bytes()) {
            Ok(fields) => users::changed(&app, fields, &caller).await,
            Err(error) => Err(error),
        };
        let (user, error) = match changed {
            Ok((_, user)) => (Some(user), None),
            Err(error) => (None, Some(error.message())),
        };
        done += usize::from(error.is_none());
        let known = |name: &str| user.as_ref().and_then(|user| user.get(name));
        results.push(json!({
            "user_id": known("user_id").or_else(|| item.get("user_id")),
            "user_email": known("user_email").or_else(|| item.get("user_email")),
            "success": error.is_none(),
            "error": error,
            "updated_user": user,
        }));
    }
    Ok(Json(json!({
        "results": results,
        "total_requested": items.len(),
        "successful_updates": done,
        "failed_updates": items.len() - done,
    })))
}

/// Writes one change for each user there is.
async fn everybody(
    app: &App,
    caller: &Caller,
    change: &Map<String, Value>,
) -> Result<Vec<Value>, ApiError> {
    if !caller.standing.changes_all() {
        return Err(ApiError::forbidden("Only proxy admin may update all users at once."));
    }
    let query = EntityQuery { limit: MOST_AT_ONCE + 1, ..EntityQuery::all(Scope::User) };
    let found = app.service.entities(&query).await?.entities;
    let item = |user: Entity| {
        let mut item = change.clone();
        item.remove("user_email");
        item.insert("user_id".into(), user.id.into());
        Value::Object(item)
    };
    Ok(found.into_iter().map(item).collect())
}

/// `POST /team/key/bulk_update`: keys of a team, named or all of them.
pub(crate) async fn update_team_keys(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let team = body.required_text("team_id");
    let named = body.texts("key_ids").value();
    let all = body.flag("all_keys_in_team").value() == Some(true);
    body.required("update_fields");
    let mut change = body.object("update_fields").value().unwrap_or_default();
    body.finish()?;
    if let Some(name) = change.keys().find(|name| !KEY_FIELDS.contains(&name.as_str())) {
        let message = format!("update_fields.{name} is not for many keys at once");
        return Err(ApiError::bad_request("update_fields", message));
    }
    change.retain(|_, value| !value.is_null());
    rights::team(&app, &caller, &team, Right::Manage).await?;
    let ids = match (all, named) {
        (true, _) => keys_of(&app, &team).await?,
        (false, named) => named.unwrap_or_default(),
    };
    check_number(&ids, "key_ids")?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &ids {
        match update_team_key(&app, &caller, (&team, id), &change).await {
            Ok(info) => done.push(json!({ "key": id, "key_info": info })),
            Err(error) => failed.push(json!({
                "key": id,
                "key_info": null,
                "failed_reason": error.message(),
            })),
        }
    }
    Ok(Json(json!({
        "total_requested": ids.len(),
        "successful_updates": done,
        "failed_updates": failed,
    })))
}

async fn keys_of(app: &App, team: &str) -> Result<Vec<String>, ApiError> {
    let query =
        KeyQuery { team_id: Some(team.to_owned()), limit: MOST_AT_ONCE + 1, ..KeyQuery::default() };
    let found = app.service.keys(&query).await?.keys;
    Ok(found.into_iter().map(|listed| listed.key.hash.to_hex()).collect())
}

async fn update_team_key(
    app: &App,
    caller: &Caller,
    (team, id): (&str, &str),
    change: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let key = match key_hash(id) {
        Some(hash) => app.service.key(&hash).await?,
        None => None,
    };
    if key.is_none_or(|key| key.team_id.as_deref() != Some(team)) {
        return Err(ApiError::not_found("key_ids", "This team has no such key."));
    }
    let mut item = change.clone();
    item.insert("key".into(), id.into());
    let (_, info) = keys::changed(app, Value::Object(item).to_string().as_bytes(), caller).await?;
    Ok(info)
}

/// `POST /team/permissions_bulk_update`: adds to what members of teams may do to keys.
pub(crate) async fn permit(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let permissions = body.required_texts("permissions");
    let ids = body.texts("team_ids").value().unwrap_or_default();
    let all = body.flag("apply_to_all_teams").value() == Some(true);
    body.finish()?;
    teams::permitted("permissions", permissions.clone())?;
    if all != ids.is_empty() {
        return Err(bad("Must provide team_ids or set apply_to_all_teams=true"));
    }
    let query = EntityQuery { ids: (!all).then_some(ids), ..EntityQuery::all(Scope::Team) };
    let mut updated = 0_usize;
    for team in app.service.entities(&query).await?.entities {
        let mut said = teams::said(&team);
        let Some(known) = said.as_array_mut() else { continue };
        let before = known.len();
        for permission in &permissions {
            if !known.iter().any(|it| it == permission) {
                known.push(permission.clone().into());
            }
        }
        if known.len() == before {
            continue;
        }
        let mut what = EntityChange::default();
        what.details.insert(PERMISSIONS.into(), said);
        let changed =
            app.service.update_entity(Scope::Team, &team.id, &what, &caller.actor).await?;
        updated += usize::from(changed.is_some());
    }
    Ok(Json(json!({
        "message": "Team permissions updated successfully",
        "teams_updated": updated,
        "permissions_appended": permissions,
    })))
}

fn check_number<T>(items: &[T], field: &str) -> Result<(), ApiError> {
    if items.is_empty() || items.len() > MOST_AT_ONCE as usize {
        let message = format!("{field} must be 1 to {MOST_AT_ONCE}");
        return Err(ApiError::bad_request(field, message));
    }
    Ok(())
}

fn bad(message: &str) -> ApiError {
    ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": message }))
}

const MOST_AT_ONCE: u32 = 500;

/// What may be changed of many keys at once: nothing that only one key may have.
const KEY_FIELDS: [&str; 17] = [
    "max_budget",
    "budget_id",
    "budget_duration",
    "budget_limits",
    "model_max_budget",
    "tpm_limit",
    "rpm_limit",
    "model_tpm_limit",
    "model_rpm_limit",
    "max_parallel_requests",
    "rpm_limit_type",
    "tpm_limit_type",
    "temp_budget_increase",
    "temp_budget_expiry",
    "duration",
    "tags",
    "metadata",
];
