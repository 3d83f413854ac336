//! Statements about objects that providers keep for tenants.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::domain::commitment::asked_again;
use crate::domain::{HolderId, Place, Resource, ResourceKind, ResourceQuery, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

impl<D: Driver> SqlStore<D> {
    /// Finds objects by their ids, those included that are deleted.
    pub(super) async fn resources_of(&self, ids: &[String]) -> Result<Vec<Resource>, StoreError> {
        let mut text = sql::resources::MANY.to_owned();
        text.push_str(" WHERE id IN (NULL");
        for number in 1..=ids.len() {
            let _ = write!(text, ", ${number}");
        }
        text.push(')');
        let args = ids.iter().map(|id| id.as_str().into()).collect();
        let rows = self.driver.read(AssertSqlSafe(text).into_sql_str(), args).await?;
        rows.iter().map(|row| Fields::<D>(row).resource()).collect()
    }

    /// Keeps the first, and of the others those that nobody has.
    pub(super) async fn put_resources(
        &self,
        first: &Resource,
        others: &[Resource],
    ) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        let known = one::<D>(&mut tx, &first.id).await?;
        match known.filter(|known| known.deleted_at.is_none()) {
            Some(known) if !is_same(&known, first) => return Ok(false),
            Some(known) if known.body == first.body && others.is_empty() => return Ok(true),
            Some(_) => update::<D>(&mut tx, first).await?,
            None => insert::<D>(&mut tx, first, sql::resources::PUT).await?,
        }
        self.bind_commitment(&mut tx, first, asked_again(0, first.created_at)).await?;
        for other in others {
            insert::<D>(&mut tx, other, sql::resources::ADOPT).await?;
        }
        D::commit(tx).await?;
        Ok(true)
    }

    /// Keeps those that nobody has.
    pub(super) async fn adopt_resources(
        &self,
        tx: &mut D::Tx,
        resources: &[Resource],
    ) -> Result<(), StoreError> {
        for resource in resources {
            insert::<D>(tx, resource, sql::resources::ADOPT).await?;
        }
        Ok(())
    }

    pub(super) async fn page_of_resources(
        &self,
        query: &ResourceQuery,
    ) -> Result<Vec<Resource>, StoreError> {
        let mut text = sql::resources::MANY.to_owned();
        text.push_str(" WHERE tenant = $1 AND kind = $2 AND deleted_at_us IS NULL AND body <> ''");
        let mut args: Vec<Value> = vec![query.tenant.as_str().into(), query.kind.name().into()];
        if let Some(purpose) = &query.purpose {
            args.push(purpose.as_str().into());
            let _ = write!(text, " AND purpose = ${}", args.len());
        }
        // Pages before a cursor are read from it backwards.
        let backwards = query.before.is_some() && query.after.is_none();
        let bounds = [(&query.after, query.ascending), (&query.before, !query.ascending)];
        for (bound, above) in bounds {
            let Some((at, id)) = bound else { continue };
            args.push(at.as_micros().into());
            args.push(id.as_str().into());
            let (sign, at, id) = (if above { '>' } else { '<' }, args.len() - 1, args.len());
            let _ = write!(
                text,
                " AND (created_at_us {sign} ${at} OR (created_at_us = ${at} AND id {sign} ${id}))"
            );
        }
        let order = if query.ascending == backwards { "DESC" } else { "ASC" };
        args.push(i64::from(query.limit).into());
        let limit = args.len();
        let _ = write!(text, " ORDER BY created_at_us {order}, id {order} LIMIT ${limit}");
        let rows = self.driver.read(AssertSqlSafe(text).into_sql_str(), args).await?;
        rows.iter().map(|row| Fields::<D>(row).resource()).collect()
    }

    pub(super) async fn delete_resource(
        &self,
        tenant: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![id.into(), tenant.into(), at.as_micros().into()];
        D::run(&mut tx, sql::resources::FORGET.into_sql_str(), args).await?;
        D::commit(tx).await?;
        Ok(())
    }
}

/// Tells whether an object is the one that is known by its id.
fn is_same(known: &Resource, new: &Resource) -> bool {
    known.tenant == new.tenant && known.place == new.place && known.kind == new.kind
}

async fn one<D: Driver>(tx: &mut D::Tx, id: &str) -> Result<Option<Resource>, StoreError> {
    let rows = D::run(tx, sql::resources::ONE.into_sql_str(), vec![id.into()]).await?;
    rows.first().map(|row| Fields::<D>(row).resource()).transpose()
}

async fn update<D: Driver>(tx: &mut D::Tx, resource: &Resource) -> Result<(), StoreError> {
    let args = vec![
        resource.id.as_str().into(),
        resource.body.as_str().into(),
        resource.purpose.as_str().into(),
        resource.model.as_str().into(),
    ];
    D::run(tx, sql::resources::UPDATE.into_sql_str(), args).await?;
    Ok(())
}

async fn insert<D: Driver>(
    tx: &mut D::Tx,
    resource: &Resource,
    statement: &'static str,
) -> Result<(), StoreError> {
    let Place { provider, account } = &resource.place;
    let args = vec![
        resource.id.as_str().into(),
        resource.kind.name().into(),
        provider.as_str().into(),
        account.as_str().into(),
        resource.tenant.as_str().into(),
        resource.key_hash.to_hex().into(),
        resource.model.as_str().into(),
        resource.purpose.as_str().into(),
        serde_json::json!(resource.tags).to_string().into(),
        resource.body.as_str().into(),
        resource.created_at.as_micros().into(),
    ];
    D::run(tx, statement.into_sql_str(), args).await?;
    Ok(())
}

impl<D: Driver> Fields<'_, D> {
    pub(super) fn resource(&self) -> Result<Resource, StoreError> {
        let kind = ResourceKind::named(&self.text("kind")?);
        Ok(Resource {
            id: self.text("id")?,
            kind: kind.ok_or_else(|| self.broken("kind"))?,
            place: Place { provider: self.text("provider")?, account: self.text("account")? },
            tenant: self.text("tenant")?,
            key_hash: self.key_hash()?,
            model: self.text("model")?,
            purpose: self.text("purpose")?,
            tags: self.json("tags")?,
            body: self.text("body")?,
            created_at: Timestamp::from_micros(self.int("created_at_us")?),
            deleted_at: self.maybe_int("deleted_at_us")?.map(Timestamp::from_micros),
            commitment: HolderId::from_hex(&self.text("reserved")?),
        })
    }
}
