//! `/team/member_*`: who belongs to a team, as what, and what each may use of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{Edit, Entity, EntityChange, LimitsChange, Right, Scope, TeamRole, member};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::{App, Body, limit_fields, member_defaults, rights, team_view};
use crate::service::Actor;
use crate::store::EntityQuery;

type Answer = Result<Json<Value>, ApiError>;

/// Somebody who is to be a member.
pub(crate) struct Draft {
    /// By id,
    pub(crate) user_id: Option<String>,
    /// or by email.
    pub(crate) email: Option<String>,
    /// As what.
    pub(crate) role: TeamRole,
}

/// `POST /team/member_add`: one, or several alike. Whoever is not known yet is made.
pub(crate) async fn add_some(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    body.required("member");
    let drafts = drafts(&mut body, "member")?;
    let what = limits(&mut body)?;
    body.finish()?;
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let mut added = Vec::with_capacity(drafts.len());
    for draft in &drafts {
        added.push(add(&app, &team, draft, &what, &caller.actor).await?);
    }
    Ok(Json(team_view::with_updates(&app, &team, &added).await?.into()))
}

/// `POST /team/bulk_member_add`: one that fails stops no other.
pub(crate) async fn add_many(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    if body.flag("all_users").value() == Some(true) {
        return Err(ApiError::bad_request("all_users", "all_users is not supported; name them"));
    }
    let drafts = drafts(&mut body, "members")?;
    let what = limits(&mut body)?;
    body.finish()?;
    if drafts.is_empty() || drafts.len() > MOST_AT_ONCE {
        let message = format!("members must hold 1 to {MOST_AT_ONCE} entries");
        return Err(ApiError::bad_request("members", message));
    }
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let (mut results, mut done) = (Vec::new(), 0_usize);
    for draft in &drafts {
        let added = add(&app, &team, draft, &what, &caller.actor).await;
        done += usize::from(added.is_ok());
        results.push(json!({
            "user_id": draft.user_id,
            "user_email": draft.email,
            "success": added.is_ok(),
            "error": added.err().map(|error| error.message()),
        }));
    }
    Ok(Json(json!({
        "team_id": id,
        "results": results,
        "total_requested": drafts.len(),
        "successful_additions": done,
        "failed_additions": drafts.len() - done,
        "updated_team": team_view::row(&app, &team).await?,
    })))
}

/// `POST /team/member_update`.
pub(crate) async fn update(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    let (user_id, email) = (body.text("user_id").value(), body.text("user_email").value());
    let role = body.text("role").value().as_deref().map(role_of).transpose()?;
    let mut what = limits(&mut body)?;
    body.finish()?;
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let member = existing(&app, &team, user_id, email.as_deref()).await?;
    if let Some(role) = role {
        what.details.insert(member::ROLE.into(), role.as_str().into());
    }
    let member =
        app.service.update_entity(Scope::TeamMember, &member.id, &what, &caller.actor).await?;
    let member = member.ok_or_else(no_member)?;
    Ok(Json(json!({
        "team_id": id,
        "user_id": member.user_id,
        "user_email": email,
        "role": member.team_role().as_str(),
        "max_budget_in_team": member.limits.max_budget.map(dollars),
        "budget_duration": member.limits.budget_duration.map(|period| period.to_string()),
        "tpm_limit": member.limits.tpm,
        "rpm_limit": member.limits.rpm,
        "allowed_models": member.models,
    })))
}

/// `POST /team/member_delete`, with their keys of the team.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("team_id");
    let (user_id, email) = (body.text("user_id").value(), body.text("user_email").value());
    body.finish()?;
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let member = existing(&app, &team, user_id, email.as_deref()).await?;
    app.service.delete_entities(Scope::TeamMember, &[member.id], &caller.actor).await?;
    Ok(Json(team_view::row(&app, &team).await?.into()))
}

/// `POST /team/{team_id}/member/{user_id}/reset_spend`: what a member spent is lowered.
pub(crate) async fn reset_spend(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let to = body.dollars("reset_to")?.value().unwrap_or_default();
    body.finish()?;
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let member = existing(&app, &team, Some(user), None).await?;
    let spent = member.spent(app.service.now());
    if to > spent || to.0 < 0 {
        let error = format!("reset_to must be between 0 and what was spent, {spent}");
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": error })));
    }
    let what = EntityChange { spend: Some(to), ..EntityChange::default() };
    let member =
        app.service.update_entity(Scope::TeamMember, &member.id, &what, &caller.actor).await?;
    let member = member.ok_or_else(no_member)?;
    Ok(Json(json!({
        "team_id": id,
        "user_id": member.user_id,
        "spend": dollars(member.spent(app.service.now())),
        "previous_spend": dollars(spent),
        "max_budget_in_team": member.limits.max_budget.map(dollars),
    })))
}

/// `POST /team/{team_id}/member/{user_id}/reset_budget`: takes away what a member alone may spend
/// of the team; what members may spend by default holds then.
pub(crate) async fn reset_budget(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
) -> Answer {
    let team = rights::team(&app, &caller, &id, Right::Manage).await.map_err(detailed)?;
    let member = existing(&app, &team, Some(user), None).await?;
    let limits = LimitsChange {
        max_budget: Edit::Clear,
        budget_duration: Edit::Clear,
        ..LimitsChange::default()
    };
    let budget = member_defaults::budget(&app, &team).await?.map(|budget| budget.id);
    let budget_id = budget.clone().map_or(Edit::Clear, Edit::Set);
    let what = EntityChange { budget_id, limits, ..EntityChange::default() };
    app.service.update_entity(Scope::TeamMember, &member.id, &what, &caller.actor).await?;
    Ok(Json(json!({
        "team_id": id,
        "user_id": member.user_id,
        "budget_id": budget,
        "previous_budget_id": member.budget_id,
        "budget_source": if budget.is_some() { "team_default" } else { "none" },
    })))
}

/// `GET /team/{team_id}/members/me`: the caller's own part.
pub(crate) async fn me(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let stranger = || ApiError::forbidden("You are not a member of this team.");
    let user = caller.standing.user.as_deref().ok_or_else(stranger)?;
    let found = app.service.entity(Scope::TeamMember, &member::id(user, &id)).await?;
    let found = found.ok_or_else(stranger)?;
    let mut view = team_view::membership(&app, &found).await?;
    if let Some(view) = view.as_object_mut() {
        view.insert("role".into(), found.team_role().as_str().into());
    }
    Ok(Json(view))
}

/// Makes somebody a member.
pub(crate) async fn add(
    app: &App,
    team: &Entity,
    draft: &Draft,
    what: &EntityChange,
    actor: &Actor,
) -> Result<Entity, ApiError> {
    let user = user_of(app, draft.user_id.as_deref(), draft.email.as_deref(), actor).await?;
    let id = member::id(&user, &team.id);
    if app.service.entity(Scope::TeamMember, &id).await?.is_some() {
        return Err(ApiError::envelope(
            StatusCode::BAD_REQUEST,
            "team_member_already_in_team",
            Some("member"),
            format!("User={user} is a member of this team already."),
        ));
    }
    let role = draft.role.as_str();
    let mut what = what.clone();
    if let Some(budget) = member_defaults::budget(app, team).await? {
        what.budget_id = Edit::Set(budget.id);
    }
    Ok(app.service.new_member((Scope::TeamMember, &team.id), (&user, role), &what, actor).await?)
}

/// Finds a user by id or email, or makes them.
pub(crate) async fn user_of(
    app: &App,
    id: Option<&str>,
    email: Option<&str>,
    actor: &Actor,
) -> Result<String, ApiError> {
    let known = match (id, email) {
        (Some(id), _) => app.service.entity(Scope::User, id).await?,
        (None, Some(email)) => by_email(app, email).await?,
        (None, None) => {
            let message = "user_id or user_email is required";
            return Err(ApiError::bad_request("member", message));
        }
    };
    if let Some(user) = known {
        return Ok(user.id);
    }
    let mut change = EntityChange {
        email: email.map_or(Edit::Keep, |email| Edit::Set(email.to_owned())),
        ..EntityChange::default()
    };
    change.details.insert("user_role".into(), "internal_user".into());
    let user = app.service.new_entity(Scope::User, id.map(str::to_owned), &change, actor).await?;
    Ok(user.id)
}

async fn by_email(app: &App, email: &str) -> Result<Option<Entity>, ApiError> {
    let query = EntityQuery { email: Some(email.to_owned()), ..EntityQuery::all(Scope::User) };
    Ok(app.service.entities(&query).await?.entities.into_iter().next())
}

async fn existing(
    app: &App,
    team: &Entity,
    user_id: Option<String>,
    email: Option<&str>,
) -> Result<Entity, ApiError> {
    let user = match (user_id, email) {
        (Some(id), _) => Some(id),
        (None, Some(email)) => by_email(app, email).await?.map(|user| user.id),
        (None, None) => {
            let error = "Either user_id or user_email needs to be passed in";
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": error })));
        }
    };
    let user = user.ok_or_else(no_member)?;
    let found = app.service.entity(Scope::TeamMember, &member::id(&user, &team.id)).await?;
    found.ok_or_else(no_member)
}

/// Reads one member or a list of them.
pub(crate) fn drafts(body: &mut Fields, name: &str) -> Result<Vec<Draft>, ApiError> {
    let items = match body.given(name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    };
    items.iter().map(|item| draft(item, name)).collect()
}

fn draft(item: &Value, name: &str) -> Result<Draft, ApiError> {
    let nothing = Map::new();
    let item = item.as_object().unwrap_or(&nothing);
    let text = |field: &str| {
        let text = item.get(field).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (user_id, email) = (text("user_id"), text("user_email"));
    if user_id.is_none() && email.is_none() {
        let problem = json!({"type": "value_error", "loc": ["body", name],
            "msg": "Value error, Either user_id or user_email must be provided", "input": item});
        return Err(ApiError::validation(vec![problem]));
    }
    let role = text("role").map_or(Ok(TeamRole::User), |role| role_of(&role))?;
    Ok(Draft { user_id, email, role })
}

fn role_of(name: &str) -> Result<TeamRole, ApiError> {
    TeamRole::parse(name).ok_or_else(|| {
        let problem = json!({"type": "literal_error", "loc": ["body", "member", "role"],
            "msg": "Input should be 'admin' or 'user'", "input": name});
        ApiError::validation(vec![problem])
    })
}

/// Reads what members may use of the team.
fn limits(body: &mut Fields) -> Result<EntityChange, ApiError> {
    let limits = LimitsChange {
        max_budget: body.dollars("max_budget_in_team")?,
        budget_duration: limit_fields::period(body.text("budget_duration"), "budget_duration")?,
        tpm: body.whole("tpm_limit"),
        rpm: body.whole("rpm_limit"),
        ..LimitsChange::default()
    };
    let models = body.texts("allowed_models").value();
    Ok(EntityChange { models, limits, ..EntityChange::default() })
}

/// What is not found here is told in the other form.
fn detailed(error: ApiError) -> ApiError {
    error.detailed_if_not_found()
}

fn no_member() -> ApiError {
    let error = "User not found in team";
    ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": error }))
}

const MOST_AT_ONCE: usize = 500;
