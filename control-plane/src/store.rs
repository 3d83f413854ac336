//! Where keys, the ledger and the audit log live.
//!
//! One trait, one SQL text, two databases. A transaction never crosses the trait: what belongs
//! together is one method. The store makes no ids and reads no clock.
//!
//! Writers take turns in both databases (SQLite has one writer, PostgreSQL an advisory lock), so
//! revisions are committed in order and no batch of usage can deadlock with another.

mod audit;
mod batch;
mod book;
mod configured;
#[cfg(test)]
mod conformance;
mod database;
mod driver;
mod keys;
mod ledger;
mod limits;
mod meters;
pub mod news;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod stored_limits;
mod vanished;

use std::sync::Arc;

use async_trait::async_trait;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::{
    ApiKey, Change, KeyChange, LedgerRecord, Meter, RecordId, Report, Reported, Scope, Secret,
    Timestamp,
};
use crate::store::news::{News, Newsroom};

pub use crate::store::configured::Configured;

/// Keeps keys, the ledger and the audit log.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Returns where to hear of what is committed, by this process or another one on the
    /// database. Every change that others must hear of is told by the method that makes it.
    fn newsroom(&self) -> &Newsroom;

    /// Tells what belongs to no change in the store.
    async fn tell(&self, news: &[News]) -> Result<(), StoreError>;

    /// Asks the database for a sign of life.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Ends all connections, after what is under way. SQLite puts everything into its one file.
    async fn close(&self);

    /// Returns the number of the last change that was committed.
    async fn revision(&self) -> Result<u64, StoreError>;

    /// Counts a change that is not in the store, such as one of the configuration, and returns
    /// its number.
    async fn next_revision(&self) -> Result<u64, StoreError>;

    /// Looks a key up by its hash. `None` when there is none.
    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;

    /// Looks a key up by its alias. `None` when there is none.
    async fn key_by_alias(&self, alias: &str) -> Result<Option<ApiKey>, StoreError>;

    /// Returns one page of the keys that match.
    async fn keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError>;

    /// Gives what is configured its meters, takes them from what is not, and returns the number
    /// of the change.
    async fn configure(&self, configured: &Configured, at: Timestamp) -> Result<u64, StoreError>;

    /// Returns the limits that every filter is told of.
    async fn shared_limits(&self) -> Result<SharedLimits, StoreError>;

    /// Returns the meters of some things.
    async fn meters(&self, of: &[(Scope, String)]) -> Result<Vec<Meter>, StoreError>;

    /// Adds `key`, or applies `otherwise` to the key that has its hash already.
    async fn add_key(
        &self,
        key: &ApiKey,
        otherwise: &KeyChange,
        change: &Change,
    ) -> Result<Changed, StoreError>;

    /// Changes a key. `None` when there is none.
    async fn change_key(
        &self,
        hash: &KeyHash,
        what: &KeyChange,
        change: &Change,
    ) -> Result<Option<Changed>, StoreError>;

    /// Deletes those keys that exist and keeps a copy of each among the deleted ones.
    async fn delete_keys(&self, hashes: &[KeyHash], change: &Change)
    -> Result<Deleted, StoreError>;

    /// Adds records to the ledger and their cost to their keys, takes what a holder says of its
    /// leases and grants, all in one transaction. Records that are there already change nothing.
    async fn report(&self, report: &Report, now: Timestamp) -> Result<Reported, StoreError>;

    /// Gives up holders of leases that were not seen since `unseen_since`, and returns how many:
    /// what they held counts as used, or is free again, until they come back.
    async fn give_up_holders(
        &self,
        unseen_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Returns ledger records that match, newest first.
    async fn usage(&self, query: &UsageQuery, limit: u32) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Returns what matching records cost, by day, key, user and model.
    async fn daily_spend(&self, query: &UsageQuery) -> Result<Vec<DailySpend>, StoreError>;

    /// Returns what was done to an object (a key's hash), oldest first.
    async fn audit(&self, object: &str) -> Result<Vec<AuditEntry>, StoreError>;
}

/// Opens the database a URL names and brings its tables up to date.
pub async fn open(url: &Secret) -> Result<Arc<dyn Store>, StoreError> {
    let (url, newsroom) = (url.expose(), Newsroom::default());
    if url.starts_with("sqlite:") {
        let driver = sqlite::Sqlite::open(url).await?;
        return Ok(Arc::new(database::SqlStore::new(driver, newsroom)));
    }
    let driver = postgres::Postgres::open(url, newsroom.clone()).await?;
    Ok(Arc::new(database::SqlStore::new(driver, newsroom)))
}

/// The limits that every filter is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedLimits {
    /// Meters of providers, models and tags.
    pub meters: Vec<Meter>,
    /// Some customer has limits or is blocked.
    pub customers: bool,
}

/// Which keys to list, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyQuery {
    /// Those that were deleted instead of those that are.
    pub deleted: bool,
    /// Of this user.
    pub user_id: Option<String>,
    /// Of this team.
    pub team_id: Option<String>,
    /// Of this organisation, by their own word.
    pub organization_id: Option<String>,
    /// With this alias.
    pub alias: Option<String>,
    /// With this hash.
    pub hash: Option<KeyHash>,
    /// Order.
    pub sort: KeySort,
    /// Largest or latest first.
    pub descending: bool,
    /// How many to skip.
    pub offset: u32,
    /// How many to return.
    pub limit: u32,
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

/// What one key's requests for one model cost on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySpend {
    /// Days since the epoch, UTC.
    pub day: i64,
    /// The key.
    pub key_hash: KeyHash,
    /// Its user.
    pub user_id: Option<String>,
    /// The model, as clients asked for it.
    pub model: String,
    /// The sum.
    pub cost: NanoDollars,
}

/// One change, as the audit log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The change's id.
    pub change_id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was asked for.
    pub action: String,
    /// The object before, as JSON. `None`: it did not exist.
    pub before: Option<String>,
    /// The object after, as JSON. `None`: it exists no more.
    pub after: Option<String>,
    /// The request that asked.
    pub request_id: Option<String>,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken.
    #[error("{what} is taken")]
    Conflict {
        /// What, as domain types name it.
        what: &'static str,
    },
    /// A row cannot be what we wrote.
    #[error("{column} holds an impossible value in row {row}")]
    Inconsistent {
        /// The column.
        column: &'static str,
        /// What identifies the row.
        row: String,
    },
    /// The database does not answer as it should.
    #[error("database not available")]
    Unavailable(#[from] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
}
