//! SQLite: one file, one writer, readers that never wait for it.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlStr, Transaction};

use crate::store::StoreError;
use crate::store::driver::{Driver, Value};

mod checkpoints;

use checkpoints::{Checkpoints, PAGES_LEFT_TO_THE_WRITER};

/// A file, opened for one writer and some readers.
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    checkpoints: Checkpoints,
}

impl Sqlite {
    /// Opens the file, makes it when it does not exist, and migrates it.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit survives the death of the process; only the machine's own may lose the
            // last ones. Waiting for the disk each time would be far slower.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            // The default cache of 2 MB is too small for the indexes of 100,000 keys.
            .pragma("cache_size", "-32768")
            .pragma("mmap_size", "268435456")
            .pragma("wal_autocheckpoint", PAGES_LEFT_TO_THE_WRITER)
            .foreign_keys(true);
        if let Some(folder) = options.get_filename().parent() {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.clone().read_only(true))
            .await?;
        let checkpoints = Checkpoints::start(options).await?;
        Ok(Self { writer, readers, checkpoints })
    }
}

#[async_trait]
impl Driver for Sqlite {
    type Row = SqliteRow;
    type Tx = Transaction<'static, sqlx::Sqlite>;

    const COLUMNS: &'static str = "SELECT m.name AS table_name, c.name AS column_name,
    c.type AS kind, c.pk AS key_place FROM sqlite_master m JOIN pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'";

    fn placeholder(_number: usize) -> String {
        "?".to_owned()
    }

    async fn read(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<SqliteRow>, sqlx::Error> {
        bound(sql, args).fetch_all(&self.readers).await
    }

    async fn begin(&self) -> Result<Self::Tx, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    async fn snapshot(&self) -> Result<Self::Tx, sqlx::Error> {
        self.readers.begin().await
    }

    async fn run(
        tx: &mut Self::Tx,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        bound(sql, args).fetch_all(&mut **tx).await
    }

    async fn notify(_tx: &mut Self::Tx, _note: String) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn commit(tx: Self::Tx) -> Result<(), sqlx::Error> {
        tx.commit().await
    }

    async fn close(&self) {
        // The last connection to leave empties the log into the file, and readers may not write.
        self.readers.close().await;
        self.checkpoints.pool.close().await;
        self.writer.close().await;
    }

    fn text(row: &SqliteRow, column: &str) -> Result<Option<String>, sqlx::Error> {
        row.try_get(column)
    }

    fn int(row: &SqliteRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }
}

fn bound<'q>(
    sql: SqlStr,
    args: Vec<Value>,
) -> sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Value::Text(text) => query.bind(text),
        Value::Int(number) => query.bind(number),
    })
}
