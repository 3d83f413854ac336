//! Who has to hear of a change that is not about one key alone.

use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;

use crate::domain::Scope;
use crate::store::driver::Driver;
use crate::store::news::{News, changes_of, moves_of};
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

/// What a change put out of date.
#[derive(Debug, Default)]
pub(super) struct Affected {
    /// Keys that answer differently now.
    pub(super) keys: Vec<KeyHash>,
    /// Meters that are not what they were: whoever holds units of them reports, and whoever waits
    /// for some asks again.
    pub(super) moved: Vec<u64>,
    customers: Vec<String>,
    /// What every filter is told of.
    shared: bool,
    /// Too many keys to name.
    all_keys: bool,
}

impl Affected {
    /// Begins with a key.
    pub(super) fn of_key(hash: KeyHash) -> Self {
        Self { keys: vec![hash], ..Self::default() }
    }

    /// Notes that an entity changed, and which keys belong to it.
    pub(super) async fn add<D: Driver>(
        &mut self,
        tx: &mut D::Tx,
        kind: Scope,
        id: &str,
    ) -> Result<(), StoreError> {
        self.entity(kind, id);
        let keys = keys_of::<D>(tx, kind, id, MOST_KEYS + 1).await?;
        self.keys.extend(keys);
        Ok(())
    }

    /// Notes that an entity changed.
    pub(super) fn entity(&mut self, kind: Scope, id: &str) {
        match kind {
            Scope::Customer => {
                self.customers.push(id.to_owned());
                self.shared = true;
            }
            Scope::Tag => self.shared = true,
            Scope::Key
            | Scope::User
            | Scope::Team
            | Scope::TeamMember
            | Scope::Organization
            | Scope::OrganizationMember
            | Scope::Provider
            | Scope::Model => {}
        }
    }

    /// Says what has to be told: also to those who know a key by a hash that it had.
    pub(super) async fn told<D: Driver>(
        mut self,
        tx: &mut D::Tx,
        revision: u64,
    ) -> Result<Vec<News>, StoreError> {
        let any = D::run(tx, sql::renewals::ANY_FORMER.into_sql_str(), Vec::new()).await?;
        if !any.is_empty() && self.keys.len() <= MOST_KEYS as usize {
            for hash in self.keys.clone() {
                self.keys.extend(former_of::<D>(tx, &hash).await?);
            }
        }
        Ok(self.news(revision))
    }

    fn news(mut self, revision: u64) -> Vec<News> {
        self.all_keys |= self.keys.len() > MOST_KEYS as usize;
        let mut news = if self.all_keys {
            vec![News::KeysChanged { revision }]
        } else {
            changes_of(&self.keys, revision)
        };
        let customers = self.customers.into_iter();
        news.extend(customers.map(|customer| News::CustomerChanged { customer, revision }));
        if self.shared {
            news.push(News::SharedChanged { revision });
        }
        news.extend(moves_of(&self.moved, &self.moved));
        news
    }
}

/// Returns the hashes that a key had.
pub(super) async fn former_of<D: Driver>(
    tx: &mut D::Tx,
    hash: &KeyHash,
) -> Result<Vec<KeyHash>, StoreError> {
    let args = vec![hash.to_hex().into()];
    let rows = D::run(tx, sql::renewals::FORMER_OF.into_sql_str(), args).await?;
    rows.iter().map(|row| Fields::<D>(row).key_hash()).collect()
}

/// Returns keys that belong to an entity, at most `limit`.
pub(super) async fn keys_of<D: Driver>(
    tx: &mut D::Tx,
    kind: Scope,
    id: &str,
    limit: u32,
) -> Result<Vec<KeyHash>, StoreError> {
    let statement = match kind {
        Scope::User => sql::entities::KEYS_OF_USER,
        Scope::Team => sql::entities::KEYS_OF_TEAM,
        Scope::TeamMember => sql::entities::KEYS_OF_TEAM_MEMBER,
        Scope::Organization => sql::entities::KEYS_OF_ORGANIZATION,
        Scope::OrganizationMember
        | Scope::Key
        | Scope::Customer
        | Scope::Tag
        | Scope::Provider
        | Scope::Model => return Ok(Vec::new()),
    };
    let args = vec![id.into(), i64::from(limit).into()];
    let rows = D::run(tx, statement.into_sql_str(), args).await?;
    rows.iter().map(|row| Fields::<D>(row).key_hash()).collect()
}

/// More keys than this are not named one by one: filters ask for all of theirs again.
const MOST_KEYS: u32 = 500;
