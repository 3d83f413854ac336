//! Who somebody is to everybody else, and who belongs to what.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::{ApiKey, Entity, Role, Scope, Standing};
use crate::service::entities::AT_ONCE;
use crate::service::{Service, ServiceError};
use crate::store::EntityQuery;

impl Service {
    /// Returns who the holder of a key is: the user whom it belongs to, with their role and what
    /// they are a member of.
    pub async fn standing(&self, key: &ApiKey) -> Result<Standing, ServiceError> {
        let mut standing =
            Standing { key: Some(key.hash), team: key.team_id.clone(), ..Standing::default() };
        let Some(id) = key.owner() else { return Ok(standing) };
        let Some(user) = self.store.entity(Scope::User, id).await? else { return Ok(standing) };
        let role = role_of(&user);
        standing.user = Some(user.id);
        standing.role = Some(role);
        if role.sees_all() {
            return Ok(standing);
        }
        for part in self.parts(Scope::TeamMember, id).await? {
            let role = part.team_role();
            standing.teams.extend(part.team_id.map(|team| (team, role)));
        }
        for part in self.parts(Scope::OrganizationMember, id).await? {
            let is_admin = part.role_name() == Some(Role::OrgAdmin.as_str());
            standing.organizations.extend(part.organization_id.map(|of| (of, is_admin)));
        }
        Ok(standing)
    }

    /// Returns a user's parts in teams, or in organisations, the oldest first.
    pub async fn parts(&self, kind: Scope, user: &str) -> Result<Vec<Entity>, ServiceError> {
        let query = EntityQuery { users: Some(vec![user.to_owned()]), ..EntityQuery::all(kind) };
        Ok(self.store.entities(&query).await?.entities)
    }

    /// Returns the members of a team, the oldest first.
    pub async fn members_of_team(&self, team: &str) -> Result<Vec<Entity>, ServiceError> {
        let teams = Some(vec![team.to_owned()]);
        let query = EntityQuery { teams, ..EntityQuery::all(Scope::TeamMember) };
        Ok(self.store.entities(&query).await?.entities)
    }

    /// Returns the parts of some users in teams, or in organisations, by user.
    pub async fn parts_of_all(
        &self,
        kind: Scope,
        users: &[String],
    ) -> Result<HashMap<String, Vec<Entity>>, ServiceError> {
        let mut found = HashMap::<String, Vec<Entity>>::new();
        for users in users.chunks(AT_ONCE) {
            let query = EntityQuery { users: Some(users.to_vec()), ..EntityQuery::all(kind) };
            for part in self.store.entities(&query).await?.entities {
                found.entry(part.user_id.clone().unwrap_or_default()).or_default().push(part);
            }
        }
        Ok(found)
    }

    /// Returns the members of some teams, by team, the oldest first.
    pub async fn members_of_teams(
        &self,
        teams: &[String],
    ) -> Result<HashMap<String, Vec<Entity>>, ServiceError> {
        let mut found = HashMap::<String, Vec<Entity>>::new();
        for teams in teams.chunks(AT_ONCE) {
            let teams = Some(teams.to_vec());
            let query = EntityQuery { teams, ..EntityQuery::all(Scope::TeamMember) };
            for member in self.store.entities(&query).await?.entities {
                found.entry(member.team_id.clone().unwrap_or_default()).or_default().push(member);
            }
        }
        Ok(found)
    }

    /// Returns the members of an organisation, the oldest first.
    pub async fn members_of_organization(&self, id: &str) -> Result<Vec<Entity>, ServiceError> {
        let query = EntityQuery {
            organization_id: Some(id.to_owned()),
            ..EntityQuery::all(Scope::OrganizationMember)
        };
        Ok(self.store.entities(&query).await?.entities)
    }
}

/// Returns what a user may do. Who was given no role manages their own keys, as LiteLLM has it.
pub fn role_of(user: &Entity) -> Role {
    let named = user.details.get("user_role").and_then(Value::as_str);
    named.and_then(Role::parse).unwrap_or(Role::InternalUser)
}
