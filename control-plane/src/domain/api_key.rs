//! Keys: who may call what, until when and for how much.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::Timestamp;

/// A virtual key, known by its hash alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// SHA-256 of the whole key.
    pub hash: KeyHash,
    /// What people recognise it by: `sk-...` and the last four characters.
    pub name: String,
    /// A unique name somebody gave it.
    pub alias: Option<String>,
    /// The user it belongs to.
    pub user_id: Option<String>,
    /// The team it belongs to.
    pub team_id: Option<String>,
    /// Models it may call; empty means all.
    pub models: Vec<String>,
    /// Name the client writes → name it stands for.
    pub aliases: BTreeMap<String, String>,
    /// Free JSON, without `tags`.
    pub metadata: Map<String, Value>,
    /// Tags that every request of the key carries.
    pub tags: Vec<String>,
    /// When it ends. `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Most it may spend. `None`: no limit.
    pub max_budget: Option<NanoDollars>,
    /// What it spent so far.
    pub spend: NanoDollars,
    /// Refuses everything when set. `None`: nobody ever said.
    pub blocked: Option<bool>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// End of the last request that was recorded for it.
    pub last_active: Option<Timestamp>,
}

impl ApiKey {
    /// Returns what a filter has to know about the key.
    pub fn policy(&self) -> KeyPolicy {
        KeyPolicy {
            blocked: self.blocked.unwrap_or(false),
            expires_at: self.expires_at,
            models: self.models.clone(),
            aliases: self.aliases.clone(),
            max_budget: self.max_budget,
            spend: self.spend,
            tags: self.tags.clone(),
        }
    }
}

/// What a filter has to know to decide on a request of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// Refuses everything.
    pub blocked: bool,
    /// When it ends. `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Models it may call; empty means all.
    pub models: Vec<String>,
    /// Name the client writes → name it stands for.
    pub aliases: BTreeMap<String, String>,
    /// Most it may spend. `None`: no limit.
    pub max_budget: Option<NanoDollars>,
    /// What it spent so far.
    pub spend: NanoDollars,
    /// Tags that every request of the key carries.
    pub tags: Vec<String>,
}
