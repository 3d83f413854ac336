//! Keys: who may call what, until when and for how much.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::{AddressLists, Limits, Meter, Timestamp};

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
    /// Routes it may call: paths, prefixes, patterns and groups. Empty means all.
    pub allowed_routes: Vec<String>,
    /// The organisation it belongs to. `None`: its team's.
    pub organization_id: Option<String>,
    /// A budget it shares with others: its limits hold where the key has none of its own.
    pub budget_id: Option<String>,
    /// What it may use.
    pub limits: Limits,
    /// What it spent so far.
    pub spend: NanoDollars,
    /// Where its budget stands. `None`: it has none that begins anew.
    pub budget: Option<BudgetState>,
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
    /// The hash that it was made with, if it was given a new secret since.
    pub first_hash: Option<KeyHash>,
    /// How often it was given a new secret.
    pub renewals: u64,
    /// When it was last given one.
    pub renewed_at: Option<Timestamp>,
}

impl ApiKey {
    /// Returns what counts as spent at `now`: of the budget that runs, else since ever.
    pub fn spent(&self, now: Timestamp) -> NanoDollars {
        self.budget.map_or(self.spend, |budget| budget.used_at(now))
    }

    /// Returns the user whom it belongs to.
    pub fn owner(&self) -> Option<&str> {
        self.user_id.as_deref().filter(|user| *user != NOBODY)
    }

    /// Returns whose what is made with this key is: keys of one tenant share it, others never see
    /// it.
    pub fn tenant(&self) -> String {
        match (&self.team_id, self.owner()) {
            (Some(team), _) => format!("team:{team}"),
            (None, Some(user)) => format!("user:{user}"),
            (None, None) => format!("key:{}", self.first_hash.unwrap_or(self.hash).to_hex()),
        }
    }

    /// Returns what a filter has to know about the key at `now`, without its meters.
    pub fn policy(&self, now: Timestamp) -> KeyPolicy {
        KeyPolicy {
            name: self.name.clone(),
            blocked: self.blocked.unwrap_or(false),
            expires_at: self.expires_at,
            models: self.models.clone(),
            aliases: self.aliases.clone(),
            max_budget: self.limits.max_budget.filter(|_| !self.limits.observe_only),
            spend: self.spent(now),
            tags: self.tags.clone(),
            meters: Vec::new(),
            tenant: self.tenant(),
            allowed_routes: self.allowed_routes.clone(),
            addresses: vec![AddressLists::in_metadata(&self.metadata)],
        }
    }
}

/// The user that LiteLLM's tools name for keys that are nobody's: many keys have it.
const NOBODY: &str = "default_user_id";

/// Where a budget stands that begins anew from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// Used in the window that was last begun.
    pub used: NanoDollars,
    /// When that window ends.
    pub ends_at: Timestamp,
}

impl BudgetState {
    /// Returns what is used at `now`: a window that is over counts no more, whether or not
    /// anybody has begun the next one.
    pub fn used_at(self, now: Timestamp) -> NanoDollars {
        if self.ends_at <= now { NanoDollars::ZERO } else { self.used }
    }
}

/// What a filter has to know to decide on a request of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// What people recognise the key by.
    pub name: String,
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
    /// Its limits, and those of whom it belongs to.
    pub meters: Vec<Meter>,
    /// Whose what is made with it is.
    pub tenant: String,
    /// Routes it may call; empty means all.
    pub allowed_routes: Vec<String>,
    /// Where it may be used from: each must admit the client.
    pub addresses: Vec<AddressLists>,
}
