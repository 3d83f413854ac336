//! Statements about what the management API adds to the configuration.

use sqlx::SqlSafeStr;

use crate::domain::{Change, Item, ItemKind};
use crate::store::database::{self, SqlStore};
use crate::store::driver::{Driver, Value};
use crate::store::news::News;
use crate::store::rows::Fields;
use crate::store::{StoreError, audit, keys, sql};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn all_items(&self) -> Result<Vec<Item>, StoreError> {
        let rows = self.driver.read(sql::ITEMS.into_sql_str(), Vec::new()).await?;
        rows.iter().map(|row| Fields::<D>(row).item()).collect()
    }

    /// Writes an item; `new` says that there may be none before.
    pub(super) async fn write_item(
        &self,
        item: &Item,
        new: bool,
        change: &Change,
    ) -> Result<u64, StoreError> {
        let mut tx = self.driver.begin().await?;
        let before = one::<D>(&mut tx, item.kind, &item.id).await?;
        if new && before.is_some() {
            return Err(StoreError::Conflict { what: "id" });
        }
        let stamps = &item.stamps;
        let args: Vec<Value> = vec![
            item.kind.name().into(),
            item.id.as_str().into(),
            serde_json::json!(item.body).to_string().into(),
            (&item.sealed).into(),
            stamps.created_at.as_micros().into(),
            stamps.created_by.as_str().into(),
            stamps.updated_at.as_micros().into(),
            stamps.updated_by.as_str().into(),
        ];
        D::run(&mut tx, sql::PUT_ITEM.into_sql_str(), args).await?;
        let states = (before.as_ref().map(audit::item_state), Some(audit::item_state(item)));
        keys::audited::<D>(&mut tx, &object(item), change, states.0, states.1).await?;
        self.items_changed(tx).await
    }

    /// Replaces a sealed credential that is still the one of `item`.
    pub(super) async fn replace_seal(&self, item: &Item, sealed: &str) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![
            item.kind.name().into(),
            item.id.as_str().into(),
            (&item.sealed).into(),
            sealed.into(),
        ];
        let changed = D::run(&mut tx, sql::RESEAL_ITEM.into_sql_str(), args).await?;
        self.commit(tx, &[]).await?;
        Ok(!changed.is_empty())
    }

    /// Deletes those that exist, and returns them.
    pub(super) async fn remove_items(
        &self,
        items: &[(ItemKind, String)],
        change: &Change,
    ) -> Result<(Vec<Item>, u64), StoreError> {
        let mut tx = self.driver.begin().await?;
        let mut gone = Vec::new();
        for (kind, id) in items {
            let Some(before) = one::<D>(&mut tx, *kind, id).await? else { continue };
            let args = vec![kind.name().into(), id.as_str().into()];
            D::run(&mut tx, sql::DELETE_ITEM.into_sql_str(), args).await?;
            let state = Some(audit::item_state(&before));
            keys::audited::<D>(&mut tx, &object(&before), change, state, None).await?;
            gone.push(before);
        }
        let revision = self.items_changed(tx).await?;
        Ok((gone, revision))
    }

    async fn items_changed(&self, mut tx: D::Tx) -> Result<u64, StoreError> {
        let revision = database::next_revision::<D>(&mut tx).await?;
        self.commit(tx, &[News::ItemsChanged { revision }]).await?;
        Ok(revision)
    }
}

async fn one<D: Driver>(
    tx: &mut D::Tx,
    kind: ItemKind,
    id: &str,
) -> Result<Option<Item>, StoreError> {
    let args = vec![kind.name().into(), id.into()];
    let rows = D::run(tx, sql::ITEM.into_sql_str(), args).await?;
    rows.first().map(|row| Fields::<D>(row).item()).transpose()
}

/// Names an item in the audit log.
fn object(item: &Item) -> String {
    format!("{}:{}", item.kind.name(), item.id)
}
