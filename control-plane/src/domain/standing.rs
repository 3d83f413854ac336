//! Who somebody is to everybody else: what they may see and change. Pure rules; whoever asks
//! brings the thing that it is about.

use std::collections::BTreeMap;

use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Entity, Role, TeamRole};

/// What is known of somebody who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What they may do. `None`: a key that is no user's.
    pub role: Option<Role>,
    /// Their key. `None`: the master key.
    pub key: Option<KeyHash>,
    /// The team that their key belongs to.
    pub team: Option<String>,
    /// Who they are.
    pub user: Option<String>,
    /// The teams that they are a member of.
    pub teams: BTreeMap<String, TeamRole>,
    /// The organisations that they are a member of, and whether as an admin.
    pub organizations: BTreeMap<String, bool>,
}

/// How far a right goes. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// It is as if it were not there.
    None,
    /// To look at it.
    See,
    /// To manage what belongs to it, within what it may use.
    Manage,
    /// To say what it may use, and that it is no more.
    Govern,
}

impl Standing {
    /// Returns the standing of the master key.
    pub fn master() -> Self {
        Self { role: Some(Role::ProxyAdmin), ..Self::default() }
    }

    /// Tells whether they see everything.
    pub fn sees_all(&self) -> bool {
        self.role.is_some_and(Role::sees_all)
    }

    /// Tells whether they may change everything.
    pub fn changes_all(&self) -> bool {
        self.role == Some(Role::ProxyAdmin)
    }

    /// Tells whether this user is who they are.
    pub fn is_user(&self, id: &str) -> bool {
        self.user.as_deref() == Some(id)
    }

    /// Returns what they may do to an organisation.
    pub fn in_organization(&self, id: &str) -> Right {
        match self.organizations.get(id) {
            Some(true) => self.at_most(Right::Manage),
            Some(false) => self.at_most(Right::See),
            None => self.at_most(Right::None),
        }
    }

    /// Returns what they may do to a team.
    pub fn in_team(&self, team: &Entity) -> Right {
        let organization = team.organization_id.as_deref();
        let governs = organization.is_some_and(|id| self.in_organization(id) == Right::Manage);
        let member = self.teams.get(&team.id);
        self.at_most(if governs {
            Right::Govern
        } else if member == Some(&TeamRole::Admin) {
            Right::Manage
        } else if member.is_some() || self.team.as_ref() == Some(&team.id) {
            Right::See
        } else {
            Right::None
        })
    }

    /// Tells whether they may look at a key. `team`: the one it belongs to.
    pub fn sees_key(&self, key: &ApiKey, team: Option<&Entity>) -> bool {
        self.sees_all()
            || self.is_own(key)
            || self.governs_organization_of(key)
            // A key of the team is no member: it sees itself alone.
            || team.is_some_and(|team| {
                self.teams.contains_key(&team.id) || self.in_team(team) >= Right::Manage
            })
    }

    /// Tells whether they may do to a key what a route does. `team`: the one it belongs to.
    ///
    /// Members of a team may do to their own keys of the team, and to those that are nobody's,
    /// what the team permits.
    pub fn manages_key(&self, key: &ApiKey, team: Option<&Entity>, route: &str) -> bool {
        if self.changes_all() {
            return true;
        }
        if !self.role.is_some_and(Role::changes_own) {
            return false;
        }
        if key.team_id.is_none() {
            return self.owns(key) || self.governs_organization_of(key);
        }
        let Some(team) = team else { return self.owns(key) };
        let own = self.owns(key) || key.owner().is_none();
        self.in_team(team) >= Right::Manage
            || own && self.teams.contains_key(&team.id) && permits(team, route)
    }

    /// Tells whether they may see a new secret of a key that they manage: who has it acts as the
    /// user whom it belongs to.
    pub fn takes_over(&self, key: &ApiKey) -> bool {
        self.changes_all() || key.owner().is_none() || self.owns(key)
    }

    /// Tells whether they may make keys of a team.
    pub fn makes_keys_in(&self, team: &Entity, route: &str) -> bool {
        self.in_team(team) >= Right::Manage
            || self.role.is_some_and(Role::changes_own)
                && self.teams.contains_key(&team.id)
                && permits(team, route)
    }

    /// Tells whether a key is theirs: the one they ask with, or another of the same user.
    pub fn is_own(&self, key: &ApiKey) -> bool {
        self.key == Some(key.hash) || self.owns(key)
    }

    fn owns(&self, key: &ApiKey) -> bool {
        key.owner().is_some_and(|owner| self.is_user(owner))
    }

    fn governs_organization_of(&self, key: &ApiKey) -> bool {
        let organization = key.organization_id.as_deref().filter(|_| key.team_id.is_none());
        organization.is_some_and(|id| self.in_organization(id) >= Right::Manage)
    }

    /// Those who change everything govern everything; those who only look never get further.
    fn at_most(&self, right: Right) -> Right {
        match self.role {
            Some(Role::ProxyAdmin) => Right::Govern,
            Some(Role::ProxyAdminViewer) => Right::See,
            Some(Role::InternalUserViewer) | None => right.min(Right::See),
            Some(Role::OrgAdmin | Role::InternalUser) => right,
        }
    }
}

/// Tells whether a team lets its members do to keys what a route does.
fn permits(team: &Entity, route: &str) -> bool {
    let said = team.details.get(PERMISSIONS).and_then(serde_json::Value::as_array);
    match said.filter(|said| !said.is_empty()) {
        Some(said) => said.iter().any(|said| said.as_str() == Some(route)),
        None => PERMITTED.contains(&route),
    }
}

/// Where a team keeps what its members may do.
pub const PERMISSIONS: &str = "team_member_permissions";

/// What members may do where their team says nothing.
pub const PERMITTED: [&str; 2] = ["/key/info", "/key/health"];

#[cfg(test)]
mod tests;
