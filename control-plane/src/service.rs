//! Use cases: everything that may be done, whoever asks. Brings time and randomness to the store
//! and tells filters when a key changed.

use std::sync::Arc;

use tollgate_core::key::KeyHash;

use crate::clock::Clock;
use crate::domain::{KeyPolicy, LedgerRecord};
use crate::store::{Store, StoreError};

/// Hears about keys that were changed, after the change was committed.
pub trait KeyEvents: Send + Sync + 'static {
    /// Tells whoever caches the key to forget it.
    fn key_changed(&self, hash: KeyHash, revision: u64);
}

/// The use cases.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    events: Arc<dyn KeyEvents>,
    master: Option<KeyHash>,
}

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The state this was read at; read before the key itself, so never too new.
    pub revision: u64,
    /// `None`: there is no such key.
    pub policy: Option<KeyPolicy>,
}

impl Service {
    /// Returns what a key may do; the master key may do everything.
    pub async fn resolve(&self, hash: &KeyHash) -> Result<Resolved, ServiceError> {
        let _ = (&self.clock, &self.events);
        let revision = self.store.revision().await?;
        if self.master.as_ref() == Some(hash) {
            return Ok(Resolved { revision, policy: Some(KeyPolicy::default()) });
        }
        let policy = self.store.key_by_hash(hash).await?.map(|key| key.policy());
        Ok(Resolved { revision, policy })
    }

    /// Stores a batch of usage, each record once, and returns how many of it are in the ledger
    /// now.
    pub async fn record_usage(&self, records: &[LedgerRecord]) -> Result<u64, ServiceError> {
        let recorded = self.store.record_usage(records).await?;
        for hash in recorded.exhausted {
            self.events.key_changed(hash, recorded.revision);
        }
        Ok(records.len() as u64)
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
    /// The database does not answer.
    #[error("store not available")]
    Unavailable(#[source] StoreError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what } => Self::Conflict(what),
            other @ (StoreError::Inconsistent { .. }
            | StoreError::Unavailable(_)
            | StoreError::Migration(_)) => Self::Unavailable(other),
        }
    }
}
