//! What people may do with the management API, and what they are in a team or an organisation.

/// What a user may do. A key acts with the role of the user whom it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything that the master key may do, but reset what everybody spent.
    ProxyAdmin,
    /// Sees everything, changes nothing.
    ProxyAdminViewer,
    /// Manages the organisations whose admin they are.
    OrgAdmin,
    /// Manages keys of their own, and what they are an admin of.
    InternalUser,
    /// Sees what is their own, changes nothing.
    InternalUserViewer,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 5] = [
        Self::ProxyAdmin,
        Self::ProxyAdminViewer,
        Self::OrgAdmin,
        Self::InternalUser,
        Self::InternalUserViewer,
    ];

    /// Returns its name, as LiteLLM has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProxyAdmin => "proxy_admin",
            Self::ProxyAdminViewer => "proxy_admin_viewer",
            Self::OrgAdmin => "org_admin",
            Self::InternalUser => "internal_user",
            Self::InternalUserViewer => "internal_user_viewer",
        }
    }

    /// Finds the role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Tells whether it sees everything.
    pub fn sees_all(self) -> bool {
        matches!(self, Self::ProxyAdmin | Self::ProxyAdminViewer)
    }

    /// Tells whether it may change what is one's own.
    pub fn changes_own(self) -> bool {
        matches!(self, Self::ProxyAdmin | Self::OrgAdmin | Self::InternalUser)
    }
}

/// What a member of a team is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TeamRole {
    /// Uses it.
    User,
    /// Manages its members and keys.
    Admin,
}

impl TeamRole {
    /// Returns its name, as LiteLLM has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Finds the role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}
