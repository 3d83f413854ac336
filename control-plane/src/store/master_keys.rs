//! The master key that no configuration names: its hash.

use async_trait::async_trait;
use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::Change;
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::rows::Fields;
use crate::store::{StoreError, keys, sql};

/// Keeps the hash of a master key that was made here.
#[async_trait]
pub trait MasterKeys: Send + Sync {
    /// Returns the hash of the master key that was made last. `None`: none ever was.
    async fn master_key(&self) -> Result<Option<KeyHash>, StoreError>;

    /// Keeps the first master key, unless there is one, or keys or users are there already. Tells
    /// whether it did.
    async fn begin_master_key(&self, hash: &KeyHash, change: &Change) -> Result<bool, StoreError>;

    /// Keeps another master key instead of the former one, which is good no longer.
    async fn replace_master_key(&self, hash: &KeyHash, change: &Change) -> Result<(), StoreError>;
}

#[async_trait]
impl<D: Driver> MasterKeys for SqlStore<D> {
    async fn master_key(&self) -> Result<Option<KeyHash>, StoreError> {
        let rows = self.driver.read(sql::SETTING.into_sql_str(), vec![NAME.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let hash = KeyHash::from_hex(&Fields::<D>(row).text("value")?);
        let broken = || StoreError::Inconsistent { column: "value", row: NAME.to_owned() };
        hash.map(Some).ok_or_else(broken)
    }

    async fn begin_master_key(&self, hash: &KeyHash, change: &Change) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        let begun = D::run(&mut tx, sql::ANYTHING.into_sql_str(), vec![NAME.into()]).await?;
        if !begun.is_empty() {
            return Ok(false);
        }
        put::<D>(&mut tx, hash, change, None).await?;
        D::commit(tx).await?;
        Ok(true)
    }

    async fn replace_master_key(&self, hash: &KeyHash, change: &Change) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let before = D::run(&mut tx, sql::SETTING.into_sql_str(), vec![NAME.into()]).await?;
        let before = (!before.is_empty()).then(state);
        put::<D>(&mut tx, hash, change, before).await?;
        D::commit(tx).await?;
        Ok(())
    }
}

async fn put<D: Driver>(
    tx: &mut D::Tx,
    hash: &KeyHash,
    change: &Change,
    before: Option<String>,
) -> Result<(), StoreError> {
    let args = vec![NAME.into(), hash.to_hex().into()];
    D::run(tx, sql::SET_SETTING.into_sql_str(), args).await?;
    keys::audited::<D>(tx, OBJECT, change, before, Some(state())).await
}

/// What the audit log shows of it: that there is one.
fn state() -> String {
    r#"{"master_key":"…"}"#.to_owned()
}

const NAME: &str = "master_key_hash";
const OBJECT: &str = "master_key:";
