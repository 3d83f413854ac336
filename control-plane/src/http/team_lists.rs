//! `/team/info` and lists of teams.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use crate::domain::{ApiKey, Entity, Right, Scope, Timestamp};
use crate::http::auth::Caller;
use crate::http::entity_view::{budget_table, fields};
use crate::http::error::ApiError;
use crate::http::key_view::row_with_token;
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::{App, member_defaults, rights, team_view};
use crate::store::{EntityQuery, EntitySort};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /team/info`: who does not manage the team sees no keys there but their own.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let id = query.required("team_id")?;
    let team = rights::team(&app, &caller, id, Right::See).await?;
    let now = app.service.now();
    let members = app.service.members_of_team(id).await?;
    let mut view = team_view::with_members(&team, &members, now);
    let budget = member_defaults::budget(&app, &team).await?;
    let budget = budget.map(|it| budget_table(Some(&it.id), &it.limits, &it.stamps, now));
    view.extend(fields(json!({
        "team_member_budget_table": budget,
        "access_group_models": [],
        "access_group_mcp_server_ids": [],
        "access_group_agent_ids": [],
    })));
    let manages = manages(&caller, &team);
    let shown: Vec<_> = members
        .into_iter()
        .filter(|it| manages || it.user_id.as_deref().is_some_and(|id| caller.standing.is_user(id)))
        .collect();
    Ok(Json(json!({
        "team_id": id,
        "team_info": view,
        "keys": shown_keys(&caller, &team, &app.service.keys_of(Scope::Team, id).await?, now),
        "team_memberships": team_view::memberships(&app, &shown).await?,
    })))
}

/// `GET /team/list`: all of them, or those of a user, with their keys.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let mut asked = EntityQuery {
        organization_id: query.text("organization_id").map(str::to_owned),
        alias: query.text("team_alias").map(str::to_owned),
        ..EntityQuery::all(Scope::Team)
    };
    narrow(&app, &caller, &mut asked, query.text("user_id")).await?;
    let now = app.service.now();
    let teams = app.service.entities(&asked).await?.entities;
    let ids: Vec<String> = teams.iter().map(|team| team.id.clone()).collect();
    let mut members = app.service.members_of_teams(&ids).await?;
    let mut keys = HashMap::<String, Vec<ApiKey>>::new();
    for key in app.service.keys_of_teams(&ids).await? {
        keys.entry(key.team_id.clone().unwrap_or_default()).or_default().push(key);
    }
    let mut views = Vec::with_capacity(teams.len());
    for team in teams {
        let members = members.remove(&team.id).unwrap_or_default();
        let mut view = team_view::with_members(&team, &members, now);
        let keys = keys.remove(&team.id).unwrap_or_default();
        view.insert("keys".into(), shown_keys(&caller, &team, &keys, now));
        let shown = if manages(&caller, &team) { members } else { Vec::new() };
        view.insert("team_memberships".into(), team_view::memberships(&app, &shown).await?);
        views.push(Value::Object(view));
    }
    Ok(Json(views.into()))
}

/// `GET /v2/team/list`: a page of teams, without their keys.
pub(crate) async fn page(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["search", "search_team_id_match", "status"])?;
    let (sort, descending) = query.order(&COLUMNS, (EntitySort::CreatedAt, false))?;
    let paging = Paging::read(&query, "page_size", 10, 100)?;
    let mut asked = EntityQuery {
        ids: query.text("team_id").map(|id| vec![id.to_owned()]),
        alias: query.text("team_alias").map(str::to_owned),
        organization_id: query.text("organization_id").map(str::to_owned),
        sort,
        descending,
        offset: paging.offset(),
        limit: paging.size(),
        ..EntityQuery::all(Scope::Team)
    };
    narrow(&app, &caller, &mut asked, query.text("user_id")).await?;
    let found = app.service.entities(&asked).await?;
    let ids: Vec<String> = found.entities.iter().map(|team| team.id.clone()).collect();
    let members = app.service.members_of_teams(&ids).await?;
    let now = app.service.now();
    let view = |team: &Entity| {
        let members = members.get(&team.id).map(Vec::as_slice).unwrap_or_default();
        Value::Object(team_view::with_members(team, members, now))
    };
    let teams: Vec<Value> = found.entities.iter().map(view).collect();
    Ok(paging.answer("teams", teams, found.total))
}

/// Narrows a list of teams to those of a user, and to those that the caller may see.
async fn narrow(
    app: &App,
    caller: &Caller,
    query: &mut EntityQuery,
    user: Option<&str>,
) -> Result<(), ApiError> {
    let standing = &caller.standing;
    let of_organization = query.organization_id.as_deref();
    if standing.sees_all()
        || user.is_none()
            && of_organization.is_some_and(|id| standing.in_organization(id) >= Right::Manage)
    {
        let Some(user) = user else { return Ok(()) };
        let parts = app.service.parts(Scope::TeamMember, user).await?;
        keep_ids(query, parts.into_iter().filter_map(|part| part.team_id).collect());
        return Ok(());
    }
    if standing.user.is_none() || user.is_some_and(|user| !standing.is_user(user)) {
        let error = "Only admin users can query all teams/other teams.";
        let status = axum::http::StatusCode::UNAUTHORIZED;
        return Err(ApiError::detail(status, json!({ "error": error })));
    }
    keep_ids(query, standing.teams.keys().cloned().collect());
    Ok(())
}

/// Keeps those ids that are asked for, of these.
fn keep_ids(query: &mut EntityQuery, mut ids: Vec<String>) {
    if let Some(asked) = &query.ids {
        ids.retain(|id| asked.contains(id));
    }
    query.ids = Some(ids);
}

/// `GET /team/available`: teams that anybody may join. There are none.
pub(crate) async fn available() -> Answer {
    Ok(Json(json!([])))
}

fn manages(caller: &Caller, team: &Entity) -> bool {
    caller.standing.sees_all() || caller.standing.in_team(team) >= Right::Manage
}

/// Shows the keys of a team to who manages it, and to others their own.
fn shown_keys(caller: &Caller, team: &Entity, keys: &[ApiKey], now: Timestamp) -> Value {
    let all = manages(caller, team);
    let shown = keys.iter().filter(|key| all || caller.standing.is_own(key));
    shown.map(|key| Value::Object(row_with_token(key, now))).collect()
}

/// What teams may be sorted by.
const COLUMNS: [(&str, EntitySort); 6] = [
    ("team_id", EntitySort::Id),
    ("team_alias", EntitySort::Alias),
    ("created_at", EntitySort::CreatedAt),
    ("updated_at", EntitySort::UpdatedAt),
    ("spend", EntitySort::Spend),
    ("max_budget", EntitySort::MaxBudget),
];
