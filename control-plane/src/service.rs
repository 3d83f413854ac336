//! Use cases: everything that may be done, whoever asks. Brings time and randomness to the store,
//! which tells filters when a key changed.
//!
//! [`Service`] is the door; its methods stand in `service/`, by subject.

mod claims;
mod entities;
mod health;
mod holders;
mod items;
mod kept;
mod keys;
mod people;
pub mod resources;
mod sessions;
mod similar;
mod standing;
mod usage;
mod work;

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::ConstantTimeEq;
use tollgate_core::key::KeyHash;

use crate::clock::Clock;
use crate::domain::limits::InvalidLimit;
use crate::domain::{Change, Secret, Timestamp};
use crate::entropy::Entropy;
use crate::store::{Store, StoreError};
use crate::vault::Vault;

pub use crate::service::entities::ResolvedCustomer;
pub use crate::service::holders::{ROUND_SECONDS, Watchman};
pub use crate::service::items::{ChangedItem, ItemDraft};
pub use crate::service::kept::CacheStanding;
pub use crate::service::keys::{Generated, KeyFields, Resolved};
pub use crate::service::people::{Admission, Stranger};
pub use crate::service::sessions::SignedIn;
pub use crate::service::similar::{Recalled, SimilarFigures};
pub use crate::service::standing::role_of;

/// The use cases.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// The configuration's.
    master: Option<KeyHash>,
    /// The one that was made here, where the configuration names none.
    made: Arc<RwLock<Option<KeyHash>>>,
    vault: Vault,
    claims: claims::Claimed,
    cache: kept::Shared,
    similar: similar::Shared,
}

/// What a [`Service`] works with.
pub struct Parts {
    /// Where everything lives.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The key that may do everything. `None`: the configuration names none.
    pub master_key: Option<Secret>,
    /// Seals credentials of providers.
    pub vault: Vault,
}

/// On whose behalf something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub name: String,
    /// In which request.
    pub request_id: Option<String>,
}

impl Service {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, clock, entropy, master_key, vault } = parts;
        let master = master_key.map(|key| KeyHash::of(key.expose().as_bytes()));
        Self {
            store,
            clock,
            entropy,
            master,
            made: Arc::default(),
            vault,
            claims: claims::Claimed::default(),
            cache: kept::Shared::default(),
            similar: similar::Shared::default(),
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells whether there is a master key.
    pub fn has_master(&self) -> bool {
        self.any_master().is_some()
    }

    /// Tells whether this is the master key's hash, in constant time.
    pub fn is_master(&self, hash: &KeyHash) -> bool {
        self.any_master().is_some_and(|master| bool::from(master.as_bytes().ct_eq(hash.as_bytes())))
    }

    /// Looks which master key was made here, by whichever control plane. One that the
    /// configuration names counts instead.
    pub async fn follow_master(&self) -> Result<(), ServiceError> {
        if self.master.is_none() {
            let made = self.store.master_key().await?;
            *self.made.write().unwrap_or_else(PoisonError::into_inner) = made;
        }
        Ok(())
    }

    fn any_master(&self) -> Option<KeyHash> {
        self.master.or_else(|| *self.made.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), ServiceError> {
        Ok(self.store.ping().await?)
    }

    fn change(&self, action: &'static str, actor: &Actor) -> Change {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        let id = bytes.iter().fold(String::new(), |mut id, byte| {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        });
        let (at, request_id) = (self.now(), actor.request_id.clone());
        Change { id, at, actor: actor.name.clone(), action, request_id }
    }
}

/// Why a use case did not go through.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such thing.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Something unique is taken.
    #[error("{0} is taken")]
    Conflict(&'static str),
    /// A value cannot be accepted.
    #[error("{field}: {why}")]
    Invalid {
        /// The field, as callers name it.
        field: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// An answer would be too large.
    #[error("more than {most} match")]
    TooMany {
        /// How many would do.
        most: u32,
    },
    /// The database does not answer.
    #[error("store not available")]
    Unavailable(#[source] StoreError),
}

impl ServiceError {
    fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { field, why: why.into() }
    }
}

impl From<InvalidLimit> for ServiceError {
    fn from(InvalidLimit { field, why }: InvalidLimit) -> Self {
        Self::Invalid { field, why }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what } => Self::Conflict(what),
            StoreError::TooMany { most } => Self::TooMany { most },
            other @ (StoreError::Inconsistent { .. }
            | StoreError::Unavailable(_)
            | StoreError::Migration(_)) => Self::Unavailable(other),
        }
    }
}
