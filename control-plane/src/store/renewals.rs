//! Keys that are given new secrets: the row stays, with all that belongs to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Change, KeyChange, LedgerRecord, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::rows::Fields;
use crate::store::told::Affected;
use crate::store::{Changed, StoreError, keys, sql};

/// Gives keys new secrets.
#[async_trait]
pub trait Renewals: Send + Sync {
    /// Makes a key that of another secret, and changes it. The former one is good until then.
    /// `None` when there is no such key.
    async fn renew_key(
        &self,
        hash: &KeyHash,
        renewal: &Renewal,
        what: &KeyChange,
        change: &Change,
    ) -> Result<Option<Changed>, StoreError>;

    /// Looks up a key by a hash that it had, and until when that is good. `None`: it never was,
    /// or is no longer.
    async fn key_by_former_hash(
        &self,
        hash: &KeyHash,
        now: Timestamp,
    ) -> Result<Option<(ApiKey, Timestamp)>, StoreError>;
}

/// The new secret of a key.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// Its hash.
    pub hash: KeyHash,
    /// What people recognise it by.
    pub name: String,
    /// Until when the former one is good.
    pub former_until: Timestamp,
}

#[async_trait]
impl<D: Driver> Renewals for SqlStore<D> {
    async fn renew_key(
        &self,
        hash: &KeyHash,
        renewal: &Renewal,
        what: &KeyChange,
        change: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        let mut tx = self.driver.begin().await?;
        if keys::locked_key::<D>(&mut tx, hash).await?.is_none() {
            return Ok(None);
        }
        if keys::locked_key::<D>(&mut tx, &renewal.hash).await?.is_some() {
            return Err(StoreError::Conflict { what: "new_key" });
        }
        let mut news = Affected::of_key(*hash);
        news.keys.push(renewal.hash);
        let (former, new) = (hash.to_hex(), renewal.hash.to_hex());
        let at = change.at.as_micros().into();
        let args =
            vec![former.as_str().into(), new.as_str().into(), renewal.name.as_str().into(), at];
        D::run(&mut tx, sql::renewals::RENEW_KEY.into_sql_str(), args).await?;
        for statement in [sql::renewals::RENAME_METERS, sql::renewals::FOLLOW] {
            let args = vec![former.as_str().into(), new.as_str().into()];
            D::run(&mut tx, statement.into_sql_str(), args).await?;
        }
        let args = vec![new.as_str().into()];
        D::run(&mut tx, sql::renewals::FORGET_FORMER.into_sql_str(), args).await?;
        let until = renewal.former_until.as_micros().into();
        let args = vec![former.as_str().into(), new.as_str().into(), until];
        D::run(&mut tx, sql::renewals::PUT_FORMER.into_sql_str(), args).await?;
        let Some(renewed) = keys::locked_key::<D>(&mut tx, &renewal.hash).await? else {
            return Err(StoreError::Inconsistent { column: "key_hash", row: new });
        };
        let key = keys::changed_key::<D>(&mut tx, renewed, what, change, &mut news).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        Ok(Some(Changed { key, revision }))
    }

    async fn key_by_former_hash(
        &self,
        hash: &KeyHash,
        now: Timestamp,
    ) -> Result<Option<(ApiKey, Timestamp)>, StoreError> {
        let args = vec![hash.to_hex().into()];
        let rows = self.driver.read(sql::renewals::FORMER.into_sql_str(), args).await?;
        let Some(row) = rows.first().map(Fields::<D>) else { return Ok(None) };
        let (of, until) = (row.text("now_hash")?, row.time("until_us")?);
        if until <= now {
            return Ok(None);
        }
        let key = self.one_key(sql::KEY_BY_HASH, &of).await?;
        Ok(key.map(|key| (key, until)))
    }
}

impl<D: Driver> SqlStore<D> {
    /// Returns records as those of the keys that their keys are now.
    pub(super) async fn renewed<'a>(
        &self,
        tx: &mut D::Tx,
        records: &'a [LedgerRecord],
    ) -> Result<Cow<'a, [LedgerRecord]>, StoreError> {
        let any = D::run(tx, sql::renewals::ANY_FORMER.into_sql_str(), Vec::new()).await?;
        if any.is_empty() {
            return Ok(Cow::Borrowed(records));
        }
        let mut known = BTreeMap::<KeyHash, Option<KeyHash>>::new();
        for record in records {
            if known.contains_key(&record.key_hash) {
                continue;
            }
            let args = vec![record.key_hash.to_hex().into()];
            let rows = D::run(tx, sql::renewals::FORMER.into_sql_str(), args).await?;
            let now = rows.first().map(|row| Fields::<D>(row).text("now_hash")).transpose()?;
            known.insert(record.key_hash, now.and_then(|now| KeyHash::from_hex(&now)));
        }
        if known.values().all(Option::is_none) {
            return Ok(Cow::Borrowed(records));
        }
        let now = |hash: KeyHash| known.get(&hash).copied().flatten().unwrap_or(hash);
        let renewed = records.iter();
        Ok(renewed.map(|it| LedgerRecord { key_hash: now(it.key_hash), ..it.clone() }).collect())
    }
}
