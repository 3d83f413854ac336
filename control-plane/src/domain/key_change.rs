//! Changes of keys, and who makes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_core::money::NanoDollars;

use crate::domain::{ApiKey, Edit, LimitsChange, Timestamp};

/// What to change about a key. `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyChange {
    /// The unique name.
    pub alias: Edit<String>,
    /// The user it belongs to.
    pub user_id: Edit<String>,
    /// The team it belongs to.
    pub team_id: Edit<String>,
    /// Models it may call.
    pub models: Option<Vec<String>>,
    /// Renamed models.
    pub aliases: Option<BTreeMap<String, String>>,
    /// Free JSON.
    pub metadata: Option<Map<String, Value>>,
    /// Tags of every request.
    pub tags: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: Edit<Timestamp>,
    /// Routes it may call.
    pub allowed_routes: Option<Vec<String>>,
    /// The organisation it belongs to.
    pub organization_id: Edit<String>,
    /// The budget it shares with others.
    pub budget_id: Edit<String>,
    /// What it may use.
    pub limits: LimitsChange,
    /// What counts as spent so far.
    pub spend: Option<NanoDollars>,
    /// Refuses everything.
    pub blocked: Option<bool>,
}

impl KeyChange {
    /// Changes `key`, in the name of whoever made the change.
    pub fn apply(&self, key: &mut ApiKey, change: &Change) {
        self.alias.apply(&mut key.alias);
        self.user_id.apply(&mut key.user_id);
        self.team_id.apply(&mut key.team_id);
        set(&mut key.models, self.models.as_ref());
        set(&mut key.aliases, self.aliases.as_ref());
        set(&mut key.metadata, self.metadata.as_ref());
        set(&mut key.tags, self.tags.as_ref());
        self.expires_at.apply(&mut key.expires_at);
        set(&mut key.allowed_routes, self.allowed_routes.as_ref());
        self.organization_id.apply(&mut key.organization_id);
        self.budget_id.apply(&mut key.budget_id);
        self.limits.apply(&mut key.limits);
        set(&mut key.spend, self.spend.as_ref());
        if self.blocked.is_some() {
            key.blocked = self.blocked;
        }
        key.updated_at = change.at;
        key.updated_by.clone_from(&change.actor);
    }
}

/// Who changes something, when and in which request: what the audit log says about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique for ever.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was asked for, such as `key.block`.
    pub action: &'static str,
    /// The request that asked. `None`: none did.
    pub request_id: Option<String>,
}

fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}
