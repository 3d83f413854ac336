//! What can go wrong in a store.

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken.
    #[error("{what} is taken")]
    Conflict {
        /// What, as domain types name it.
        what: &'static str,
    },
    /// A row cannot be what we wrote.
    #[error("{column} holds an impossible value in row {row}")]
    Inconsistent {
        /// The column.
        column: &'static str,
        /// What identifies the row.
        row: String,
    },
    /// An answer would be too large.
    #[error("more than {most} match")]
    TooMany {
        /// How many would do.
        most: u32,
    },
    /// The database does not answer as it should.
    #[error("database not available")]
    Unavailable(#[from] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
}
