//! Statements about budgets that several things share.

use sqlx::SqlSafeStr;

use crate::domain::{Change, Entity, LimitsChange, SharedBudget};
use crate::store::database::{self, SqlStore};
use crate::store::driver::{Driver, Value};
use crate::store::entities::{unspent, write_entity};
use crate::store::rows::Fields;
use crate::store::told::Affected;
use crate::store::{StoreError, audit, keys, sql, stored_limits};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn one_budget(&self, id: &str) -> Result<Option<SharedBudget>, StoreError> {
        let rows = self.driver.read(sql::entities::BUDGET.into_sql_str(), vec![id.into()]).await?;
        rows.first().map(|row| Fields::<D>(row).shared_budget()).transpose()
    }

    pub(super) async fn all_budgets(&self) -> Result<Vec<SharedBudget>, StoreError> {
        let rows = self.driver.read(sql::entities::BUDGETS.into_sql_str(), Vec::new()).await?;
        rows.iter().map(|row| Fields::<D>(row).shared_budget()).collect()
    }

    pub(super) async fn insert_budget(
        &self,
        budget: &SharedBudget,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        if locked_budget::<D>(&mut tx, &budget.id).await?.is_some() {
            return Err(StoreError::Conflict { what: "budget_id" });
        }
        write_budget::<D>(&mut tx, sql::entities::INSERT_BUDGET, budget).await?;
        let after = Some(audit::budget_state(budget));
        keys::audited::<D>(&mut tx, &object(&budget.id), change, None, after).await?;
        database::next_revision::<D>(&mut tx).await?;
        self.commit(tx, &[]).await
    }

    pub(super) async fn change_one_budget(
        &self,
        id: &str,
        what: &LimitsChange,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let Some(before) = locked_budget::<D>(&mut tx, id).await? else { return Ok(None) };
        let mut budget = before.clone();
        what.apply(&mut budget.limits);
        budget.stamps.touch(change);
        write_budget::<D>(&mut tx, sql::entities::UPDATE_BUDGET, &budget).await?;
        let states = (Some(audit::budget_state(&before)), Some(audit::budget_state(&budget)));
        keys::audited::<D>(&mut tx, &object(id), change, states.0, states.1).await?;
        self.follow_budget(tx, id, change).await?;
        Ok(Some(budget))
    }

    pub(super) async fn delete_one_budget(
        &self,
        id: &str,
        change: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let Some(before) = locked_budget::<D>(&mut tx, id).await? else { return Ok(None) };
        D::run(&mut tx, sql::entities::DELETE_BUDGET.into_sql_str(), vec![id.into()]).await?;
        let state = Some(audit::budget_state(&before));
        keys::audited::<D>(&mut tx, &object(id), change, state, None).await?;
        self.follow_budget(tx, id, change).await?;
        Ok(Some(before))
    }

    /// Brings the meters of all that share a budget up to date, and ends the change.
    async fn follow_budget(
        &self,
        mut tx: D::Tx,
        id: &str,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut news = Affected::default();
        let rows = D::run(&mut tx, sql::KEYS_OF_BUDGET.into_sql_str(), vec![id.into()]).await?;
        for row in &rows {
            let key = Fields::<D>(row).api_key()?;
            let opening = unspent(change.at, key.spend.0);
            keys::write_key::<D>(&mut tx, sql::UPDATE_KEY, &key, opening, &mut news).await?;
            news.keys.push(key.hash);
        }
        let rows =
            D::run(&mut tx, sql::entities::ENTITIES_OF_BUDGET.into_sql_str(), vec![id.into()])
                .await?;
        for row in &rows {
            let entity: Entity = Fields::<D>(row).entity()?;
            let opening = unspent(change.at, entity.spend.0);
            write_entity::<D>(&mut tx, sql::entities::UPDATE_ENTITY, &entity, opening, &mut news)
                .await?;
            news.add::<D>(&mut tx, entity.kind, &entity.id).await?;
        }
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await
    }
}

async fn locked_budget<D: Driver>(
    tx: &mut D::Tx,
    id: &str,
) -> Result<Option<SharedBudget>, StoreError> {
    let rows = D::run(tx, sql::entities::BUDGET.into_sql_str(), vec![id.into()]).await?;
    rows.first().map(|row| Fields::<D>(row).shared_budget()).transpose()
}

async fn write_budget<D: Driver>(
    tx: &mut D::Tx,
    statement: &'static str,
    budget: &SharedBudget,
) -> Result<(), StoreError> {
    let stamps = &budget.stamps;
    let args: Vec<Value> = vec![
        budget.id.as_str().into(),
        stored_limits::write(&budget.limits).into(),
        budget.limits.max_budget.map(|amount| amount.0).into(),
        stamps.created_at.as_micros().into(),
        stamps.created_by.as_str().into(),
        stamps.updated_at.as_micros().into(),
        stamps.updated_by.as_str().into(),
    ];
    D::run(tx, statement.into_sql_str(), args).await?;
    Ok(())
}

fn object(id: &str) -> String {
    format!("budget:{id}")
}
