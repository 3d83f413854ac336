//! Statements that show what was used and what it cost.

use sqlx::SqlSafeStr;

use crate::domain::{Change, RecordId, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::news::{News, moves_of};
use crate::store::rows::Fields;
use crate::store::{
    DailySpend, LedgerEntry, SpendBy, SpendPart, StoreError, TagSpend, UsagePage, UsageQuery, keys,
    sql,
};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn entries(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let head = "SELECT ledger.*, api_keys.alias AS key_alias FROM ledger \
                    LEFT JOIN api_keys ON api_keys.key_hash = ledger.key_hash";
        let (statement, args) = matching(sql::Select::new(head), query)
            .then("ORDER BY ledger.started_at_us DESC, ledger.id DESC")
            .page(limit, offset)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).ledger_entry()).collect()
    }

    pub(super) async fn page_of_usage(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<UsagePage, StoreError> {
        let head = "SELECT COUNT(*) AS total FROM ledger";
        let (statement, args) = matching(sql::Select::new(head), query).finish();
        let counted = self.driver.read(statement, args).await?;
        let total = counted.first().map_or(Ok(0), |row| Fields::<D>(row).count("total"))?;
        Ok(UsagePage { entries: self.entries(query, limit, offset).await?, total })
    }

    pub(super) async fn parts_of_spend(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, StoreError> {
        let of = match by {
            SpendBy::Key => "NULL",
            SpendBy::Team => "team_id",
            SpendBy::Customer => "end_user",
        };
        let head = format!(
            "SELECT started_at_us / 86400000000 AS day, CAST({of} AS TEXT) AS owner, key_hash, \
             model, CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos, \
             CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, \
             CAST(SUM(output_tokens) AS BIGINT) AS output_tokens, \
             CAST(SUM(total_tokens) AS BIGINT) AS total_tokens FROM ledger"
        );
        let (statement, args) = matching(sql::Select::new(&head), query)
            .then("GROUP BY 1, 2, key_hash, model ORDER BY 1, 2, key_hash, model")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).spend_part()).collect()
    }

    pub(super) async fn spend_by_tags(
        &self,
        query: &UsageQuery,
    ) -> Result<Vec<TagSpend>, StoreError> {
        let head = "SELECT tags, CAST(SUM(CASE WHEN first_attempt IS NULL THEN 1 ELSE 0 END) AS BIGINT) \
                    AS total, \
                    CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos FROM ledger";
        let (statement, args) = matching(sql::Select::new(head), query)
            .fact("tags <> '[]'", true)
            .then("GROUP BY tags ORDER BY tags")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).tag_spend()).collect()
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

    pub(super) async fn spend_by_day(
        &self,
        query: &UsageQuery,
    ) -> Result<Vec<DailySpend>, StoreError> {
        let head = "SELECT started_at_us / 86400000000 AS day, key_hash, user_id, model, \
                    CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos FROM ledger";
        let (statement, args) = matching(sql::Select::new(head), query)
            .then("GROUP BY started_at_us / 86400000000, key_hash, user_id, model ORDER BY 1, 2, 4")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).daily_spend()).collect()
    }
}

fn matching(select: sql::Select, query: &UsageQuery) -> sql::Select {
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
