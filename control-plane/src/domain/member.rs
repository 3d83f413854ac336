//! Members of teams and organisations: a user's part in one, with limits of its own.

use crate::domain::{Change, Entity, Scope, TeamRole};

/// Names a user's part in a team or an organisation, in one way alone.
pub fn id(user: &str, of: &str) -> String {
    let user = user.replace('%', "%25").replace(':', "%3A");
    format!("{user}:{of}")
}

impl Entity {
    /// Returns a user's part in a team or an organisation, in a role and without any limits.
    pub fn member((kind, of): (Scope, &str), (user, role): (&str, &str), change: &Change) -> Self {
        let mut member = Self::new(kind, id(user, of), change);
        let place = if kind == Scope::TeamMember {
            &mut member.team_id
        } else {
            &mut member.organization_id
        };
        *place = Some(of.to_owned());
        member.user_id = Some(user.to_owned());
        member.details.insert(ROLE.into(), role.into());
        member
    }

    /// Returns what a member of a team is there.
    pub fn team_role(&self) -> TeamRole {
        self.role_name().and_then(TeamRole::parse).unwrap_or(TeamRole::User)
    }

    /// Returns the role that the member has, by its name.
    pub fn role_name(&self) -> Option<&str> {
        self.details.get(ROLE).and_then(serde_json::Value::as_str)
    }
}

/// Where a member's role is kept.
pub const ROLE: &str = "role";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_parts_have_one_name() {
        assert_eq!(id("u", "t"), "u:t");
        assert_ne!(id("a:b", "c"), id("a", "b:c"));
        assert_ne!(id("a%3Ab", "c"), id("a:b", "c"));
    }
}
