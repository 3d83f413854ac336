//! What a caller may do to one thing: finds what it belongs to, asks [`Standing`], and refuses.
//!
//! Whoever may not see a thing hears the same whether it is there or not.
//!
//! [`Standing`]: crate::domain::Standing

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::json;
use tollgate_core::key::KeyHash;

use crate::domain::{
    ApiKey, Edit, Entity, EntityChange, LimitsChange, Right, Role, Scope, Secret, TeamRole,
};
use crate::http::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::user_fields::Parts;
use crate::service::KeyFields;
use crate::store::{EntityQuery, KeyOwners, KeyQuery};

/// Refuses who may not look at a key.
pub(crate) async fn see_key(app: &App, caller: &Caller, key: &ApiKey) -> Result<(), ApiError> {
    if caller.standing.sees_all() {
        return Ok(());
    }
    let team = team_of(app, key.team_id.as_deref()).await?;
    if caller.standing.sees_key(key, team.as_ref()) {
        return Ok(());
    }
    Err(ApiError::forbidden("You are not allowed to access this key's info."))
}

/// Refuses who may not do to a key what a route does.
pub(crate) async fn manage_key(
    app: &App,
    caller: &Caller,
    key: &ApiKey,
    route: &str,
) -> Result<(), ApiError> {
    let team = team_of(app, key.team_id.as_deref()).await?;
    if caller.standing.manages_key(key, team.as_ref(), route) {
        return Ok(());
    }
    Err(ApiError::forbidden(&format!("You are not allowed to call {route} for this key.")))
}

/// Refuses who does not govern a key: block it, or say what it has spent.
pub(crate) async fn govern_key(app: &App, caller: &Caller, key: &ApiKey) -> Result<(), ApiError> {
    if caller.standing.changes_all() || manages_owner(app, caller, key).await? {
        return Ok(());
    }
    Err(ApiError::forbidden("Only an admin of the key's team or organization may do this."))
}

/// Fills in who a new key belongs to, and refuses whoever may not make it.
pub(crate) async fn make_key(
    app: &App,
    caller: &Caller,
    chosen: Option<&Secret>,
    fields: &mut KeyFields,
    route: &str,
) -> Result<(), ApiError> {
    let standing = &caller.standing;
    if standing.changes_all() {
        return Ok(());
    }
    if let Some(chosen) = chosen
        && let Some(known) = app.service.key(&KeyHash::of(chosen.expose().as_bytes())).await?
    {
        return change_key(app, caller, &known, fields).await;
    }
    let change = &mut fields.change;
    if change.user_id.as_value().is_none() && route != SERVICE_ACCOUNT {
        change.user_id = standing.user.clone().map_or(Edit::Keep, Edit::Set);
    }
    refuse_strangers(app, caller, fields, route).await?;
    if fields.change.spend.is_some() {
        return Err(ApiError::forbidden("Only an admin may say what a key has spent."));
    }
    Ok(())
}

/// Refuses who may not change a key like this.
pub(crate) async fn change_key(
    app: &App,
    caller: &Caller,
    key: &ApiKey,
    fields: &KeyFields,
) -> Result<(), ApiError> {
    if caller.standing.changes_all() {
        return Ok(());
    }
    manage_key(app, caller, key, "/key/update").await?;
    if fields.change.user_id == Edit::Clear && key.owner().is_some() {
        return Err(ApiError::forbidden("Only an admin may take a key from its user."));
    }
    if fields.change.team_id == Edit::Clear && key.team_id.is_some() {
        return Err(ApiError::forbidden("Only an admin may take a key from its team."));
    }
    if fields.change.organization_id == Edit::Clear && key.organization_id.is_some() {
        return Err(ApiError::forbidden("Only an admin may take a key from its organization."));
    }
    if fields.change.allowed_routes.as_ref().is_some_and(|routes| *routes != key.allowed_routes) {
        return Err(ApiError::forbidden(ROUTES_ARE_GIVEN));
    }
    let same = |edit: &Edit<String>, now: &Option<String>| {
        if edit.as_value() == now.as_ref() { Edit::Keep } else { edit.clone() }
    };
    let mut moved = fields.clone();
    moved.change.allowed_routes = None;
    moved.change.user_id = same(&fields.change.user_id, &key.user_id);
    moved.change.team_id = same(&fields.change.team_id, &key.team_id);
    moved.change.organization_id = same(&fields.change.organization_id, &key.organization_id);
    refuse_strangers(app, caller, &moved, "/key/update").await?;
    let change = &fields.change;
    let unties = change.spend.is_some()
        || change.blocked.is_some()
        || change.budget_id != Edit::Keep
        || is_about_money(&change.limits);
    if unties && !manages_owner(app, caller, key).await? {
        return Err(ApiError::forbidden(
            "Only an admin of the key's team or organization may change its budget or spend.",
        ));
    }
    Ok(())
}

/// Refuses who may not get hold of a new secret of a key, or change it like this.
pub(crate) async fn renew_key(
    app: &App,
    caller: &Caller,
    key: &ApiKey,
    fields: &KeyFields,
) -> Result<(), ApiError> {
    manage_key(app, caller, key, "/key/regenerate").await?;
    if !caller.standing.takes_over(key) {
        return Err(ApiError::forbidden("Only its user may get a new secret of this key."));
    }
    if *fields == KeyFields::default() {
        return Ok(());
    }
    change_key(app, caller, key, fields).await
}

/// Refuses keys for others: of another user, of a team or organisation that the caller has no
/// right in, or with routes that nobody but the proxy's admin may give.
async fn refuse_strangers(
    app: &App,
    caller: &Caller,
    fields: &KeyFields,
    route: &str,
) -> Result<(), ApiError> {
    let (standing, change) = (&caller.standing, &fields.change);
    if change.allowed_routes.as_ref().is_some_and(|routes| !routes.is_empty()) {
        return Err(ApiError::forbidden(ROUTES_ARE_GIVEN));
    }
    if let Some(user) = change.user_id.as_value()
        && !standing.is_user(user)
    {
        return Err(ApiError::forbidden("You may make and change keys of your own alone."));
    }
    if let Some(id) = change.team_id.as_value() {
        let team = team_of(app, Some(id)).await?;
        if !team.is_some_and(|team| standing.makes_keys_in(&team, route)) {
            let message = format!("You are not allowed to call {route} for team {id}.");
            return Err(ApiError::forbidden(&message));
        }
    }
    if let Some(id) = change.organization_id.as_value()
        && standing.in_organization(id) < Right::See
    {
        return Err(ApiError::forbidden("You are no member of this organization."));
    }
    Ok(())
}

/// Tells whether the caller manages the team or the organisation that a key belongs to.
async fn manages_owner(app: &App, caller: &Caller, key: &ApiKey) -> Result<bool, ApiError> {
    let standing = &caller.standing;
    if let Some(team) = team_of(app, key.team_id.as_deref()).await? {
        return Ok(standing.in_team(&team) >= Right::Manage);
    }
    let organization = key.organization_id.as_deref();
    Ok(organization.is_some_and(|id| standing.in_organization(id) >= Right::Manage))
}

/// Finds a team in which the caller has at least this right.
pub(crate) async fn team(
    app: &App,
    caller: &Caller,
    id: &str,
    least: Right,
) -> Result<Entity, ApiError> {
    let team = team_of(app, Some(id)).await?;
    let right = team.as_ref().map(|team| caller.standing.in_team(team));
    match team {
        Some(team) if right >= Some(least) => Ok(team),
        None if caller.standing.sees_all() => Err(crate::http::teams::not_found(id)),
        Some(_) | None => Err(ApiError::forbidden(match least {
            Right::None | Right::See => "You are not allowed to access this team's info.",
            Right::Manage => {
                "Only an admin of the proxy, the organization or the team may do this."
            }
            Right::Govern => {
                "Only an admin of the proxy or of the team's organization may do this."
            }
        })),
    }
}

/// Refuses who does not manage an organisation; `None`: what belongs to no organisation.
pub(crate) fn manage_organization(caller: &Caller, id: Option<&str>) -> Result<(), ApiError> {
    let manages = |id| caller.standing.in_organization(id) >= Right::Manage;
    if caller.standing.changes_all() || id.is_some_and(manages) {
        return Ok(());
    }
    Err(ApiError::forbidden("Only an admin of the proxy or of the organization may do this."))
}

/// Refuses who does not manage a user: those in organisations of the caller's alone, who are no
/// admins themselves.
pub(crate) async fn manage_user(app: &App, caller: &Caller, id: &str) -> Result<(), ApiError> {
    if caller.standing.changes_all() {
        return Ok(());
    }
    let parts = app.service.parts(Scope::OrganizationMember, id).await?;
    let teams = app.service.parts(Scope::TeamMember, id).await?;
    let user = app.service.entity(Scope::User, id).await?;
    let manages = |id: &str| caller.standing.in_organization(id) >= Right::Manage;
    let own = !parts.is_empty()
        && parts.iter().all(|part| part.organization_id.as_deref().is_some_and(manages));
    let plain = user.is_some_and(|user| !crate::service::role_of(&user).sees_all());
    if own && plain {
        for part in &teams {
            let Some(of) = part.team_id.as_deref() else { continue };
            team(app, caller, of, Right::Govern).await?;
        }
        return Ok(());
    }
    Err(ApiError::forbidden("You are not allowed to manage this user."))
}

/// Refuses who may not make a user like this. Those who manage organisations make members of
/// theirs.
pub(crate) async fn make_user(
    app: &App,
    caller: &Caller,
    change: &EntityChange,
    parts: &Parts,
) -> Result<(), ApiError> {
    if caller.standing.changes_all() {
        return Ok(());
    }
    if parts.organizations.is_empty() {
        return manage_organization(caller, None);
    }
    for id in &parts.organizations {
        manage_organization(caller, Some(id))?;
    }
    for part in &parts.teams {
        team(app, caller, &part.team, Right::Manage).await?;
    }
    give_role(caller, change)
}

/// Refuses to give a role that reaches beyond what the caller manages.
pub(crate) fn give_role(caller: &Caller, change: &EntityChange) -> Result<(), ApiError> {
    let role = change.details.get("user_role").and_then(serde_json::Value::as_str);
    let plain = matches!(
        role.and_then(Role::parse),
        None | Some(Role::InternalUser | Role::InternalUserViewer)
    );
    if plain || caller.standing.changes_all() {
        return Ok(());
    }
    Err(ApiError::forbidden("Only proxy admin may give this role."))
}

/// Refuses to take a user into an organisation who is known and whom the caller does not manage:
/// its admin would manage them from then on.
pub(crate) async fn take_in(
    app: &App,
    caller: &Caller,
    id: Option<&str>,
    email: Option<&str>,
) -> Result<(), ApiError> {
    if caller.standing.changes_all() || id.or(email).is_none() {
        return Ok(());
    }
    let query = EntityQuery {
        ids: id.map(|id| vec![id.to_owned()]),
        email: email.filter(|_| id.is_none()).map(str::to_owned),
        ..EntityQuery::all(Scope::User)
    };
    for user in app.service.entities(&query).await?.entities {
        manage_user(app, caller, &user.id).await?;
    }
    Ok(())
}

/// Narrows a list of users to those that the caller may see: all, or members of organisations
/// that they manage.
pub(crate) async fn narrow_users(
    app: &App,
    caller: &Caller,
    asked: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, ApiError> {
    let standing = &caller.standing;
    if standing.sees_all() {
        return Ok(asked);
    }
    let managed = standing.organizations.keys();
    let managed = managed.filter(|id| standing.in_organization(id) >= Right::Manage);
    let mut users = BTreeSet::new();
    let mut manages = false;
    for id in managed {
        manages = true;
        let members = app.service.members_of_organization(id).await?;
        users.extend(members.into_iter().filter_map(|member| member.user_id));
    }
    if !manages {
        let error = "Only admins of the proxy or of an organization may list users.";
        return Err(ApiError::detail(StatusCode::FORBIDDEN, json!({ "error": error })));
    }
    users.retain(|id| asked.as_ref().is_none_or(|asked| asked.contains(id)));
    Ok(Some(users.into_iter().collect()))
}

/// Narrows a list of keys to those that the caller may see.
pub(crate) async fn narrow_keys(
    app: &App,
    caller: &Caller,
    query: &mut KeyQuery,
    with_teams: bool,
) -> Result<(), ApiError> {
    let standing = &caller.standing;
    if standing.sees_all() {
        return Ok(());
    }
    let Some(user) = standing.user.clone() else {
        return Err(ApiError::forbidden(
            "This key belongs to no user, so there is nothing to list.",
        ));
    };
    if let Some(id) = query.team_id.clone() {
        let team = team(app, caller, &id, Right::See).await?;
        if standing.makes_keys_in(&team, "/key/list") {
            return Ok(());
        }
    } else if let Some(id) = &query.organization_id
        && standing.in_organization(id) >= Right::Manage
    {
        return Ok(());
    }
    if query.user_id.as_ref().is_some_and(|asked| *asked != user) {
        return Err(ApiError::forbidden("You are not allowed to list keys of other users."));
    }
    let admin_of = standing.teams.iter().filter(|(_, role)| **role == TeamRole::Admin);
    let teams = admin_of.filter(|_| with_teams).map(|(id, _)| id.clone()).collect();
    query.owners = Some(KeyOwners { user, teams });
    Ok(())
}

async fn team_of(app: &App, id: Option<&str>) -> Result<Option<Entity>, ApiError> {
    match id {
        Some(id) => Ok(app.service.entity(Scope::Team, id).await?),
        None => Ok(None),
    }
}

fn is_about_money(limits: &LimitsChange) -> bool {
    limits.max_budget != Edit::Keep
        || limits.soft_budget != Edit::Keep
        || limits.budget_duration != Edit::Keep
        || limits.budget_windows.is_some()
        || limits.model_budgets.is_some()
        || limits.observe_only.is_some()
}

/// Keys of services are nobody's.
pub(crate) const SERVICE_ACCOUNT: &str = "/key/service-account/generate";

const ROUTES_ARE_GIVEN: &str = "Only proxy admin may set allowed_routes.";
