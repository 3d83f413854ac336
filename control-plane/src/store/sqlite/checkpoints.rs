//! Moves what was committed from the log into the file, beside the writer.
//!
//! Left to itself, SQLite lets the writer do that at every thousandth page, and whoever waits for
//! that commit waits for the disk as well, several milliseconds instead of a tenth of one.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::store::StoreError;

/// The writer helps when the log is this long: it begins anew only when all of it was moved, and
/// under constant load nobody else ever catches up.
pub(super) const PAGES_LEFT_TO_THE_WRITER: &str = "16000";

const EVERY: Duration = Duration::from_millis(200);

/// A task with a connection of its own; it ends when this is dropped.
pub(super) struct Checkpoints {
    pub(super) pool: SqlitePool,
    task: JoinHandle<()>,
}

impl Checkpoints {
    pub(super) async fn start(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        let task = tokio::spawn(move_pages(pool.clone()));
        Ok(Self { pool, task })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn move_pages(pool: SqlitePool) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !pool.is_closed() {
        ticks.tick().await;
        // One that cannot be done now is done later, by us or by the writer.
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&pool).await {
            tracing::debug!(%error, "the log was not moved into the database file");
        }
    }
}
