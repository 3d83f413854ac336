//! A database that is away.

use std::sync::Arc;

use async_trait::async_trait;
use tollgate_control_plane::domain::kept::{CacheKey, KeptAnswer, KeptFigures, KeptVector, Purge};
use tollgate_control_plane::domain::meter::{self, Statement};
use tollgate_control_plane::domain::{
    ApiKey, Change, Commitment, Entity, EntityChange, HealthMark, HolderId, Item, ItemKind,
    KeyChange, LedgerRecord, LimitsChange, Meter, MeterRow, Report, Reported, Resource,
    ResourceQuery, Scope, Session, SharedBudget, Terms, Timestamp,
};
use tollgate_control_plane::store::news::{News, Newsroom};
use tollgate_control_plane::store::{
    AlertPage, AuditEntry, AuditPage, AuditQuery, Changed, ChangedEntity, Commitments, Committed,
    Configured, Counts, DailyQuery, DailySpend, DailyUsage, Dearest, Deleted, EntityPage,
    EntityQuery, KeyPage, KeyQuery, LedgerEntry, MasterKeys, Renewal, Renewals, Sessions,
    SharedLimits, SpendBy, SpendPart, Store, StoreError, UsagePage, UsageQuery,
};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::app::{MASTER, TestApp};

/// A control plane whose database is away.
pub(crate) fn broken() -> TestApp {
    TestApp::over(Arc::new(BrokenStore::default()), tempfile::tempdir().unwrap(), Some(MASTER))
}

/// A database that is away.
#[derive(Default)]
struct BrokenStore(Newsroom);

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut))
}

#[async_trait]
impl Renewals for BrokenStore {
    async fn renew_key(
        &self,
        _: &KeyHash,
        _: &Renewal,
        _: &KeyChange,
        _: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        away()
    }
    async fn key_by_former_hash(
        &self,
        _: &KeyHash,
        _: Timestamp,
    ) -> Result<Option<(ApiKey, Timestamp)>, StoreError> {
        away()
    }
}

#[async_trait]
impl Sessions for BrokenStore {
    async fn add_session(&self, _: &Session) -> Result<(), StoreError> {
        away()
    }
    async fn session(&self, _: &KeyHash) -> Result<Option<Session>, StoreError> {
        away()
    }
    async fn see_session(&self, _: &KeyHash, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn end_session(&self, _: &KeyHash, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn sweep_sessions(&self, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn identity(&self, _: &str, _: &str) -> Result<Option<String>, StoreError> {
        away()
    }
    async fn add_identity(&self, _: (&str, &str), _: &str, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
}

#[async_trait]
impl MasterKeys for BrokenStore {
    async fn master_key(&self) -> Result<Option<KeyHash>, StoreError> {
        away()
    }
    async fn begin_master_key(&self, _: &KeyHash, _: &Change) -> Result<bool, StoreError> {
        away()
    }
    async fn replace_master_key(&self, _: &KeyHash, _: &Change) -> Result<(), StoreError> {
        away()
    }
}

#[async_trait]
impl Commitments for BrokenStore {
    async fn commit(&self, _: &Commitment, _: &[(u64, i64)]) -> Result<Committed, StoreError> {
        away()
    }
    async fn commitment(&self, _: HolderId) -> Result<Option<Commitment>, StoreError> {
        away()
    }
    async fn amend(&self, _: HolderId, _: &Terms) -> Result<(), StoreError> {
        away()
    }
    async fn withdraw(&self, _: HolderId, _: Timestamp) -> Result<bool, StoreError> {
        away()
    }
    async fn abandoned(&self, _: Timestamp) -> Result<Vec<HolderId>, StoreError> {
        away()
    }
    async fn claim_work(
        &self,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<(Resource, u64)>, StoreError> {
        away()
    }
    async fn put_off(&self, _: &str, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn settle_work(
        &self,
        _: &Resource,
        _: &Commitment,
        _: &LedgerRecord,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        away()
    }
}

#[async_trait]
impl Store for BrokenStore {
    fn newsroom(&self) -> &Newsroom {
        &self.0
    }
    async fn tell(&self, _: &[News]) -> Result<(), StoreError> {
        away()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        away()
    }
    async fn close(&self) {}
    async fn dearest(
        &self,
        _: &DailyQuery,
        _: Dearest,
        _: u32,
    ) -> Result<Vec<(String, Counts)>, StoreError> {
        away()
    }
    async fn count_keys(&self, _: &[String]) -> Result<Vec<(String, u64)>, StoreError> {
        away()
    }
    async fn would_grant(
        &self,
        _: &[Statement],
        _: Timestamp,
    ) -> Result<Vec<(MeterRow, meter::Answer)>, StoreError> {
        away()
    }
    async fn daily_costs(
        &self,
        _: &DailyQuery,
        _: Dearest,
    ) -> Result<Vec<(i64, String, NanoDollars)>, StoreError> {
        away()
    }
    async fn daily_usage(&self, _: &DailyQuery) -> Result<Vec<DailyUsage>, StoreError> {
        away()
    }
    async fn revision(&self) -> Result<u64, StoreError> {
        away()
    }
    async fn next_revision(&self) -> Result<u64, StoreError> {
        away()
    }
    async fn key_by_hash(&self, _: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        away()
    }
    async fn key_by_alias(&self, _: &str) -> Result<Option<ApiKey>, StoreError> {
        away()
    }
    async fn keys(&self, _: &KeyQuery) -> Result<KeyPage, StoreError> {
        away()
    }
    async fn configure(&self, _: &Configured, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn shared_limits(&self) -> Result<SharedLimits, StoreError> {
        away()
    }
    async fn entity(&self, _: Scope, _: &str) -> Result<Option<Entity>, StoreError> {
        away()
    }
    async fn entities(&self, _: &EntityQuery) -> Result<EntityPage, StoreError> {
        away()
    }
    async fn add_entity(&self, _: &Entity, _: &Change) -> Result<ChangedEntity, StoreError> {
        away()
    }
    async fn change_entity(
        &self,
        _: (Scope, &str),
        _: &EntityChange,
        _: &Change,
    ) -> Result<Option<ChangedEntity>, StoreError> {
        away()
    }
    async fn delete_entities(
        &self,
        _: Scope,
        _: &[String],
        _: &Change,
    ) -> Result<Vec<String>, StoreError> {
        away()
    }
    async fn budget(&self, _: &str) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn budgets(&self) -> Result<Vec<SharedBudget>, StoreError> {
        away()
    }
    async fn add_budget(&self, _: &SharedBudget, _: &Change) -> Result<(), StoreError> {
        away()
    }
    async fn change_budget(
        &self,
        _: &str,
        _: &LimitsChange,
        _: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn delete_budget(&self, _: &str, _: &Change) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn meters(&self, _: &[(Scope, String)]) -> Result<Vec<Meter>, StoreError> {
        away()
    }
    async fn add_key(&self, _: &ApiKey, _: &KeyChange, _: &Change) -> Result<Changed, StoreError> {
        away()
    }
    async fn change_key(
        &self,
        _: &KeyHash,
        _: &KeyChange,
        _: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        away()
    }
    async fn delete_keys(&self, _: &[KeyHash], _: &Change) -> Result<Deleted, StoreError> {
        away()
    }
    async fn report(&self, _: &Report, _: Timestamp) -> Result<Reported, StoreError> {
        away()
    }
    async fn give_up_holders(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn usage(&self, _: &UsageQuery, _: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        away()
    }
    async fn alerts(&self, _: u32, _: u32) -> Result<AlertPage, StoreError> {
        away()
    }
    async fn usage_page(&self, _: &UsageQuery, _: u32, _: u32) -> Result<UsagePage, StoreError> {
        away()
    }
    async fn spend_parts(&self, _: &UsageQuery, _: SpendBy) -> Result<Vec<SpendPart>, StoreError> {
        away()
    }
    async fn tag_spend(&self, _: &UsageQuery) -> Result<Vec<(String, Counts)>, StoreError> {
        away()
    }
    async fn reset_spend(&self, _: &Change) -> Result<(), StoreError> {
        away()
    }
    async fn daily_spend(&self, _: &UsageQuery) -> Result<DailySpend, StoreError> {
        away()
    }
    async fn kept_answer(
        &self,
        _: &CacheKey,
        _: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        away()
    }
    async fn kept_vectors(
        &self,
        _: &CacheKey,
        _: &str,
        _: Timestamp,
    ) -> Result<Vec<KeptVector>, StoreError> {
        away()
    }
    async fn keep_answer(
        &self,
        _: &KeptAnswer,
        _: Option<&KeptVector>,
        _: u64,
    ) -> Result<bool, StoreError> {
        away()
    }
    async fn purge_answers(&self, _: &Purge, _: &Change) -> Result<(u64, u64), StoreError> {
        away()
    }
    async fn sweep_answers(&self, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn kept_figures(&self, _: Timestamp) -> Result<KeptFigures, StoreError> {
        away()
    }
    async fn mark_health(
        &self,
        _: &[HealthMark],
        _: Timestamp,
    ) -> Result<Vec<HealthMark>, StoreError> {
        away()
    }
    async fn health(&self, _: Timestamp) -> Result<Vec<HealthMark>, StoreError> {
        away()
    }
    async fn items(&self) -> Result<Vec<Item>, StoreError> {
        away()
    }
    async fn reseal(&self, _: &Item, _: &str) -> Result<bool, StoreError> {
        away()
    }

    async fn put_item(&self, _: &Item, _: bool, _: &Change) -> Result<u64, StoreError> {
        away()
    }
    async fn delete_items(
        &self,
        _: &[(ItemKind, String)],
        _: &Change,
    ) -> Result<(Vec<Item>, u64), StoreError> {
        away()
    }
    async fn resources_by_ids(&self, _: &[String]) -> Result<Vec<Resource>, StoreError> {
        away()
    }
    async fn keep_resources(&self, _: &Resource, _: &[Resource]) -> Result<bool, StoreError> {
        away()
    }
    async fn resources(&self, _: &ResourceQuery) -> Result<Vec<Resource>, StoreError> {
        away()
    }
    async fn forget_resource(&self, _: &str, _: &str, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn audit(&self, _: &str) -> Result<Vec<AuditEntry>, StoreError> {
        away()
    }
    async fn changes(&self, _: &AuditQuery) -> Result<AuditPage, StoreError> {
        away()
    }
}
