//! Teams and their members as LiteLLM shows them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::domain::standing::PERMISSIONS;
use crate::domain::{Entity, Scope, SharedBudget, TeamRole, Timestamp};
use crate::http::App;
use crate::http::entity_view::{fields, linked_budget, shared};
use crate::http::error::ApiError;
use crate::http::key_view::dollars;

/// Writes a team with its members.
pub(crate) async fn row(app: &App, team: &Entity) -> Result<Map<String, Value>, ApiError> {
    let members = app.service.members_of_team(&team.id).await?;
    Ok(with_members(team, &members, app.service.now()))
}

/// Writes a team with members that are at hand.
pub(crate) fn with_members(
    team: &Entity,
    members: &[Entity],
    now: Timestamp,
) -> Map<String, Value> {
    let of_role = |role| {
        let those = members.iter().filter(move |member| member.team_role() == role);
        those.filter_map(|member| member.user_id.clone()).collect::<Vec<_>>()
    };
    let mut listed: Vec<Value> = members.iter().map(listed).collect();
    // LiteLLM makes whoever makes a team its admin, and knows the master key as a user.
    if team.stamps.created_by == MASTER {
        listed.insert(0, json!({"user_id": MASTER, "user_email": null, "role": "admin"}));
    }
    let mut view = shared(team, now);
    if !view.contains_key(PERMISSIONS) {
        view.insert(PERMISSIONS.into(), json!([]));
    }
    view.extend(fields(json!({
        "team_id": team.id,
        "team_alias": team.alias,
        "organization_id": team.organization_id,
        "blocked": team.blocked.unwrap_or(false),
        "admins": of_role(TeamRole::Admin),
        "members": of_role(TeamRole::User),
        "members_with_roles": listed,
        "router_settings": null,
        "policies": [],
        "allow_team_guardrail_config": false,
        "access_group_ids": [],
        "default_team_member_models": [],
        "model_id": null,
        "litellm_model_table": null,
    })));
    view
}

fn listed(member: &Entity) -> Value {
    json!({
        "user_id": member.user_id,
        "user_email": null,
        "role": member.team_role().as_str(),
    })
}

/// Writes the part that each member has in a team, with its limits.
pub(crate) async fn memberships(app: &App, members: &[Entity]) -> Result<Value, ApiError> {
    let mut budgets = HashMap::<&str, Option<SharedBudget>>::new();
    for member in members {
        if let Some(id) = member.budget_id.as_deref().filter(|id| !budgets.contains_key(id)) {
            budgets.insert(id, app.service.budget_of(member).await?);
        }
    }
    let now = app.service.now();
    let view = |member: &Entity| {
        let budget = member.budget_id.as_deref().and_then(|id| budgets.get(id)?.as_ref());
        with_budget(member, budget, now)
    };
    Ok(members.iter().map(view).collect())
}

/// Writes the part that a member has in a team.
pub(crate) async fn membership(app: &App, member: &Entity) -> Result<Value, ApiError> {
    let budget = app.service.budget_of(member).await?;
    Ok(with_budget(member, budget.as_ref(), app.service.now()))
}

fn with_budget(member: &Entity, budget: Option<&SharedBudget>, now: Timestamp) -> Value {
    let mut table = linked_budget(member, budget, now);
    if let Some(table) = table.as_object_mut() {
        table.insert("allowed_models".into(), json!(member.models));
    }
    json!({
        "user_id": member.user_id,
        "team_id": member.team_id,
        "budget_id": member.budget_id,
        "spend": dollars(member.spent(now)),
        "total_spend": dollars(member.spend),
        "allowed_models": member.models,
        "litellm_budget_table": table,
    })
}

/// Writes a team with what a change of its members did.
pub(crate) async fn with_updates(
    app: &App,
    team: &Entity,
    changed: &[Entity],
) -> Result<Map<String, Value>, ApiError> {
    let mut view = row(app, team).await?;
    let mut users = Vec::with_capacity(changed.len());
    for member in changed {
        let id = member.user_id.clone().unwrap_or_default();
        let user = app.service.entity(Scope::User, &id).await?;
        users.push(json!({
            "user_id": id,
            "user_email": user.and_then(|user| user.email),
            "role": member.team_role().as_str(),
        }));
    }
    view.insert("updated_users".into(), users.into());
    view.insert("updated_team_memberships".into(), memberships(app, changed).await?);
    Ok(view)
}

/// The user that LiteLLM knows the holder of the master key as.
const MASTER: &str = "default_user_id";
