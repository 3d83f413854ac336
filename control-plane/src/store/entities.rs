//! Statements about users, teams, organisations, customers and tags.

use sqlx::SqlSafeStr;

use crate::domain::{Change, Entity, EntityChange, Limits, Scope, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::{Driver, Value};
use crate::store::keys::all_there;
use crate::store::limits::{Opening, effective_limits, follow_limits, window_name};
use crate::store::rows::Fields;
use crate::store::told::{self, Affected};
use crate::store::{
    ChangedEntity, EntityPage, EntityQuery, EntitySort, StoreError, audit, keys, sql, stored_limits,
};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn one_entity(
        &self,
        kind: Scope,
        id: &str,
    ) -> Result<Option<Entity>, StoreError> {
        let args = vec![kind.as_str().into(), id.into()];
        let rows = self.driver.read(sql::entities::ENTITY.into_sql_str(), args).await?;
        rows.first().map(|row| Fields::<D>(row).entity()).transpose()
    }

    pub(super) async fn page_of_entities(
        &self,
        query: &EntityQuery,
    ) -> Result<EntityPage, StoreError> {
        let select = |head: &str| {
            sql::Select::new(head)
                .when("entities.kind =", Some(query.kind.as_str()))
                .among("entities.id", query.ids.as_deref())
                .when("entities.alias =", query.alias.as_deref())
                .when("entities.email =", query.email.as_deref())
                .when("entities.organization_id =", query.organization_id.as_deref())
                .among("entities.team_id", query.teams.as_deref())
                .among("entities.user_id", query.users.as_deref())
        };
        // Which ones is found in an index, before they are read.
        let order = order_by(query.sort, query.descending);
        let head = format!(
            "{} WHERE entities.kind = '{}' AND entities.id IN (SELECT entities.id FROM entities",
            sql::entities::ENTITIES,
            query.kind.as_str()
        );
        let (statement, args) = select(&head)
            .then(&order)
            .page(query.limit, query.offset)
            .then(&format!(") {order}"))
            .finish();
        let rows = self.driver.read(statement, args).await?;
        let entities = rows.iter().map(|row| Fields::<D>(row).entity());
        let entities = entities.collect::<Result<Vec<_>, _>>()?;
        let total = match all_there(entities.len(), query.limit, query.offset) {
            Some(total) => total,
            None => self.count(select(sql::entities::COUNT_ENTITIES)).await?,
        };
        Ok(EntityPage { entities, total })
    }

    pub(super) async fn insert_entity(
        &self,
        entity: &Entity,
        change: &Change,
    ) -> Result<ChangedEntity, StoreError> {
        let mut tx = self.driver.begin().await?;
        if locked_entity::<D>(&mut tx, entity.kind, &entity.id).await?.is_some() {
            return Err(StoreError::Conflict { what: "id" });
        }
        let mut news = Affected::default();
        let opening = Opening { at: change.at, spent: entity.spend.0, set: true };
        write_entity::<D>(&mut tx, sql::entities::INSERT_ENTITY, entity, opening, &mut news)
            .await?;
        let after = Some(audit::entity_state(entity));
        keys::audited::<D>(&mut tx, &object(entity), change, None, after).await?;
        self.entity_written(tx, (entity.kind, &entity.id), news).await
    }

    pub(super) async fn change_one_entity(
        &self,
        (kind, id): (Scope, &str),
        what: &EntityChange,
        change: &Change,
    ) -> Result<Option<ChangedEntity>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let Some(before) = locked_entity::<D>(&mut tx, kind, id).await? else { return Ok(None) };
        let mut entity = before.clone();
        what.apply(&mut entity, change);
        let opening = Opening { at: change.at, spent: entity.spend.0, set: what.spend.is_some() };
        let mut news = Affected::default();
        write_entity::<D>(&mut tx, sql::entities::UPDATE_ENTITY, &entity, opening, &mut news)
            .await?;
        let states = (Some(audit::entity_state(&before)), Some(audit::entity_state(&entity)));
        keys::audited::<D>(&mut tx, &object(&entity), change, states.0, states.1).await?;
        Ok(Some(self.entity_written(tx, (kind, id), news).await?))
    }

    /// Deletes those that exist, with what cannot be without them: keys of users, teams and their
    /// members, members of teams and organisations, teams of organisations. Returns the ids of
    /// all but members.
    pub(super) async fn delete_some_entities(
        &self,
        kind: Scope,
        ids: &[String],
        change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let mut news = Affected::default();
        let (mut deleted, mut any) = (Vec::new(), false);
        let mut left: Vec<(Scope, String)> = ids.iter().map(|id| (kind, id.clone())).collect();
        while let Some((kind, id)) = left.pop() {
            let Some(before) = locked_entity::<D>(&mut tx, kind, &id).await? else { continue };
            left.extend(parts_of::<D>(&mut tx, kind, &id).await?);
            for hash in told::keys_of::<D>(&mut tx, kind, &id, u32::MAX).await? {
                keys::delete_one::<D>(&mut tx, &hash, change, &mut news).await?;
            }
            let args = vec![kind.as_str().into(), id.as_str().into()];
            D::run(&mut tx, sql::entities::DELETE_ENTITY.into_sql_str(), args).await?;
            let opening = Opening { at: change.at, spent: 0, set: false };
            follow_limits::<D>(&mut tx, (kind, &id), &Limits::default(), opening, &mut news)
                .await?;
            let state = Some(audit::entity_state(&before));
            keys::audited::<D>(&mut tx, &object(&before), change, state, None).await?;
            news.entity(kind, &id);
            any = true;
            if !matches!(kind, Scope::TeamMember | Scope::OrganizationMember) {
                deleted.push(id);
            }
        }
        if any {
            let revision = database::next_revision::<D>(&mut tx).await?;
            let news = news.told::<D>(&mut tx, revision).await?;
            self.commit(tx, &news).await?;
        }
        Ok(deleted)
    }

    /// Ends a change of one entity, and tells whoever has to know.
    async fn entity_written(
        &self,
        mut tx: D::Tx,
        (kind, id): (Scope, &str),
        mut news: Affected,
    ) -> Result<ChangedEntity, StoreError> {
        let entity = locked_entity::<D>(&mut tx, kind, id).await?;
        let entity = entity.ok_or(StoreError::Inconsistent { column: "id", row: id.to_owned() })?;
        news.add::<D>(&mut tx, kind, id).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        Ok(ChangedEntity { entity, revision })
    }
}

/// Returns what cannot be without something: its members, and the teams of an organisation.
async fn parts_of<D: Driver>(
    tx: &mut D::Tx,
    kind: Scope,
    id: &str,
) -> Result<Vec<(Scope, String)>, StoreError> {
    let statement = match kind {
        Scope::User => sql::entities::PARTS_OF_USER,
        Scope::Team => sql::entities::PARTS_OF_TEAM,
        Scope::Organization => sql::entities::PARTS_OF_ORGANIZATION,
        Scope::TeamMember
        | Scope::OrganizationMember
        | Scope::Key
        | Scope::Customer
        | Scope::Tag
        | Scope::Provider
        | Scope::Model => return Ok(Vec::new()),
    };
    let mut parts = Vec::new();
    for row in D::run(tx, statement.into_sql_str(), vec![id.into()]).await? {
        let row = Fields::<D>(&row);
        parts.extend(Scope::parse(&row.text("kind")?).zip(Some(row.text("id")?)));
    }
    Ok(parts)
}

/// Reads one inside of a transaction; writers take turns, so nobody changes it before commit.
pub(super) async fn locked_entity<D: Driver>(
    tx: &mut D::Tx,
    kind: Scope,
    id: &str,
) -> Result<Option<Entity>, StoreError> {
    let args = vec![kind.as_str().into(), id.into()];
    let rows = D::run(tx, sql::entities::ENTITY.into_sql_str(), args).await?;
    rows.first().map(|row| Fields::<D>(row).entity()).transpose()
}

/// Writes one and brings its meters up to date.
pub(super) async fn write_entity<D: Driver>(
    tx: &mut D::Tx,
    statement: &'static str,
    entity: &Entity,
    opening: Opening,
    news: &mut Affected,
) -> Result<(), StoreError> {
    let limits = effective_limits::<D>(tx, &entity.limits, entity.budget_id.as_ref()).await?;
    let stamps = &entity.stamps;
    let args: Vec<Value> = vec![
        entity.kind.as_str().into(),
        entity.id.as_str().into(),
        (&entity.alias).into(),
        (&entity.email).into(),
        (&entity.organization_id).into(),
        (&entity.budget_id).into(),
        serde_json::json!(entity.models).to_string().into(),
        serde_json::json!(entity.metadata).to_string().into(),
        serde_json::json!(entity.details).to_string().into(),
        stored_limits::write(&entity.limits).into(),
        entity.limits.max_budget.map(|amount| amount.0).into(),
        (&window_name(&limits)).into(),
        entity.spend.0.into(),
        entity.blocked.map(i64::from).into(),
        stamps.created_at.as_micros().into(),
        stamps.created_by.as_str().into(),
        stamps.updated_at.as_micros().into(),
        stamps.updated_by.as_str().into(),
        (&entity.team_id).into(),
        (&entity.user_id).into(),
    ];
    match D::run(tx, statement.into_sql_str(), args).await {
        Ok(_) => follow_limits::<D>(tx, (entity.kind, &entity.id), &limits, opening, news).await,
        // The id is looked up before, so only the email can be taken.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(StoreError::Conflict { what: "email" })
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes the order, with the id last so that pages never overlap. What is not there comes last
/// in both databases.
fn order_by(sort: EntitySort, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    let column = match sort {
        EntitySort::CreatedAt => "entities.created_at_us",
        EntitySort::UpdatedAt => "entities.updated_at_us",
        EntitySort::Spend => "entities.spend_nanos",
        EntitySort::MaxBudget => "entities.max_budget_nanos",
        EntitySort::Id => "entities.id",
        EntitySort::Alias => "entities.alias",
        EntitySort::Email => "entities.email",
    };
    format!("ORDER BY {column} {direction} NULLS LAST, entities.id {direction}")
}

/// Names an entity in the audit log.
pub(super) fn object(entity: &Entity) -> String {
    format!("{}:{}", entity.kind.as_str(), entity.id)
}

/// Opening of a change that says nothing about spend.
pub(super) fn unspent(at: Timestamp, spent: i64) -> Opening {
    Opening { at, spent, set: false }
}
