//! Statements about what kept answers are found by where the question is similar.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::SqlSafeStr;
use tollgate_core::key::{KeyHash, hex};

use crate::domain::kept::{CacheKey, KeptAnswer, KeptVector};
use crate::domain::{Timestamp, Vector};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::sql::kept as sql;
use crate::store::{MOST_VECTORS, StoreError};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn vectors(
        &self,
        context: &CacheKey,
        embedding: &str,
        now: Timestamp,
    ) -> Result<Vec<KeptVector>, StoreError> {
        let most = Value::from(i64::from(MOST_VECTORS));
        let args = vec![hex(context).into(), embedding.into(), now.as_micros().into(), most];
        let rows = self.driver.read(sql::VECTORS.into_sql_str(), args).await?;
        let read = |row: &D::Row| {
            let row = Fields::<D>(row);
            let key = KeyHash::from_hex(&row.text("cache_key")?);
            let vector = STANDARD.decode(row.text("vector")?).ok();
            let vector = vector.and_then(|bytes| Vector::from_bytes(&bytes));
            Ok(KeptVector {
                key: *key.ok_or_else(|| row.broken("cache_key"))?.as_bytes(),
                context: *context,
                embedding: embedding.to_owned(),
                vector: vector.ok_or_else(|| row.broken("vector"))?,
                expires_at: row.time("expires_at_us")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

/// Keeps what an answer is found by, which is kept in the same transaction.
pub(super) async fn put<D: Driver>(
    tx: &mut D::Tx,
    kept: &KeptAnswer,
    vector: &KeptVector,
) -> Result<(), StoreError> {
    let args: Vec<Value> = vec![
        hex(&kept.key).into(),
        hex(&vector.context).into(),
        vector.embedding.as_str().into(),
        STANDARD.encode(vector.vector.to_bytes()).into(),
        kept.created_at.as_micros().into(),
        vector.expires_at.as_micros().into(),
    ];
    D::run(tx, sql::KEEP_VECTOR.into_sql_str(), args).await?;
    Ok(())
}

/// Forgets those that are too old; their answers may serve still.
pub(super) async fn forget_old<D: Driver>(
    tx: &mut D::Tx,
    now: Timestamp,
) -> Result<(), StoreError> {
    D::run(tx, sql::FORGET_OLD_VECTORS.into_sql_str(), vec![now.as_micros().into()]).await?;
    Ok(())
}
