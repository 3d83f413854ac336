//! `/team/*`: making and changing teams.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::standing::PERMISSIONS;
use crate::domain::{Edit, Entity, EntityChange, LimitsChange, Right, Scope, TeamRole};
use crate::http::auth::Caller;
use crate::http::entity_fields::{self, Names, check_soft_budget};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::member_defaults::Defaults;
use crate::http::query::Query;
use crate::http::team_members::{self, Draft};
use crate::http::{App, Body, member_defaults, rights, team_view};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /team/new`. Who makes it is its admin.
pub(crate) async fn new(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.text("team_id").value();
    let (change, defaults) = read(&mut body)?;
    let mut drafts = team_members::drafts(&mut body, "members_with_roles")?;
    body.finish()?;
    check_soft_budget(&change)?;
    rights::manage_organization(&caller, change.organization_id.as_value().map(String::as_str))?;
    let own = |user: &String| drafts.iter().any(|draft| draft.user_id.as_ref() == Some(user));
    if let Some(user) = caller.standing.user.clone().filter(|user| !own(user)) {
        drafts.push(Draft { user_id: Some(user), email: None, role: TeamRole::Admin });
    }
    let team = app.service.new_entity(Scope::Team, id, &change, &caller.actor).await?;
    let team = defaults.give(&app, team, &caller.actor).await?;
    for draft in &drafts {
        let what = EntityChange::default();
        team_members::add(&app, &team, draft, &what, &caller.actor).await?;
    }
    Ok(Json(team_view::row(&app, &team).await?.into()))
}

/// `POST /team/update`.
pub(crate) async fn update(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    changed(&app, &caller, id, body).await
}

/// `PATCH /team/{team_id}`.
pub(crate) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body,
) -> Answer {
    changed(&app, &caller, id, Fields::read(&body)?).await
}

async fn changed(app: &App, caller: &Caller, id: String, mut body: Fields) -> Answer {
    let (change, defaults) = read(&mut body)?;
    body.finish()?;
    check_soft_budget(&change)?;
    let team = rights::team(app, caller, &id, Right::Manage).await?;
    if caller.standing.in_team(&team) < Right::Govern && governs(&change) {
        return Err(ApiError::forbidden(
            "Only an admin of the proxy or of the team's organization may change what a team may \
             use.",
        ));
    }
    let moved = change.organization_id != Edit::Keep
        && change.organization_id.as_value() != team.organization_id.as_ref();
    if moved {
        let to = change.organization_id.as_value();
        rights::manage_organization(caller, to.map(String::as_str))?;
    }
    let team = app.service.update_entity(Scope::Team, &id, &change, &caller.actor).await?;
    let team = team.ok_or_else(|| not_found(&id))?;
    let team = defaults.give(app, team, &caller.actor).await?;
    Ok(Json(json!({"team_id": id, "data": team_view::row(app, &team).await?})))
}

/// Tells whether a change says what the team may use, which its own admins may not.
fn governs(change: &EntityChange) -> bool {
    change.limits != LimitsChange::default()
        || change.models.is_some()
        || change.spend.is_some()
        || change.blocked.is_some()
        || change.organization_id != Edit::Keep
        || change.budget_id != Edit::Keep
}

fn read(body: &mut Fields) -> Result<(EntityChange, Defaults), ApiError> {
    let defaults = Defaults::read(body)?;
    let mut change = entity_fields::read(body, &NAMES)?;
    change.organization_id = body.text("organization_id");
    if let Some(permissions) = body.texts(PERMISSIONS).value() {
        change.details.insert(PERMISSIONS.into(), permitted(PERMISSIONS, permissions)?);
    }
    defaults.note(&mut change.details);
    Ok((change, defaults))
}

/// `POST /team/delete`, with their keys.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let ids = body.required_texts("team_ids");
    body.finish()?;
    let mut budgets = Vec::new();
    for id in &ids {
        let team = rights::team(&app, &caller, id, Right::Manage).await?;
        budgets.extend(member_defaults::budget(&app, &team).await?);
    }
    let deleted = app.service.delete_entities(Scope::Team, &ids, &caller.actor).await?;
    member_defaults::forget(&app, budgets, &caller.actor).await?;
    Ok(Json(json!({ "deleted_teams": deleted })))
}

/// `POST /team/block`: its keys are refused.
pub(crate) async fn block(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    set_blocked(&app, &caller, &body, true).await
}

/// `POST /team/unblock`.
pub(crate) async fn unblock(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    set_blocked(&app, &caller, &body, false).await
}

async fn set_blocked(app: &App, caller: &Caller, body: &[u8], blocked: bool) -> Answer {
    let mut body = Fields::read(body)?;
    let id = body.required_text("team_id");
    body.finish()?;
    rights::team(app, caller, &id, Right::Govern).await?;
    let team = app.service.block_entity(Scope::Team, &id, blocked, &caller.actor).await?;
    let team = team.ok_or_else(|| not_found(&id))?;
    Ok(Json(team_view::row(app, &team).await?.into()))
}

/// `POST /team/model/add`: models that the team may call besides those it may.
pub(crate) async fn add_models(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    change_models(&app, &caller, &body, |known, named| {
        let new: Vec<String> = named.into_iter().filter(|name| !known.contains(name)).collect();
        known.extend(new);
    })
    .await
}

/// `POST /team/model/delete`.
pub(crate) async fn delete_models(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    change_models(&app, &caller, &body, |known, named| {
        let had_some = !known.is_empty();
        known.retain(|name| !named.contains(name));
        // An empty list would open all of them.
        if had_some && known.is_empty() {
            known.push("no-default-models".to_owned());
        }
    })
    .await
}

async fn change_models(
    app: &App,
    caller: &Caller,
    body: &[u8],
    change: fn(&mut Vec<String>, Vec<String>),
) -> Answer {
    let mut body = Fields::read(body)?;
    let id = body.required_text("team_id");
    let named = body.required_texts("models");
    body.finish()?;
    let mut models = rights::team(app, caller, &id, Right::Govern).await?.models;
    change(&mut models, named);
    let what = EntityChange { models: Some(models), ..EntityChange::default() };
    let team = app.service.update_entity(Scope::Team, &id, &what, &caller.actor).await?;
    Ok(Json(team_view::row(app, &team.ok_or_else(|| not_found(&id))?).await?.into()))
}

/// `GET /team/permissions_list`: what members may do to keys.
pub(crate) async fn permissions(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("team_id")?;
    let team = rights::team(&app, &caller, id, Right::See).await?;
    Ok(Json(json!({
        "team_id": id,
        PERMISSIONS: said(&team),
        "all_available_permissions": PERMISSIBLE,
    })))
}

/// `POST /team/permissions_update`.
pub(crate) async fn set_permissions(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    let permissions = body.required_texts(PERMISSIONS);
    body.finish()?;
    rights::team(&app, &caller, &id, Right::Manage).await?;
    let mut what = EntityChange::default();
    what.details.insert(PERMISSIONS.into(), permitted(PERMISSIONS, permissions)?);
    let team = app.service.update_entity(Scope::Team, &id, &what, &caller.actor).await?;
    Ok(Json(team_view::row(&app, &team.ok_or_else(|| not_found(&id))?).await?.into()))
}

/// Returns what members of a team may do to keys.
pub(crate) fn said(team: &Entity) -> Value {
    team.details.get(PERMISSIONS).cloned().unwrap_or_else(|| json!([]))
}

/// Checks what members are to be allowed, which stands in `field`.
pub(crate) fn permitted(field: &str, permissions: Vec<String>) -> Result<Value, ApiError> {
    match permissions.iter().find(|it| !PERMISSIBLE.contains(&it.as_str())) {
        None => Ok(permissions.into()),
        Some(wrong) => {
            let message = format!("{wrong:?} is none of {}", PERMISSIBLE.join(", "));
            Err(ApiError::bad_request(field, message))
        }
    }
}

pub(crate) fn not_found(id: &str) -> ApiError {
    ApiError::envelope(
        StatusCode::NOT_FOUND,
        "auth_error",
        None,
        format!("Team not found, passed team id: {id}."),
    )
}

/// What a team may let its members do.
const PERMISSIBLE: [&str; 9] = [
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/{key_id}/regenerate",
    "/key/info",
    "/key/list",
    "/key/health",
];

const NAMES: Names = Names {
    alias: "team_alias",
    details: &[],
    unsupported: &["default_team_member_models", "members", "admins", "model_aliases", "prompts"],
};
