//! Statements about keys.

use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Change, KeyChange, Limits, Scope, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::{Driver, Value};
use crate::store::limits::{Opening, effective_limits, follow_limits, window_name};
use crate::store::rows::Fields;
use crate::store::told::{self, Affected};
use crate::store::{
    Changed, Deleted, KeyPage, KeyQuery, KeySort, StoreError, audit, sql, stored_limits,
};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn one_key(
        &self,
        statement: &'static str,
        value: &str,
    ) -> Result<Option<ApiKey>, StoreError> {
        let rows = self.driver.read(statement.into_sql_str(), vec![value.into()]).await?;
        rows.first().map(|row| Fields::<D>(row).api_key()).transpose()
    }

    pub(super) async fn page_of_keys(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        let (count, rows) = if query.deleted {
            (sql::COUNT_DELETED_KEYS, sql::DELETED_KEYS)
        } else {
            (sql::COUNT_KEYS, sql::KEYS)
        };
        let select = |head: &str| {
            sql::Select::new(head)
                .when("keys.user_id =", query.user_id.as_deref())
                .when("keys.team_id =", query.team_id.as_deref())
                .among("keys.team_id", query.teams.as_deref())
                .when("keys.organization_id =", query.organization_id.as_deref())
                .when("keys.alias =", query.alias.as_deref())
                .when("keys.key_hash =", query.hash.map(|hash| hash.to_hex()))
                .fact("keys.alias IS NOT NULL", query.has_alias)
                .owned(query.owners.as_ref().map(|it| (it.user.as_str(), it.teams.as_slice())))
        };
        // Which ones is found in an index, before they are read.
        let order = order_by(query.sort, query.descending);
        let found = if query.deleted { "keys.key_hash, keys.deletion_id" } else { "keys.key_hash" };
        let table = if query.deleted { "deleted_keys" } else { "api_keys" };
        let head = format!("{rows} WHERE ({found}) IN (SELECT {found} FROM {table} AS keys");
        let (statement, args) = select(&head)
            .then(&order)
            .page(query.limit, query.offset)
            .then(&format!(") {order}"))
            .finish();
        let rows = self.driver.read(statement, args).await?;
        let keys = rows.iter().map(|row| Fields::<D>(row).listed_key(query.deleted));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let total = match all_there(keys.len(), query.limit, query.offset) {
            Some(total) => total,
            None => self.count(select(count)).await?,
        };
        Ok(KeyPage { keys, total })
    }

    /// Counts the keys of each of some users.
    pub(super) async fn count_of_users(
        &self,
        users: &[String],
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let (statement, args) = sql::Select::new(sql::COUNT_KEYS_BY_USER)
            .among("user_id", Some(users))
            .then("GROUP BY user_id")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            Ok((row.text("user_id")?, row.count("total")?))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn count(&self, select: sql::Select) -> Result<u64, StoreError> {
        let (statement, args) = select.finish();
        let counted = self.driver.read(statement, args).await?;
        counted.first().map_or(Ok(0), |row| Fields::<D>(row).count("total"))
    }

    pub(super) async fn insert_or_change(
        &self,
        key: &ApiKey,
        otherwise: &KeyChange,
        change: &Change,
    ) -> Result<Changed, StoreError> {
        let mut tx = self.driver.begin().await?;
        let mut news = Affected::of_key(key.hash);
        let changed = if let Some(before) = locked_key::<D>(&mut tx, &key.hash).await? {
            changed_key::<D>(&mut tx, before, otherwise, change, &mut news).await?
        } else {
            let args = vec![key.hash.to_hex().into()];
            D::run(&mut tx, sql::renewals::FORGET_FORMER.into_sql_str(), args).await?;
            let opening = Opening { at: change.at, spent: key.spend.0, set: true };
            write_key::<D>(&mut tx, sql::INSERT_KEY, key, opening, &mut news).await?;
            let after = Some(audit::key_state(key));
            audited::<D>(&mut tx, &key.hash.to_hex(), change, None, after).await?;
            written_key::<D>(&mut tx, &key.hash).await?
        };
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        Ok(Changed { key: changed, revision })
    }

    pub(super) async fn change_existing(
        &self,
        hash: &KeyHash,
        what: &KeyChange,
        change: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let Some(before) = locked_key::<D>(&mut tx, hash).await? else { return Ok(None) };
        let mut news = Affected::of_key(*hash);
        let key = changed_key::<D>(&mut tx, before, what, change, &mut news).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        Ok(Some(Changed { key, revision }))
    }

    pub(super) async fn delete_existing(
        &self,
        hashes: &[KeyHash],
        change: &Change,
    ) -> Result<Deleted, StoreError> {
        let mut tx = self.driver.begin().await?;
        let mut deleted = Deleted::default();
        let mut news = Affected::default();
        for hash in hashes {
            if delete_one::<D>(&mut tx, hash, change, &mut news).await? {
                deleted.hashes.push(*hash);
            }
        }
        if deleted.hashes.is_empty() {
            return Ok(deleted);
        }
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        deleted.revision = revision;
        Ok(deleted)
    }
}

/// Says how many there are in all, when a page says so itself.
pub(super) fn all_there(found: usize, limit: u32, offset: u32) -> Option<u64> {
    let found = u64::try_from(found).ok()?;
    (found < u64::from(limit) && (found > 0 || offset == 0)).then(|| u64::from(offset) + found)
}

/// Deletes a key with its meters, and tells whether there was one.
pub(super) async fn delete_one<D: Driver>(
    tx: &mut D::Tx,
    hash: &KeyHash,
    change: &Change,
    news: &mut Affected,
) -> Result<bool, StoreError> {
    let Some(before) = locked_key::<D>(tx, hash).await? else { return Ok(false) };
    let id = hash.to_hex();
    let copy = vec![
        id.as_str().into(),
        change.at.as_micros().into(),
        change.actor.as_str().into(),
        change.id.as_str().into(),
    ];
    D::run(tx, sql::COPY_DELETED_KEY.into_sql_str(), copy).await?;
    D::run(tx, sql::DELETE_KEY.into_sql_str(), vec![id.as_str().into()]).await?;
    news.keys.extend(told::former_of::<D>(tx, hash).await?);
    let args = vec![id.as_str().into()];
    D::run(tx, sql::renewals::FORGET_ALL_FORMER.into_sql_str(), args).await?;
    let opening = Opening { at: change.at, spent: 0, set: false };
    follow_limits::<D>(tx, (Scope::Key, &id), &Limits::default(), opening, news).await?;
    let before = Some(audit::key_state(&before));
    audited::<D>(tx, &id, change, before, None).await?;
    news.keys.push(*hash);
    Ok(true)
}

/// Reads a key inside of a transaction; writers take turns, so nobody changes it before commit.
pub(super) async fn locked_key<D: Driver>(
    tx: &mut D::Tx,
    hash: &KeyHash,
) -> Result<Option<ApiKey>, StoreError> {
    let args = vec![hash.to_hex().into()];
    let rows = D::run(tx, sql::KEY_BY_HASH.into_sql_str(), args).await?;
    rows.first().map(|row| Fields::<D>(row).api_key()).transpose()
}

/// Returns the key as it is now, and meters of it that are not what they were.
pub(super) async fn changed_key<D: Driver>(
    tx: &mut D::Tx,
    before: ApiKey,
    what: &KeyChange,
    change: &Change,
    news: &mut Affected,
) -> Result<ApiKey, StoreError> {
    let mut key = before.clone();
    what.apply(&mut key, change);
    let opening = Opening { at: change.at, spent: key.spend.0, set: what.spend.is_some() };
    write_key::<D>(tx, sql::UPDATE_KEY, &key, opening, news).await?;
    let states = (Some(audit::key_state(&before)), Some(audit::key_state(&key)));
    audited::<D>(tx, &key.hash.to_hex(), change, states.0, states.1).await?;
    written_key::<D>(tx, &key.hash).await
}

/// Reads a key that was just written, with where its budget stands now.
async fn written_key<D: Driver>(tx: &mut D::Tx, hash: &KeyHash) -> Result<ApiKey, StoreError> {
    let key = locked_key::<D>(tx, hash).await?;
    key.ok_or_else(|| StoreError::Inconsistent { column: "key_hash", row: hash.to_hex() })
}

/// Writes a key and brings its meters up to date.
pub(super) async fn write_key<D: Driver>(
    tx: &mut D::Tx,
    statement: &'static str,
    key: &ApiKey,
    opening: Opening,
    news: &mut Affected,
) -> Result<(), StoreError> {
    let limits = effective_limits::<D>(tx, &key.limits, key.budget_id.as_ref()).await?;
    let hash = key.hash.to_hex();
    let args: Vec<Value> = vec![
        hash.as_str().into(),
        key.name.as_str().into(),
        (&key.alias).into(),
        (&key.user_id).into(),
        (&key.team_id).into(),
        serde_json::json!(key.models).to_string().into(),
        serde_json::json!(key.aliases).to_string().into(),
        serde_json::json!(key.metadata).to_string().into(),
        serde_json::json!(key.tags).to_string().into(),
        key.expires_at.map(Timestamp::as_micros).into(),
        key.limits.max_budget.map(|amount| amount.0).into(),
        key.spend.0.into(),
        key.blocked.map(i64::from).into(),
        key.created_at.as_micros().into(),
        key.created_by.as_str().into(),
        key.updated_at.as_micros().into(),
        key.updated_by.as_str().into(),
        key.last_active.map(Timestamp::as_micros).into(),
        (&key.organization_id).into(),
        (&key.budget_id).into(),
        stored_limits::write(&key.limits).into(),
        (&window_name(&limits)).into(),
        serde_json::json!(key.allowed_routes).to_string().into(),
    ];
    match D::run(tx, statement.into_sql_str(), args).await {
        Ok(_) => follow_limits::<D>(tx, (Scope::Key, &hash), &limits, opening, news).await,
        // The hash is looked up before, so only the alias can be taken.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(StoreError::Conflict { what: "alias" })
        }
        Err(error) => Err(error.into()),
    }
}

/// Notes in the audit log what was done to an object.
pub(super) async fn audited<D: Driver>(
    tx: &mut D::Tx,
    object: &str,
    change: &Change,
    before: Option<String>,
    after: Option<String>,
) -> Result<(), StoreError> {
    let args = vec![
        change.id.as_str().into(),
        object.into(),
        change.at.as_micros().into(),
        change.actor.as_str().into(),
        change.action.into(),
        (&before).into(),
        (&after).into(),
        (&change.request_id).into(),
    ];
    D::run(tx, sql::INSERT_AUDIT.into_sql_str(), args).await?;
    Ok(())
}

/// Writes the order, with the hash last so that pages never overlap. Keys without a value come
/// last in both databases.
fn order_by(sort: KeySort, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    match sort {
        KeySort::CreatedAt => {
            format!("ORDER BY keys.created_at_us {direction}, keys.key_hash {direction}")
        }
        KeySort::UpdatedAt => {
            format!("ORDER BY keys.updated_at_us {direction}, keys.key_hash {direction}")
        }
        KeySort::Spend => {
            format!("ORDER BY keys.spend_nanos {direction}, keys.key_hash {direction}")
        }
        KeySort::MaxBudget => {
            format!(
                "ORDER BY keys.max_budget_nanos {direction} NULLS LAST, keys.key_hash {direction}"
            )
        }
        KeySort::Hash => format!("ORDER BY keys.key_hash {direction}"),
        KeySort::Alias => {
            format!("ORDER BY keys.alias {direction} NULLS LAST, keys.key_hash {direction}")
        }
    }
}
