//! Where keys, the ledger and the audit log live.
//!
//! One trait, one SQL text, two databases. A transaction never crosses the trait: what belongs
//! together is one method. The store makes no ids and reads no clock.

use async_trait::async_trait;
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, LedgerRecord};

/// Keeps keys, the ledger and the audit log.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Looks a key up by its hash. `None` when there is none.
    async fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;

    /// Returns the number of the last change that was committed.
    async fn revision(&self) -> Result<u64, StoreError>;

    /// Adds records to the ledger and their cost to their keys, in one transaction. Records that
    /// are there already change nothing.
    async fn record_usage(&self, records: &[LedgerRecord]) -> Result<Recorded, StoreError>;
}

/// What storing a batch of usage did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Records that were new.
    pub added: u64,
    /// Keys whose spend reached their budget by this batch.
    pub exhausted: Vec<KeyHash>,
    /// Revision of this change.
    pub revision: u64,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken.
    #[error("{what} is taken")]
    Conflict {
        /// The column.
        what: &'static str,
    },
    /// A row cannot be what we wrote.
    #[error("{table}.{column} holds an impossible value")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database does not answer as it should.
    #[error("database not available")]
    Unavailable(#[source] sqlx::Error),
}
