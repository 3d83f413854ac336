//! PostgreSQL: for several control planes.

mod listener;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Row, SqlStr, Transaction};

use self::listener::Listener;
use crate::store::driver::{Driver, Value};
use crate::store::{Newsroom, StoreError};

/// Begins a transaction that writes, in one round trip. Writers of all control planes take turns
/// with a lock whose name is "tollgate" in ASCII.
const BEGIN: &str = "BEGIN; SELECT pg_advisory_xact_lock(8390043843661231205)";

/// A pool of connections, and one that listens.
pub(super) struct Postgres {
    pool: PgPool,
    _listener: Listener,
}

impl Postgres {
    /// Connects and migrates; several processes may do so at once (the migrator locks). What
    /// other control planes tell from then on goes to the newsroom.
    pub(super) async fn open(url: &str, newsroom: Newsroom) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Self { pool, _listener: Listener::start(options, newsroom).await? })
    }
}

#[async_trait]
impl Driver for Postgres {
    type Row = PgRow;
    type Tx = Transaction<'static, sqlx::Postgres>;

    const COLUMNS: &'static str = "SELECT c.relname::TEXT AS table_name,
    a.attname::TEXT AS column_name, upper(format_type(a.atttypid, a.atttypmod)) AS kind,
    COALESCE((SELECT k.place FROM pg_index i, unnest(i.indkey::INT2[]) WITH ORDINALITY k (num, place)
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.num = a.attnum), 0) AS key_place
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relname <> '_sqlx_migrations'";

    fn placeholder(number: usize) -> String {
        format!("${number}")
    }

    async fn read(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<PgRow>, sqlx::Error> {
        bound(sql, args).fetch_all(&self.pool).await
    }

    async fn begin(&self) -> Result<Self::Tx, sqlx::Error> {
        self.pool.begin_with(BEGIN).await
    }

    async fn snapshot(&self) -> Result<Self::Tx, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        sqlx::query(isolation).execute(&mut *tx).await?;
        Ok(tx)
    }

    async fn run(
        tx: &mut Self::Tx,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        bound(sql, args).fetch_all(&mut **tx).await
    }

    async fn notify(tx: &mut Self::Tx, note: String) -> Result<(), sqlx::Error> {
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(listener::CHANNEL).bind(note);
        notify.execute(&mut **tx).await.map(drop)
    }

    async fn commit(tx: Self::Tx) -> Result<(), sqlx::Error> {
        tx.commit().await
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    fn text(row: &PgRow, column: &str) -> Result<Option<String>, sqlx::Error> {
        row.try_get(column)
    }

    fn int(row: &PgRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }
}

fn bound<'q>(sql: SqlStr, args: Vec<Value>) -> sqlx::query::Query<'q, sqlx::Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Value::Text(text) => query.bind(text),
        Value::Int(number) => query.bind(number),
    })
}
