//! What the two databases do differently; everything else is written once, above it.

use async_trait::async_trait;
use sqlx::SqlStr;

/// A database that runs our statements.
#[async_trait]
pub(super) trait Driver: Send + Sync + 'static {
    /// A row of an answer.
    type Row: Send + Sync;
    /// A transaction that may write. Writers take turns.
    type Tx: Send;

    /// The statement that lists `table_name`, `column_name`, `kind` (TEXT or BIGINT) and
    /// `key_place` (its place in the primary key, from 1 on) of every column.
    const COLUMNS: &'static str;

    /// Writes a placeholder in statements for many rows.
    fn placeholder(number: usize) -> String;

    /// Runs a statement that reads, outside of any transaction.
    async fn read(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// Waits for its turn to write.
    async fn begin(&self) -> Result<Self::Tx, sqlx::Error>;

    /// Begins a transaction that reads one moment's state and waits for no writer.
    async fn snapshot(&self) -> Result<Self::Tx, sqlx::Error>;

    /// Runs a statement inside of a transaction.
    async fn run(
        tx: &mut Self::Tx,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// Tells other processes on the database something, when the transaction is committed. A
    /// database that only one process uses has nobody to tell.
    async fn notify(tx: &mut Self::Tx, note: String) -> Result<(), sqlx::Error>;

    /// Makes a transaction last. One that is dropped instead never happened.
    async fn commit(tx: Self::Tx) -> Result<(), sqlx::Error>;

    /// Ends all connections, after what is under way.
    async fn close(&self);

    /// Reads a TEXT column.
    fn text(row: &Self::Row, column: &str) -> Result<Option<String>, sqlx::Error>;

    /// Reads a BIGINT column.
    fn int(row: &Self::Row, column: &str) -> Result<Option<i64>, sqlx::Error>;
}

/// A value bound to a statement: our tables know two types.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Int(Option<i64>),
}

impl From<String> for Value {
    /// PostgreSQL refuses NUL in text. One record with a NUL in its `user` must not keep its
    /// whole batch out of the ledger for ever.
    fn from(text: String) -> Self {
        Self::Text(Some(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.as_deref().map_or(Self::Text(None), Self::from)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    /// Counters stop at the largest BIGINT.
    fn from(number: u64) -> Self {
        Self::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(Some(i64::from(flag)))
    }
}
