//! `/organization/member_*`: who belongs to an organisation, and who manages it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::{Entity, EntityChange, Role, Scope, member};
use crate::http::auth::Caller;
use crate::http::entity_view::fields;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::zulu;
use crate::http::{App, Body, key_fields, organizations, rights, team_members};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /organization/member_add`: one, or several. Whoever is not known yet is made.
pub(crate) async fn add(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("organization_id");
    body.required("member");
    refuse_limits(&body)?;
    let items = match body.given("member") {
        None => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        Some(_) => {
            let message = "member must be an object, or a list of such";
            return Err(ApiError::bad_request("member", message));
        }
    };
    body.finish()?;
    rights::manage_organization(&caller, Some(&id))?;
    if app.service.entity(Scope::Organization, &id).await?.is_none() {
        return Err(organizations::not_found(&id));
    }
    let (mut users, mut parts) = (Vec::new(), Vec::new());
    for item in items {
        let mut item = Fields::read(item.to_string().as_bytes())?;
        let (user, email) = (item.text("user_id").value(), item.text("user_email").value());
        let role = item.text("role").value();
        item.finish()?;
        let role = role_of(role.as_deref().unwrap_or("internal_user"))?;
        rights::take_in(&app, &caller, user.as_deref(), email.as_deref()).await?;
        let actor = &caller.actor;
        let user = team_members::user_of(&app, user.as_deref(), email.as_deref(), actor).await?;
        if app.service.entity(Scope::OrganizationMember, &member::id(&user, &id)).await?.is_some() {
            let message = format!("User={user} is a member of this organization already.");
            return Err(ApiError::bad_request("member", message));
        }
        let of = (Scope::OrganizationMember, id.as_str());
        let what = EntityChange::default();
        let part = app.service.new_member(of, (&user, role.as_str()), &what, actor).await?;
        users.push(json!({"user_id": user, "user_email": email, "user_role": role.as_str()}));
        parts.push(view(&part));
    }
    Ok(Json(json!({
        "organization_id": id,
        "updated_users": users,
        "updated_organization_memberships": parts,
    })))
}

/// `PATCH /organization/member_update`.
pub(crate) async fn update(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("organization_id");
    let user = body.required_text("user_id");
    let role = body.text("role").value();
    refuse_limits(&body)?;
    body.finish()?;
    rights::manage_organization(&caller, Some(&id))?;
    let mut what = EntityChange::default();
    if let Some(role) = role {
        what.details.insert(member::ROLE.into(), role_of(&role)?.as_str().into());
    }
    let part = member::id(&user, &id);
    let part = app.service.update_entity(Scope::OrganizationMember, &part, &what, &caller.actor);
    Ok(Json(view(&part.await?.ok_or_else(no_member)?)))
}

/// `DELETE /organization/member_delete`.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let id = body.required_text("organization_id");
    let user = body.required_text("user_id");
    body.finish()?;
    rights::manage_organization(&caller, Some(&id))?;
    let part = member::id(&user, &id);
    let found = app.service.entity(Scope::OrganizationMember, &part).await?;
    let found = found.ok_or_else(no_member)?;
    app.service.delete_entities(Scope::OrganizationMember, &[part], &caller.actor).await?;
    Ok(Json(view(&found)))
}

/// Writes the part that a user has in an organisation.
pub(crate) fn view(part: &Entity) -> Value {
    fields(json!({
        "user_id": part.user_id,
        "organization_id": part.organization_id,
        "user_role": part.role_name(),
        "spend": 0.0,
        "budget_id": null,
        "created_at": zulu(part.stamps.created_at),
        "updated_at": zulu(part.stamps.updated_at),
        "user": null,
        "litellm_budget_table": null,
    }))
    .into()
}

fn role_of(name: &str) -> Result<Role, ApiError> {
    match Role::parse(name) {
        Some(role @ (Role::OrgAdmin | Role::InternalUser | Role::InternalUserViewer)) => Ok(role),
        Some(Role::ProxyAdmin | Role::ProxyAdminViewer) | None => Err(ApiError::bad_request(
            "role",
            "role must be org_admin, internal_user or internal_user_viewer",
        )),
    }
}

fn refuse_limits(body: &Fields) -> Result<(), ApiError> {
    key_fields::refuse(body, &["max_budget_in_organization", "budget_duration"])
}

fn no_member() -> ApiError {
    let error = "User not found in organization";
    ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": error }))
}
