//! The store over any [`Driver`].

use async_trait::async_trait;
use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::kept::{CacheKey, KeptAnswer, KeptFigures, KeptVector, Purge};
use crate::domain::meter::{Answer, Statement};
use crate::domain::{
    ApiKey, Change, Entity, EntityChange, HealthMark, Item, ItemKind, KeyChange, LimitsChange,
    Meter, MeterRow, Report, Reported, Resource, ResourceQuery, Scope, SharedBudget, Timestamp,
};
use crate::store::batch::Batches;
use crate::store::driver::Driver;
use crate::store::rows::Fields;
use crate::store::{
    AlertPage, AuditEntry, AuditPage, AuditQuery, Changed, ChangedEntity, Configured, Counts,
    DailyQuery, DailySpend, DailyUsage, Dearest, Deleted, EntityPage, EntityQuery, KeyPage,
    KeyQuery, LedgerEntry, News, Newsroom, SharedLimits, SpendBy, SpendPart, Store, StoreError,
    UsagePage, UsageQuery, sql,
};

/// Runs our statements through a driver.
pub(super) struct SqlStore<D> {
    pub(super) driver: D,
    pub(super) batches: Batches,
    newsroom: Newsroom,
}

impl<D: Driver> SqlStore<D> {
    pub(super) fn new(driver: D, newsroom: Newsroom) -> Self {
        Self { driver, batches: Batches::new(D::placeholder), newsroom }
    }

    /// Makes a transaction last and tells what others must hear of it, here and elsewhere.
    pub(super) async fn commit(&self, mut tx: D::Tx, news: &[News]) -> Result<(), StoreError> {
        for news in news {
            D::notify(&mut tx, self.newsroom.write(news)).await?;
        }
        D::commit(tx).await?;
        self.newsroom.tell(news);
        Ok(())
    }
}

#[async_trait]
impl<D: Driver> Store for SqlStore<D> {
    fn newsroom(&self) -> &Newsroom {
        &self.newsroom
    }

    async fn tell(&self, news: &[News]) -> Result<(), StoreError> {
        let tx = self.driver.begin().await?;
        self.commit(tx, news).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.driver.read(sql::PING.into_sql_str(), Vec::new()).await?;
        Ok(())
    }

    async fn close(&self) {
        self.driver.close().await;
    }

    async fn revision(&self) -> Result<u64, StoreError> {
        revision::<D>(&self.driver.read(sql::REVISION.into_sql_str(), Vec::new()).await?)
    }

    async fn next_revision(&self) -> Result<u64, StoreError> {
        let mut tx = self.driver.begin().await?;
        let revision = next_revision::<D>(&mut tx).await?;
        self.commit(tx, &[]).await?;
        Ok(revision)
    }

    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.one_key(sql::KEY_BY_HASH, &hash.to_hex()).await
    }

    async fn key_by_alias(&self, alias: &str) -> Result<Option<ApiKey>, StoreError> {
        self.one_key(sql::KEY_BY_ALIAS, alias).await
    }

    async fn keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        self.page_of_keys(query).await
    }

    async fn count_keys(&self, users: &[String]) -> Result<Vec<(String, u64)>, StoreError> {
        self.count_of_users(users).await
    }

    async fn configure(&self, configured: &Configured, at: Timestamp) -> Result<u64, StoreError> {
        self.follow_configuration(configured, at).await
    }

    async fn shared_limits(&self) -> Result<SharedLimits, StoreError> {
        self.limits_of_all().await
    }

    async fn entity(&self, kind: Scope, id: &str) -> Result<Option<Entity>, StoreError> {
        self.one_entity(kind, id).await
    }

    async fn entities(&self, query: &EntityQuery) -> Result<EntityPage, StoreError> {
        self.page_of_entities(query).await
    }

    async fn add_entity(
        &self,
        entity: &Entity,
        change: &Change,
    ) -> Result<ChangedEntity, StoreError> {
        self.insert_entity(entity, change).await
    }

    async fn change_entity(
        &self,
        of: (Scope, &str),
        what: &EntityChange,
        change: &Change,
    ) -> Result<Option<ChangedEntity>, StoreError> {
        self.change_one_entity(of, what, change).await
    }

    async fn delete_entities(
        &self,
        kind: Scope,
        ids: &[String],
        change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        self.delete_some_entities(kind, ids, change).await
    }

    async fn budget(&self, id: &str) -> Result<Option<SharedBudget>, StoreError> {
        self.one_budget(id).await
    }

    async fn budgets(&self) -> Result<Vec<SharedBudget>, StoreError> {
        self.all_budgets().await
    }

    async fn add_budget(&self, budget: &SharedBudget, change: &Change) -> Result<(), StoreError> {
        self.insert_budget(budget, change).await
    }

    async fn change_budget(
        &self,
        id: &str,
        what: &LimitsChange,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        self.change_one_budget(id, what, change).await
    }

    async fn delete_budget(
        &self,
        id: &str,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        self.delete_one_budget(id, change).await
    }

    async fn meters(&self, of: &[(Scope, String)]) -> Result<Vec<Meter>, StoreError> {
        self.meters_of_any(of).await
    }

    async fn would_grant(
        &self,
        statements: &[Statement],
        now: Timestamp,
    ) -> Result<Vec<(MeterRow, Answer)>, StoreError> {
        self.looked_up(statements, now).await
    }

    async fn add_key(
        &self,
        key: &ApiKey,
        otherwise: &KeyChange,
        change: &Change,
    ) -> Result<Changed, StoreError> {
        self.insert_or_change(key, otherwise, change).await
    }

    async fn change_key(
        &self,
        hash: &KeyHash,
        what: &KeyChange,
        change: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        self.change_existing(hash, what, change).await
    }

    async fn delete_keys(
        &self,
        hashes: &[KeyHash],
        change: &Change,
    ) -> Result<Deleted, StoreError> {
        self.delete_existing(hashes, change).await
    }

    async fn report(&self, report: &Report, now: Timestamp) -> Result<Reported, StoreError> {
        self.take_report(report, now).await
    }

    async fn give_up_holders(
        &self,
        unseen_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.give_up_unseen(unseen_since, now).await
    }

    async fn usage(&self, query: &UsageQuery, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        self.entries(query, limit, 0).await
    }

    async fn alerts(&self, limit: u32, offset: u32) -> Result<AlertPage, StoreError> {
        self.page_of_alerts(limit, offset).await
    }

    async fn usage_page(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<UsagePage, StoreError> {
        self.page_of_usage(query, limit, offset).await
    }

    async fn spend_parts(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, StoreError> {
        self.parts_of_spend(query, by).await
    }

    async fn tag_spend(&self, query: &UsageQuery) -> Result<Vec<(String, Counts)>, StoreError> {
        self.spend_by_tags(query).await
    }

    async fn reset_spend(&self, change: &Change) -> Result<(), StoreError> {
        self.forget_spend(change).await
    }

    async fn daily_spend(&self, query: &UsageQuery) -> Result<DailySpend, StoreError> {
        self.spend_by_day(query).await
    }

    async fn daily_usage(&self, query: &DailyQuery) -> Result<Vec<DailyUsage>, StoreError> {
        self.usage_of_days(query).await
    }

    async fn daily_costs(
        &self,
        query: &DailyQuery,
        of: Dearest,
    ) -> Result<Vec<(i64, String, NanoDollars)>, StoreError> {
        self.costs_of_days(query, of).await
    }

    async fn dearest(
        &self,
        query: &DailyQuery,
        among: Dearest,
        limit: u32,
    ) -> Result<Vec<(String, Counts)>, StoreError> {
        self.dearest_of_days(query, among, limit).await
    }

    async fn mark_health(
        &self,
        marks: &[HealthMark],
        now: Timestamp,
    ) -> Result<Vec<HealthMark>, StoreError> {
        self.put_marks(marks, now).await
    }

    async fn health(&self, now: Timestamp) -> Result<Vec<HealthMark>, StoreError> {
        self.marks(now).await
    }

    async fn items(&self) -> Result<Vec<Item>, StoreError> {
        self.all_items().await
    }

    async fn put_item(&self, item: &Item, new: bool, change: &Change) -> Result<u64, StoreError> {
        self.write_item(item, new, change).await
    }

    async fn delete_items(
        &self,
        items: &[(ItemKind, String)],
        change: &Change,
    ) -> Result<(Vec<Item>, u64), StoreError> {
        self.remove_items(items, change).await
    }

    async fn reseal(&self, item: &Item, sealed: &str) -> Result<bool, StoreError> {
        self.replace_seal(item, sealed).await
    }

    async fn kept_answer(
        &self,
        key: &CacheKey,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        self.answer(key, now).await
    }

    async fn kept_vectors(
        &self,
        context: &CacheKey,
        embedding: &str,
        now: Timestamp,
    ) -> Result<Vec<KeptVector>, StoreError> {
        self.vectors(context, embedding, now).await
    }

    async fn keep_answer(
        &self,
        kept: &KeptAnswer,
        vector: Option<&KeptVector>,
        generation: u64,
    ) -> Result<bool, StoreError> {
        self.put_answer(kept, vector, generation).await
    }

    async fn purge_answers(
        &self,
        purge: &Purge,
        change: &Change,
    ) -> Result<(u64, u64), StoreError> {
        self.forget_answers(purge, change).await
    }

    async fn sweep_answers(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.forget_old_answers(now).await
    }

    async fn kept_figures(&self, now: Timestamp) -> Result<KeptFigures, StoreError> {
        self.answers(now).await
    }

    async fn resources_by_ids(&self, ids: &[String]) -> Result<Vec<Resource>, StoreError> {
        self.resources_of(ids).await
    }

    async fn keep_resources(
        &self,
        first: &Resource,
        others: &[Resource],
    ) -> Result<bool, StoreError> {
        self.put_resources(first, others).await
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Resource>, StoreError> {
        self.page_of_resources(query).await
    }

    async fn forget_resource(
        &self,
        tenant: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.delete_resource(tenant, id, at).await
    }

    async fn audit(&self, object: &str) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = self.driver.read(sql::AUDIT.into_sql_str(), vec![object.into()]).await?;
        rows.iter().map(|row| Fields::<D>(row).audit_entry()).collect()
    }

    async fn changes(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        self.page_of_changes(query).await
    }
}

/// Counts a change that filters must hear of.
pub(super) async fn next_revision<D: Driver>(tx: &mut D::Tx) -> Result<u64, StoreError> {
    revision::<D>(&D::run(tx, sql::NEXT_REVISION.into_sql_str(), Vec::new()).await?)
}

fn revision<D: Driver>(rows: &[D::Row]) -> Result<u64, StoreError> {
    let row = rows.first().ok_or(StoreError::Inconsistent { column: "value", row: "1".into() })?;
    Fields::<D>(row).count("value")
}
