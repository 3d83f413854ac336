//! Statements that show what was used and what it cost: from the sums of days where these tell,
//! else from single records.

use std::collections::BTreeMap;

use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::{Change, RecordId, Scope, Timestamp};
use crate::store::daily::Counts;
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::news::{News, moves_of};
use crate::store::reports::{MOST_SUMS, check_number};
use crate::store::rows::Fields;
use crate::store::{
    DailyQuery, DailySpend, DailyUsage, Dearest, LedgerEntry, SpendBy, SpendPart, StoreError,
    UsageQuery, keys, sql,
};

impl<D: Driver> SqlStore<D> {
    /// Returns records, newest first. Which ones is found in an index, before they are read.
    pub(super) async fn entries(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let head = "SELECT ledger.*, api_keys.alias AS key_alias FROM ledger \
                    LEFT JOIN api_keys ON api_keys.key_hash = ledger.key_hash \
                    WHERE ledger.id IN (SELECT ledger.id FROM ledger";
        let (statement, args) = matching(sql::Select::new(head), query)
            .then("ORDER BY ledger.started_at_us DESC, ledger.id DESC")
            .page(limit, offset)
            .then(") ORDER BY ledger.started_at_us DESC, ledger.id DESC")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).ledger_entry()).collect()
    }

    pub(super) async fn parts_of_spend(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, StoreError> {
        let owner = match by {
            SpendBy::Key => None,
            SpendBy::Team => Some(Scope::Team),
            SpendBy::Customer => Some(Scope::Customer),
        };
        let days = query.of_days().filter(|days| {
            query.failed.is_none()
                && (owner.is_none() || days.scope.is_none_or(|it| Some(it) == owner))
        });
        let Some(days) = days else { return self.parts_of_records(query, by).await };
        let days = DailyQuery { by_key: true, most: Some(MOST_SUMS), ..days };
        let mut owned = Vec::new();
        if owner.is_some() {
            let days = DailyQuery { scope: owner, by_owner: true, ..days.clone() };
            owned = self.usage_of_days(&days).await?;
        }
        let mut all = Vec::new();
        if owner.is_none() || days.scope.is_none() {
            all = self.usage_of_days(&days).await?;
        }
        Ok(joined(owned, all))
    }

    async fn parts_of_records(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, StoreError> {
        let of = match by {
            SpendBy::Key => "NULL",
            SpendBy::Team => "team_id",
            SpendBy::Customer => "end_user",
        };
        let head = sql::spend_parts(of);
        let (statement, args) = matching(sql::Select::new(&head), query)
            .then("GROUP BY 1, 2, key_hash, model ORDER BY 1, 2, key_hash, model")
            .page(MOST_SUMS + 1, 0)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        check_number(rows.len(), MOST_SUMS)?;
        rows.iter().map(|row| Fields::<D>(row).spend_part()).collect()
    }

    /// Returns the tags that cost most.
    pub(super) async fn spend_by_tags(
        &self,
        query: &UsageQuery,
    ) -> Result<Vec<(String, Counts)>, StoreError> {
        let days = query.of_days().filter(|days| query.failed.is_none() && days.scope.is_none());
        if let Some(days) = days {
            let tags = DailyQuery { scope: Some(Scope::Tag), ..days };
            return self.dearest_of_days(&tags, Dearest::Owners, MOST_TAGS).await;
        }
        let (statement, args) = matching(sql::Select::new(sql::SPEND_OF_TAGS), query)
            .fact("tags <> '[]'", true)
            .then("GROUP BY tags ORDER BY tags")
            .finish();
        let mut sums = BTreeMap::<String, Counts>::new();
        for row in &self.driver.read(statement, args).await? {
            let (tags, counts) = Fields::<D>(row).tag_spend()?;
            for tag in tags {
                sums.entry(tag).or_default().add(&counts);
            }
        }
        let mut sums: Vec<(String, Counts)> = sums.into_iter().collect();
        sums.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.cost));
        sums.truncate(MOST_TAGS as usize);
        Ok(sums)
    }

    pub(super) async fn forget_spend(&self, change: &Change) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        for statement in [sql::FORGET_SPEND_OF_KEYS, sql::FORGET_SPEND_OF_TEAMS] {
            D::run(&mut tx, statement.into_sql_str(), Vec::new()).await?;
        }
        let rows = D::run(&mut tx, sql::FORGET_USED.into_sql_str(), Vec::new()).await?;
        let meters = rows.iter().map(|row| Fields::<D>(row).count("id"));
        let meters = meters.collect::<Result<Vec<u64>, _>>()?;
        keys::audited::<D>(&mut tx, "spend", change, None, None).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        let mut news = vec![News::KeysChanged { revision }];
        news.extend(moves_of(&meters, &meters));
        self.commit(tx, &news).await
    }

    /// Returns what was spent by day: by keys, by users and for models.
    pub(super) async fn spend_by_day(&self, query: &UsageQuery) -> Result<DailySpend, StoreError> {
        let tells = |days: &DailyQuery| matches!(days.scope, None | Some(Scope::User));
        let days = query.of_days().filter(|days| query.failed.is_none() && tells(days));
        let Some(days) = days else { return self.spend_of_records(query).await };
        let of_users = DailyQuery { scope: Some(Scope::User), ..days.clone() };
        Ok(DailySpend {
            keys: self.costs_of_days(&days, Dearest::Keys).await?,
            users: self.costs_of_days(&of_users, Dearest::Owners).await?,
            models: self.costs_of_days(&days, Dearest::Models).await?,
        })
    }

    async fn spend_of_records(&self, query: &UsageQuery) -> Result<DailySpend, StoreError> {
        let (statement, args) = matching(sql::Select::new(sql::SPEND_OF_DAYS), query)
            .then("GROUP BY 1, key_hash, user_id, model")
            .page(MOST_SUMS + 1, 0)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        check_number(rows.len(), MOST_SUMS)?;
        let mut spend = DailySpend::default();
        for row in &rows {
            Fields::<D>(row).add_daily_spend(&mut spend)?;
        }
        Ok(spend)
    }
}

/// Joins what owners had to what all had: what nobody owned is the rest. Models of several
/// providers are one.
fn joined(owned: Vec<DailyUsage>, all: Vec<DailyUsage>) -> Vec<SpendPart> {
    let mut sums = BTreeMap::<(i64, Option<String>, KeyHash, String), Counts>::new();
    for part in all {
        let Some(key) = part.key else { continue };
        sums.entry((part.day, None, key, part.model)).or_default().add(&part.counts);
    }
    for part in owned {
        let Some(key) = part.key else { continue };
        if let Some(rest) = sums.get_mut(&(part.day, None, key, part.model.clone())) {
            rest.take(&part.counts);
        }
        let place = (part.day, Some(part.owner), key, part.model);
        sums.entry(place).or_default().add(&part.counts);
    }
    sums.retain(|_, counts| counts.attempts > 0);
    let part =
        |((day, of, key_hash, model), counts)| SpendPart { day, of, key_hash, model, counts };
    sums.into_iter().map(part).collect()
}

/// So many tags at most, the dearest.
const MOST_TAGS: u32 = 10_000;

pub(super) fn matching(select: sql::Select, query: &UsageQuery) -> sql::Select {
    select
        .when("ledger.id =", query.id.map(RecordId::to_hex))
        .when("ledger.key_hash =", query.key.map(|hash| hash.to_hex()))
        .when("ledger.user_id =", query.user_id.as_deref())
        .when("ledger.team_id =", query.team_id.as_deref())
        .when("ledger.end_user =", query.end_user.as_deref())
        .either(["ledger.model", "ledger.provider_model"], query.model.as_deref())
        .fact("ledger.error_code IS NOT NULL", query.failed == Some(true))
        .fact("ledger.error_code IS NULL", query.failed == Some(false))
        .when("ledger.started_at_us >=", query.from.map(Timestamp::as_micros))
        .when("ledger.started_at_us <", query.until.map(Timestamp::as_micros))
}
