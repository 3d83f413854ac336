//! People, as an identity provider knows them.

use std::collections::BTreeMap;

use crate::domain::Role;

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider's name for them, which it never gives to anybody else.
    pub subject: String,
    /// Their email address, in lower case, and whether it is surely theirs.
    pub email: Option<(String, bool)>,
    /// What people call them.
    pub name: Option<String>,
    /// The role that their claims say, where claims do.
    pub role: Option<Role>,
    /// Whether they belong to each of the teams that claims decide on.
    pub teams: BTreeMap<String, bool>,
}

/// Where a user keeps the provider's name for them, as LiteLLM calls it.
pub const SUBJECT: &str = "sso_user_id";
