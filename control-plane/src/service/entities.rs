//! Users, teams, organisations, customers, tags, and budgets that several of them share.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::{
    AddressLists, ApiKey, Edit, Entity, EntityChange, Limits, LimitsChange, Meter, Scope,
    SharedBudget, Stamps, member, model_list,
};
use crate::service::{Actor, Service, ServiceError};
use crate::store::{EntityPage, EntityQuery, KeyQuery, StoreError};

/// What is known about a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedCustomer {
    /// The state this was read at; read before the customer itself, so never too new.
    pub revision: u64,
    /// Whether it is blocked, and its meters. `None`: there is no such customer.
    pub customer: Option<(bool, Vec<Meter>)>,
}

/// Whom a key belongs to, and what that means for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Owners {
    pub(super) blocked: bool,
    pub(super) models: Vec<String>,
    /// Tags that their requests carry besides the key's.
    pub(super) tags: Vec<String>,
    pub(super) addresses: Vec<AddressLists>,
    pub(super) meters: Vec<Meter>,
}

impl Service {
    /// Returns what a customer may do.
    pub async fn resolve_customer(&self, id: &str) -> Result<ResolvedCustomer, ServiceError> {
        let revision = self.store.revision().await?;
        let Some(customer) = self.store.entity(Scope::Customer, id).await? else {
            return Ok(ResolvedCustomer { revision, customer: None });
        };
        let meters = self.store.meters(&[(Scope::Customer, id.to_owned())]).await?;
        let blocked = customer.blocked.unwrap_or(false);
        Ok(ResolvedCustomer { revision, customer: Some((blocked, meters)) })
    }

    /// Returns what those whom a key belongs to mean for it: what it counts for, which models it
    /// may call, and whether it is blocked with them.
    ///
    /// A user's limits hold for what they do by themselves, not for what they do in a team.
    pub(super) async fn owners_of(&self, key: &ApiKey) -> Result<Owners, ServiceError> {
        let mut owners = Owners { models: key.models.clone(), ..Owners::default() };
        let mut of = vec![(Scope::Key, key.hash.to_hex())];
        let mut organization = key.organization_id.clone();
        let owner = match (&key.team_id, &key.user_id) {
            (Some(team), _) => Some((Scope::Team, team)),
            (None, Some(user)) => Some((Scope::User, user)),
            (None, None) => None,
        };
        if let Some((kind, id)) = owner {
            of.push((kind, id.clone()));
            if let Some(entity) = self.store.entity(kind, id).await? {
                owners.admit(&entity);
                organization = organization.or(entity.organization_id);
            }
        }
        if let (Some(team), Some(user)) = (&key.team_id, key.owner()) {
            let id = member::id(user, team);
            if let Some(part) = self.store.entity(Scope::TeamMember, &id).await? {
                owners.admit(&part);
            }
            of.push((Scope::TeamMember, id));
        }
        if let Some(id) = organization {
            if let Some(entity) = self.store.entity(Scope::Organization, &id).await? {
                owners.admit(&entity);
            }
            of.push((Scope::Organization, id));
        }
        owners.meters = self.store.meters(&of).await?;
        Ok(owners)
    }

    /// Looks one up.
    pub async fn entity(&self, kind: Scope, id: &str) -> Result<Option<Entity>, ServiceError> {
        Ok(self.store.entity(kind, id).await?)
    }

    /// Lists some.
    pub async fn entities(&self, query: &EntityQuery) -> Result<EntityPage, ServiceError> {
        Ok(self.store.entities(query).await?)
    }

    /// Returns all keys of a user or team.
    pub async fn keys_of(&self, kind: Scope, id: &str) -> Result<Vec<ApiKey>, ServiceError> {
        let page = self.store.keys(&keys_query(kind, id, u32::MAX)).await?;
        Ok(page.keys.into_iter().map(|listed| listed.key).collect())
    }

    /// Returns all keys of some teams.
    pub async fn keys_of_teams(&self, teams: &[String]) -> Result<Vec<ApiKey>, ServiceError> {
        let mut keys = Vec::new();
        for teams in teams.chunks(AT_ONCE) {
            let query =
                KeyQuery { teams: Some(teams.to_vec()), limit: u32::MAX, ..KeyQuery::default() };
            let page = self.store.keys(&query).await?;
            keys.extend(page.keys.into_iter().map(|listed| listed.key));
        }
        Ok(keys)
    }

    /// Counts the keys of each of some users.
    pub async fn count_keys(&self, users: &[String]) -> Result<HashMap<String, u64>, ServiceError> {
        let mut counts = HashMap::with_capacity(users.len());
        for users in users.chunks(AT_ONCE) {
            counts.extend(self.store.count_keys(users).await?);
        }
        Ok(counts)
    }

    /// Returns the budget that something shares.
    pub async fn budget_of(&self, entity: &Entity) -> Result<Option<SharedBudget>, ServiceError> {
        match &entity.budget_id {
            Some(id) => Ok(self.store.budget(id).await?),
            None => Ok(None),
        }
    }

    /// Makes one. Without an id it gets a random one.
    pub async fn new_entity(
        &self,
        kind: Scope,
        id: Option<String>,
        what: &EntityChange,
        actor: &Actor,
    ) -> Result<Entity, ServiceError> {
        self.check_entity(what).await?;
        let id = id.unwrap_or_else(|| self.random_id());
        check_id(kind, &id)?;
        let change = self.change(action(kind, Deed::New), actor);
        let mut entity = Entity::new(kind, id, &change);
        what.apply(&mut entity, &change);
        let added = self.store.add_entity(&entity, &change).await;
        Ok(added.map_err(|error| named(error, kind))?.entity)
    }

    /// Makes a user a member of a team or an organisation, in a role.
    pub async fn new_member(
        &self,
        (kind, of): (Scope, &str),
        (user, role): (&str, &str),
        what: &EntityChange,
        actor: &Actor,
    ) -> Result<Entity, ServiceError> {
        self.check_entity(what).await?;
        let change = self.change(action(kind, Deed::New), actor);
        let mut part = Entity::member((kind, of), (user, role), &change);
        what.apply(&mut part, &change);
        let added = self.store.add_entity(&part, &change).await;
        Ok(added.map_err(|error| named(error, kind))?.entity)
    }

    /// Changes what is given. `None`: there is none.
    pub async fn update_entity(
        &self,
        kind: Scope,
        id: &str,
        what: &EntityChange,
        actor: &Actor,
    ) -> Result<Option<Entity>, ServiceError> {
        self.check_entity(what).await?;
        let change = self.change(action(kind, Deed::Update), actor);
        let changed = self.store.change_entity((kind, id), what, &change).await;
        Ok(changed.map_err(|error| named(error, kind))?.map(|changed| changed.entity))
    }

    /// Blocks one, or opens it again. `None`: there is none.
    pub async fn block_entity(
        &self,
        kind: Scope,
        id: &str,
        blocked: bool,
        actor: &Actor,
    ) -> Result<Option<Entity>, ServiceError> {
        let what = EntityChange { blocked: Some(blocked), ..EntityChange::default() };
        let deed = if blocked { Deed::Block } else { Deed::Unblock };
        let change = self.change(action(kind, deed), actor);
        let changed = self.store.change_entity((kind, id), &what, &change).await?;
        Ok(changed.map(|changed| changed.entity))
    }

    /// Deletes some with all that belongs to them, and returns the ids of what is gone.
    pub async fn delete_entities(
        &self,
        kind: Scope,
        ids: &[String],
        actor: &Actor,
    ) -> Result<Vec<String>, ServiceError> {
        let change = self.change(action(kind, Deed::Delete), actor);
        Ok(self.store.delete_entities(kind, ids, &change).await?)
    }

    /// Looks up a budget that several things share.
    pub async fn budget(&self, id: &str) -> Result<Option<SharedBudget>, ServiceError> {
        Ok(self.store.budget(id).await?)
    }

    /// Returns all budgets, oldest first.
    pub async fn budgets(&self) -> Result<Vec<SharedBudget>, ServiceError> {
        Ok(self.store.budgets().await?)
    }

    /// Makes a budget. Without an id it gets a random one.
    pub async fn new_budget(
        &self,
        id: Option<String>,
        limits: &LimitsChange,
        actor: &Actor,
    ) -> Result<SharedBudget, ServiceError> {
        limits.check()?;
        let id = id.unwrap_or_else(|| self.random_id());
        check_name("budget_id", &id)?;
        let change = self.change("budget.new", actor);
        let mut budget =
            SharedBudget { id, limits: Limits::default(), stamps: Stamps::of(&change) };
        limits.apply(&mut budget.limits);
        self.store.add_budget(&budget, &change).await?;
        Ok(budget)
    }

    /// Changes a budget and with it the limits of all that share it.
    pub async fn update_budget(
        &self,
        id: &str,
        limits: &LimitsChange,
        actor: &Actor,
    ) -> Result<Option<SharedBudget>, ServiceError> {
        limits.check()?;
        let change = self.change("budget.update", actor);
        Ok(self.store.change_budget(id, limits, &change).await?)
    }

    /// Deletes a budget.
    pub async fn delete_budget(
        &self,
        id: &str,
        actor: &Actor,
    ) -> Result<Option<SharedBudget>, ServiceError> {
        let change = self.change("budget.delete", actor);
        Ok(self.store.delete_budget(id, &change).await?)
    }

    /// Refuses the name of a budget that is not there.
    pub(super) async fn check_budget_id(&self, id: &Edit<String>) -> Result<(), ServiceError> {
        let Some(id) = id.as_value() else { return Ok(()) };
        match self.store.budget(id).await? {
            Some(_) => Ok(()),
            None => Err(ServiceError::invalid("budget_id", "names no budget")),
        }
    }

    async fn check_entity(&self, what: &EntityChange) -> Result<(), ServiceError> {
        what.limits.check()?;
        crate::domain::limits::amount("spend", what.spend)?;
        for (field, name) in [
            ("alias", &what.alias),
            ("user_email", &what.email),
            ("organization_id", &what.organization_id),
        ] {
            name.as_value().map_or(Ok(()), |name| check_name(field, name))?;
        }
        self.check_budget_id(&what.budget_id).await
    }

    /// A random id in the form of a UUID, as LiteLLM's are.
    fn random_id(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        let mut id = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            let byte = match at {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => *byte,
            };
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(id, "{dash}{byte:02x}");
        }
        id
    }
}

impl Owners {
    /// Takes over what an owner means for its keys.
    fn admit(&mut self, owner: &Entity) {
        self.blocked |= owner.blocked.unwrap_or(false);
        self.models = model_list::both(&self.models, &owner.models);
        let tags = owner.metadata.get("tags").and_then(Value::as_array).into_iter().flatten();
        self.tags.extend(tags.filter_map(Value::as_str).map(str::to_owned));
        self.addresses.push(AddressLists::in_metadata(&owner.metadata));
    }
}

fn keys_query(kind: Scope, id: &str, limit: u32) -> KeyQuery {
    let of = |scope| (kind == scope).then(|| id.to_owned());
    KeyQuery {
        user_id: of(Scope::User),
        team_id: of(Scope::Team),
        organization_id: of(Scope::Organization),
        limit,
        ..KeyQuery::default()
    }
}

#[derive(Clone, Copy)]
enum Deed {
    New,
    Update,
    Block,
    Unblock,
    Delete,
}

/// Names what is done in the audit log.
fn action(kind: Scope, deed: Deed) -> &'static str {
    match (kind, deed) {
        (Scope::User, Deed::New) => "user.new",
        (Scope::User, Deed::Update) => "user.update",
        (Scope::User, Deed::Delete) => "user.delete",
        (Scope::Team, Deed::New) => "team.new",
        (Scope::Team, Deed::Update) => "team.update",
        (Scope::Team, Deed::Block) => "team.block",
        (Scope::Team, Deed::Unblock) => "team.unblock",
        (Scope::Team, Deed::Delete) => "team.delete",
        (Scope::TeamMember, Deed::New) => "team.member_add",
        (Scope::TeamMember, Deed::Update) => "team.member_update",
        (Scope::TeamMember, Deed::Delete) => "team.member_delete",
        (Scope::OrganizationMember, Deed::New) => "organization.member_add",
        (Scope::OrganizationMember, Deed::Update) => "organization.member_update",
        (Scope::OrganizationMember, Deed::Delete) => "organization.member_delete",
        (Scope::Organization, Deed::New) => "organization.new",
        (Scope::Organization, Deed::Update) => "organization.update",
        (Scope::Organization, Deed::Delete) => "organization.delete",
        (Scope::Customer, Deed::New) => "customer.new",
        (Scope::Customer, Deed::Update) => "customer.update",
        (Scope::Customer, Deed::Block) => "customer.block",
        (Scope::Customer, Deed::Unblock) => "customer.unblock",
        (Scope::Customer, Deed::Delete) => "customer.delete",
        (Scope::Tag, Deed::New) => "tag.new",
        (Scope::Tag, Deed::Update) => "tag.update",
        (Scope::Tag, Deed::Delete) => "tag.delete",
        (_, Deed::New) => "new",
        (_, Deed::Update) => "update",
        (_, Deed::Block) => "block",
        (_, Deed::Unblock) => "unblock",
        (_, Deed::Delete) => "delete",
    }
}

fn check_id(kind: Scope, id: &str) -> Result<(), ServiceError> {
    check_name(id_field(kind), id)
}

fn check_name(field: &'static str, name: &str) -> Result<(), ServiceError> {
    if (1..=MAX_NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(ServiceError::invalid(field, format!("may be at most {MAX_NAME} bytes long")))
}

/// Says of a taken id what LiteLLM calls it.
fn named(error: StoreError, kind: Scope) -> StoreError {
    if matches!(error, StoreError::Conflict { what: "id" }) {
        return StoreError::Conflict { what: id_field(kind) };
    }
    error
}

/// What LiteLLM calls the id.
fn id_field(kind: Scope) -> &'static str {
    match kind {
        Scope::Team => "team_id",
        Scope::Organization => "organization_id",
        Scope::Tag => "name",
        Scope::User
        | Scope::TeamMember
        | Scope::OrganizationMember
        | Scope::Customer
        | Scope::Key
        | Scope::Provider
        | Scope::Model => "user_id",
    }
}

/// Longest name, in bytes: PostgreSQL indexes about 2700.
const MAX_NAME: usize = 255;

/// So many ids stand in one statement.
pub(super) const AT_ONCE: usize = 500;
