//! What is asked of a store, and what it answers.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::{Alert, ApiKey, Entity, LedgerRecord, Meter, RecordId, Scope, Timestamp};
use crate::store::daily::Counts;

/// Which entities to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityQuery {
    /// What they are.
    pub kind: Scope,
    /// With one of these ids.
    pub ids: Option<Vec<String>>,
    /// With this alias.
    pub alias: Option<String>,
    /// With this email.
    pub email: Option<String>,
    /// Of this organisation.
    pub organization_id: Option<String>,
    /// Order.
    pub sort: EntitySort,
    /// Largest or latest first.
    pub descending: bool,
    /// Members of these teams.
    pub teams: Option<Vec<String>>,
    /// Members who are these users.
    pub users: Option<Vec<String>>,
    /// How many to skip.
    pub offset: u32,
    /// How many to return.
    pub limit: u32,
}

/// What entities are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntitySort {
    /// When it was made.
    #[default]
    CreatedAt,
    /// When it was changed.
    UpdatedAt,
    /// What it spent.
    Spend,
    /// What it may spend.
    MaxBudget,
    /// Its id.
    Id,
    /// Its alias.
    Alias,
    /// Its email.
    Email,
}

impl EntityQuery {
    /// All of a kind.
    pub fn all(kind: Scope) -> Self {
        Self {
            kind,
            ids: None,
            alias: None,
            email: None,
            organization_id: None,
            sort: EntitySort::CreatedAt,
            descending: false,
            teams: None,
            users: None,
            offset: 0,
            limit: u32::MAX,
        }
    }
}

/// A part of a list of entities.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EntityPage {
    /// Those of the page.
    pub entities: Vec<Entity>,
    /// How many there are in all.
    pub total: u64,
}

/// An entity after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedEntity {
    /// As it is now.
    pub entity: Entity,
    /// Revision of the change.
    pub revision: u64,
}

/// The limits that every filter is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedLimits {
    /// Meters of providers, models and tags.
    pub meters: Vec<Meter>,
    /// Some customer has limits or is blocked.
    pub customers: bool,
    /// How often all answers that are kept were purged.
    pub cache_generation: u64,
}

/// Which keys to list, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyQuery {
    /// Those that were deleted instead of those that are.
    pub deleted: bool,
    /// Of this user.
    pub user_id: Option<String>,
    /// Of this team.
    pub team_id: Option<String>,
    /// Of these teams.
    pub teams: Option<Vec<String>>,
    /// Of this organisation, by their own word.
    pub organization_id: Option<String>,
    /// With this alias.
    pub alias: Option<String>,
    /// With this hash.
    pub hash: Option<KeyHash>,
    /// Of one of these owners.
    pub owners: Option<KeyOwners>,
    /// With any alias.
    pub has_alias: bool,
    /// Order.
    pub sort: KeySort,
    /// Largest or latest first.
    pub descending: bool,
    /// How many to skip.
    pub offset: u32,
    /// How many to return.
    pub limit: u32,
}

/// Whose keys to list: those of a user, and those of teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwners {
    /// The user.
    pub user: String,
    /// The teams.
    pub teams: Vec<String>,
}

/// What keys are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySort {
    /// When it was made.
    #[default]
    CreatedAt,
    /// When it was changed.
    UpdatedAt,
    /// What it spent.
    Spend,
    /// What it may spend.
    MaxBudget,
    /// Its hash.
    Hash,
    /// Its alias.
    Alias,
}

/// A part of a list of keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeyPage {
    /// The keys of the page.
    pub keys: Vec<ListedKey>,
    /// How many there are in all.
    pub total: u64,
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedKey {
    /// The key.
    pub key: ApiKey,
    /// When and by whom it was deleted. `None`: it is not.
    pub deleted: Option<(Timestamp, String)>,
}

/// A key after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The key as it is now.
    pub key: ApiKey,
    /// Revision of the change.
    pub revision: u64,
}

/// What deleting did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// The keys that existed.
    pub hashes: Vec<KeyHash>,
    /// Revision of the change.
    pub revision: u64,
}

/// Which ledger records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// The record with this id.
    pub id: Option<RecordId>,
    /// Of this key.
    pub key: Option<KeyHash>,
    /// Of this user.
    pub user_id: Option<String>,
    /// Of this team.
    pub team_id: Option<String>,
    /// Of this customer.
    pub end_user: Option<String>,
    /// For this model, by the name that clients or that providers use.
    pub model: Option<String>,
    /// Those that failed, or those that did not.
    pub failed: Option<bool>,
    /// Started at this moment or later.
    pub from: Option<Timestamp>,
    /// Started before this moment.
    pub until: Option<Timestamp>,
}

/// A ledger record with what was known about its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The record.
    pub record: LedgerRecord,
    /// User of the key when the record arrived.
    pub user_id: Option<String>,
    /// Team of the key when the record arrived.
    pub team_id: Option<String>,
    /// Alias of the key now.
    pub key_alias: Option<String>,
}

/// A part of a list of ledger records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsagePage {
    /// The records of the page, newest first.
    pub entries: Vec<LedgerEntry>,
    /// How many there are in all.
    pub total: u64,
}

/// A part of a list of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertPage {
    /// Those of the page, the latest first.
    pub alerts: Vec<Alert>,
    /// How many there are in all.
    pub total: u64,
}

/// What spend is summed by, besides day, key and model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendBy {
    /// Nothing else.
    Key,
    /// The key's team when the record arrived.
    Team,
    /// The customer.
    Customer,
}

/// A sum of ledger records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPart {
    /// Days since the epoch, UTC.
    pub day: i64,
    /// What [`SpendBy`] asked for. `None`: the records have none.
    pub of: Option<String>,
    /// The key.
    pub key_hash: KeyHash,
    /// The model, as clients asked for it.
    pub model: String,
    /// How much.
    pub counts: Counts,
}

/// What was spent by day, since the epoch in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DailySpend {
    /// By each key, by the hex of its hash.
    pub keys: Vec<(i64, String, NanoDollars)>,
    /// By each user.
    pub users: Vec<(i64, String, NanoDollars)>,
    /// For each model, as clients asked for it.
    pub models: Vec<(i64, String, NanoDollars)>,
}
