//! What a request says about a user.

use serde_json::{Value, json};

use crate::domain::{Entity, EntityChange, KeyChange, LimitsChange, Role, Scope, TeamRole};
use crate::http::App;
use crate::http::entity_fields::{self, Names};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_fields;
use crate::http::team_members::{self, Draft};
use crate::service::{Actor, KeyFields, role_of};

/// Reads what is said about a user.
pub(crate) fn read(body: &mut Fields) -> Result<EntityChange, ApiError> {
    let role = body.given("user_role").and_then(Value::as_str);
    if let Some(role) = role.filter(|role| Role::parse(role).is_none()) {
        let message = "Input should be 'proxy_admin', 'proxy_admin_viewer', 'org_admin', \
                       'internal_user' or 'internal_user_viewer'";
        let problem = json!({"type": "enum", "loc": ["body", "user_role"], "msg": message,
            "input": role});
        return Err(ApiError::validation(vec![problem]));
    }
    entity_fields::read(body, &NAMES)
}

/// Reads what is said about the key of a new user.
pub(crate) fn key(body: &mut Fields) -> Result<KeyFields, ApiError> {
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

/// What a new user is to be a member of.
pub(crate) struct Parts {
    pub(crate) teams: Vec<Part>,
    pub(crate) organizations: Vec<String>,
}

/// A part in a team.
pub(crate) struct Part {
    pub(crate) team: String,
    role: TeamRole,
    what: EntityChange,
}

impl Parts {
    /// Reads them: teams by id, or as objects that say more.
    pub(crate) fn read(body: &mut Fields) -> Result<Self, ApiError> {
        let teams = body.list("teams").value().unwrap_or_default();
        let teams = teams.iter().map(part).collect::<Result<_, _>>()?;
        let organizations = body.texts("organizations").value().unwrap_or_default();
        Ok(Self { teams, organizations })
    }

    /// Makes a user a member of all of them.
    pub(crate) async fn join(
        &self,
        app: &App,
        user: &Entity,
        actor: &Actor,
    ) -> Result<(), ApiError> {
        for part in &self.teams {
            let team = app.service.entity(Scope::Team, &part.team).await?;
            let team = team.ok_or_else(|| crate::http::teams::not_found(&part.team))?;
            let draft = Draft { user_id: Some(user.id.clone()), email: None, role: part.role };
            team_members::add(app, &team, &draft, &part.what, actor).await?;
        }
        let role = match role_of(user) {
            role @ (Role::OrgAdmin | Role::InternalUserViewer) => role,
            Role::ProxyAdmin | Role::ProxyAdminViewer | Role::InternalUser => Role::InternalUser,
        };
        for id in &self.organizations {
            let (of, who) = ((Scope::OrganizationMember, id.as_str()), user.id.as_str());
            let what = EntityChange::default();
            app.service.new_member(of, (who, role.as_str()), &what, actor).await?;
        }
        Ok(())
    }
}

fn part(item: &Value) -> Result<Part, ApiError> {
    if let Some(team) = item.as_str() {
        let what = EntityChange::default();
        return Ok(Part { team: team.to_owned(), role: TeamRole::User, what });
    }
    let mut fields = Fields::read(item.to_string().as_bytes())?;
    let team = fields.required_text("team_id");
    let role = fields.text("user_role").value();
    let limits = LimitsChange {
        max_budget: fields.dollars("max_budget_in_team")?,
        ..LimitsChange::default()
    };
    fields.finish()?;
    let role = match role.as_deref() {
        None => TeamRole::User,
        Some(name) => TeamRole::parse(name)
            .ok_or_else(|| ApiError::bad_request("teams", "user_role must be admin or user"))?,
    };
    Ok(Part { team, role, what: EntityChange { limits, ..EntityChange::default() } })
}

const NAMES: Names = Names {
    alias: "user_alias",
    details: &["user_role"],
    unsupported: &["blocked", "password", "sso_user_id"],
};
