//! Where keys, the ledger and the audit log live.
//!
//! One trait, one SQL text, two databases. A transaction never crosses the trait: what belongs
//! together is one method. The store makes no ids and reads no clock.
//!
//! Writers take turns in both databases (SQLite has one writer, PostgreSQL an advisory lock), so
//! revisions are committed in order and no batch of usage can deadlock with another.

mod alerts;
mod audit;
mod audit_log;
mod batch;
mod book;
mod budgets;
mod commitments;
mod configured;
#[cfg(test)]
mod conformance;
pub mod copy;
mod daily;
mod database;
mod driver;
mod endpoints;
mod entities;
mod entity_spend;
mod error;
mod health;
mod items;
mod kept;
mod keys;
mod ledger;
mod limits;
mod master_keys;
mod meters;
pub mod news;
mod postgres;
pub mod proofs;
mod query;
mod renewals;
mod reports;
mod resources;
mod rows;
mod sessions;
mod spend;
mod sql;
mod sqlite;
mod stored_limits;
mod told;
mod units;
mod usage_pages;
mod vanished;
mod vectors;

use std::sync::Arc;

use async_trait::async_trait;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::kept::{CacheKey, KeptAnswer, KeptFigures, KeptVector, Purge};
use crate::domain::meter::{Answer, Statement};
use crate::domain::{
    ApiKey, Change, Entity, EntityChange, HealthMark, Item, ItemKind, KeyChange, LimitsChange,
    Meter, MeterRow, Report, Reported, Resource, ResourceQuery, Scope, Secret, SharedBudget,
    Timestamp,
};
use crate::store::news::{News, Newsroom};
use crate::store::proofs::Proofs;

pub use crate::store::audit_log::{AuditEntry, AuditPage, AuditQuery, ChangeKind};
pub use crate::store::commitments::{Commitments, Committed};
pub use crate::store::configured::Configured;
pub use crate::store::daily::Counts;
pub use crate::store::error::StoreError;
pub use crate::store::master_keys::MasterKeys;
pub use crate::store::query::{
    AlertPage, Changed, ChangedEntity, DailySpend, Deleted, EntityPage, EntityQuery, EntitySort,
    KeyOwners, KeyPage, KeyQuery, KeySort, LedgerEntry, ListedKey, SharedLimits, SpendBy,
    SpendPart, UsagePage, UsageQuery,
};
pub use crate::store::renewals::{Renewal, Renewals};
pub use crate::store::reports::{DailyQuery, DailyUsage, Dearest};
pub use crate::store::sessions::Sessions;

/// Keeps keys, the ledger and the audit log.
#[async_trait]
pub trait Store: Commitments + Renewals + Sessions + MasterKeys + 'static {
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

    /// Counts the keys of each of some users who have any.
    async fn count_keys(&self, users: &[String]) -> Result<Vec<(String, u64)>, StoreError>;

    /// Gives what is configured its meters, takes them from what is not, and returns the number
    /// of the change.
    async fn configure(&self, configured: &Configured, at: Timestamp) -> Result<u64, StoreError>;

    /// Returns the limits that every filter is told of.
    async fn shared_limits(&self) -> Result<SharedLimits, StoreError>;

    /// Looks up a user, a team and so on. `None` when there is none.
    async fn entity(&self, kind: Scope, id: &str) -> Result<Option<Entity>, StoreError>;

    /// Returns one page of the entities that match, oldest first.
    async fn entities(&self, query: &EntityQuery) -> Result<EntityPage, StoreError>;

    /// Adds an entity whose id is free.
    async fn add_entity(
        &self,
        entity: &Entity,
        change: &Change,
    ) -> Result<ChangedEntity, StoreError>;

    /// Changes an entity. `None` when there is none.
    async fn change_entity(
        &self,
        of: (Scope, &str),
        what: &EntityChange,
        change: &Change,
    ) -> Result<Option<ChangedEntity>, StoreError>;

    /// Deletes those that exist, with keys and teams that belong to them, and returns the ids of
    /// all that are gone.
    async fn delete_entities(
        &self,
        kind: Scope,
        ids: &[String],
        change: &Change,
    ) -> Result<Vec<String>, StoreError>;

    /// Looks up a budget that several things share.
    async fn budget(&self, id: &str) -> Result<Option<SharedBudget>, StoreError>;

    /// Returns all budgets, oldest first.
    async fn budgets(&self) -> Result<Vec<SharedBudget>, StoreError>;

    /// Adds a budget whose id is free.
    async fn add_budget(&self, budget: &SharedBudget, change: &Change) -> Result<(), StoreError>;

    /// Changes a budget, and the limits of all that share it.
    async fn change_budget(
        &self,
        id: &str,
        what: &LimitsChange,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError>;

    /// Deletes a budget; what shared it is without its limits then.
    async fn delete_budget(
        &self,
        id: &str,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError>;

    /// Returns the meters of some things.
    async fn meters(&self, of: &[(Scope, String)]) -> Result<Vec<Meter>, StoreError>;

    /// Says what a holder without leases would be granted, and grants nothing. Meters that do not
    /// exist are left out.
    async fn would_grant(
        &self,
        statements: &[Statement],
        now: Timestamp,
    ) -> Result<Vec<(MeterRow, Answer)>, StoreError>;

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

    /// Returns one page of the soft limits that were crossed, the latest first.
    async fn alerts(&self, limit: u32, offset: u32) -> Result<AlertPage, StoreError>;

    /// Returns one page of the ledger records that match.
    async fn usage_page(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<UsagePage, StoreError>;

    /// Sums matching records by day, key, model and more.
    async fn spend_parts(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, StoreError>;

    /// Returns the tags of matching records that cost most, dearest first.
    async fn tag_spend(&self, query: &UsageQuery) -> Result<Vec<(String, Counts)>, StoreError>;

    /// Sets what keys and teams spent to nothing, and with it what was used of their budgets.
    /// The ledger stays as it is.
    async fn reset_spend(&self, change: &Change) -> Result<(), StoreError>;

    /// Returns what matching records cost by day.
    async fn daily_spend(&self, query: &UsageQuery) -> Result<DailySpend, StoreError>;

    /// Returns what was used, by day, model and provider.
    async fn daily_usage(&self, query: &DailyQuery) -> Result<Vec<DailyUsage>, StoreError>;

    /// Returns what each of them cost on each day.
    async fn daily_costs(
        &self,
        query: &DailyQuery,
        of: Dearest,
    ) -> Result<Vec<(i64, String, NanoDollars)>, StoreError>;

    /// Returns who, among those that a query is about, cost most.
    async fn dearest(
        &self,
        query: &DailyQuery,
        among: Dearest,
        limit: u32,
    ) -> Result<Vec<(String, Counts)>, StoreError>;

    /// Keeps marks that say something new, tells them, and returns them.
    async fn mark_health(
        &self,
        marks: &[HealthMark],
        now: Timestamp,
    ) -> Result<Vec<HealthMark>, StoreError>;

    /// Returns what is out of rotation.
    async fn health(&self, now: Timestamp) -> Result<Vec<HealthMark>, StoreError>;

    /// Returns everything that the management API added to the configuration, oldest first.
    async fn items(&self) -> Result<Vec<Item>, StoreError>;

    /// Adds an item, or replaces it unless it must be `new`, and returns the number of the change.
    async fn put_item(&self, item: &Item, new: bool, change: &Change) -> Result<u64, StoreError>;

    /// Deletes those items that exist; returns them and the number of the change.
    async fn delete_items(
        &self,
        items: &[(ItemKind, String)],
        change: &Change,
    ) -> Result<(Vec<Item>, u64), StoreError>;

    /// Replaces an item's sealed credential, unless it is another one by now; tells whether it
    /// did. The credential itself is the same, so nobody is told of a change.
    async fn reseal(&self, item: &Item, sealed: &str) -> Result<bool, StoreError>;

    /// Returns an answer that is kept and not too old.
    async fn kept_answer(
        &self,
        key: &CacheKey,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError>;

    /// Returns what answers of a context are found by where the question is similar, those that
    /// were kept last first, at most [`MOST_VECTORS`].
    async fn kept_vectors(
        &self,
        context: &CacheKey,
        embedding: &str,
        now: Timestamp,
    ) -> Result<Vec<KeptVector>, StoreError>;

    /// Keeps an answer, and what it is found by, unless there was a purge since `generation`.
    /// Tells whether it did.
    async fn keep_answer(
        &self,
        kept: &KeptAnswer,
        vector: Option<&KeptVector>,
        generation: u64,
    ) -> Result<bool, StoreError>;

    /// Forgets answers, has filters forget all of them, and returns how many there were and the
    /// number of the change.
    async fn purge_answers(&self, purge: &Purge, change: &Change)
    -> Result<(u64, u64), StoreError>;

    /// Forgets answers that are too old, and returns how many there were.
    async fn sweep_answers(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Returns how many answers are kept.
    async fn kept_figures(&self, now: Timestamp) -> Result<KeptFigures, StoreError>;

    /// Finds objects of providers by their ids, those included that are deleted.
    async fn resources_by_ids(&self, ids: &[String]) -> Result<Vec<Resource>, StoreError>;

    /// Keeps the first object, and of the others those whose ids nobody has. False: the first is
    /// somebody else's, or lies elsewhere, and nothing was kept.
    async fn keep_resources(
        &self,
        first: &Resource,
        others: &[Resource],
    ) -> Result<bool, StoreError>;

    /// Returns a page of a tenant's objects, from the cursor on: where that is the end of the
    /// page, in the opposite order.
    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Resource>, StoreError>;

    /// Notes that a tenant's object was deleted.
    async fn forget_resource(
        &self,
        tenant: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Returns what was done to an object (a key's hash), oldest first.
    async fn audit(&self, object: &str) -> Result<Vec<AuditEntry>, StoreError>;

    /// Returns one page of the changes that match.
    async fn changes(&self, query: &AuditQuery) -> Result<AuditPage, StoreError>;
}

/// So many vectors of one context are compared with a question.
pub const MOST_VECTORS: u32 = 256;

/// Opens the database a URL names and brings its tables up to date.
pub async fn open(url: &Secret) -> Result<Arc<dyn Store>, StoreError> {
    Ok(open_for_proofs(url).await?)
}

/// Like [`open`], for those who prove or repair totals.
pub async fn open_for_proofs(url: &Secret) -> Result<Arc<dyn Proofs>, StoreError> {
    let (url, newsroom) = (url.expose(), Newsroom::default());
    if url.starts_with("sqlite:") {
        let driver = sqlite::Sqlite::open(url).await?;
        return begun(driver, newsroom).await;
    }
    begun(postgres::Postgres::open(url, newsroom.clone()).await?, newsroom).await
}

async fn begun<D: driver::Driver>(
    driver: D,
    newsroom: Newsroom,
) -> Result<Arc<dyn Proofs>, StoreError> {
    let store = database::SqlStore::new(driver, newsroom);
    store.add_up_days().await?;
    Ok(Arc::new(store))
}
