//! Everything in one database, copied into another that is empty, of whichever kind.
//!
//! It is one transaction of the target: what fails on the way has never been there.

mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use self::table::Table;
use crate::domain::Secret;
use crate::store::driver::Driver;
use crate::store::news::Newsroom;
use crate::store::{StoreError, postgres, sqlite};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Rows, by table.
    pub rows: BTreeMap<String, u64>,
    /// What the ledger's records cost together, in nano-dollars.
    pub cost_nanos: i64,
    /// Their tokens.
    pub tokens: i64,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is no such file.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// Both URLs are the same.
    #[error("source and target are the same database")]
    Same,
    /// The target has rows already.
    #[error("the target is not empty: it has rows in {0}; give it a database of its own")]
    Filled(String),
    /// The two are not of the same version.
    #[error("source and target have not the same tables: {0}")]
    Differ(String),
    /// What arrived is not what was sent.
    #[error("{what}: {sent} in the source, {arrived} in the target; nothing was copied")]
    Lost {
        /// What was compared.
        what: String,
        /// What the source has.
        sent: i64,
        /// What the target got.
        arrived: i64,
    },
    /// A database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement failed.
    #[error("a statement failed")]
    Sql(#[from] sqlx::Error),
}

/// Copies everything. Both are brought up to date first.
///
/// # Errors
/// When the target is not empty, or something fails; the target then has nothing.
pub async fn copy(from: &Secret, to: &Secret) -> Result<Copied, CopyError> {
    if from.expose() == to.expose() {
        return Err(CopyError::Same);
    }
    if let Some(file) = from.expose().strip_prefix("sqlite:")
        && !PathBuf::from(file).is_file()
    {
        return Err(CopyError::Missing(file.into()));
    }
    if from.expose().starts_with("sqlite:") {
        let source = sqlite::Sqlite::open(from.expose()).await?;
        return copy_from(source, to).await;
    }
    copy_from(postgres::Postgres::open(from.expose(), Newsroom::default()).await?, to).await
}

async fn copy_from<A: Driver>(source: A, to: &Secret) -> Result<Copied, CopyError> {
    if to.expose().starts_with("sqlite:") {
        return between(source, sqlite::Sqlite::open(to.expose()).await?).await;
    }
    between(source, postgres::Postgres::open(to.expose(), Newsroom::default()).await?).await
}

async fn between<A: Driver, B: Driver>(source: A, target: B) -> Result<Copied, CopyError> {
    let copied = copy_all(&source, &target).await;
    source.close().await;
    target.close().await;
    copied
}

async fn copy_all<A: Driver, B: Driver>(source: &A, target: &B) -> Result<Copied, CopyError> {
    // What is written meanwhile is not seen: the copy is of one moment.
    let mut sent = source.snapshot().await?;
    let mut arrived = target.begin().await?;
    let tables = Table::all::<A>(&mut sent).await?;
    let others = Table::all::<B>(&mut arrived).await?;
    if let Some(difference) = table::difference(&tables, &others) {
        return Err(CopyError::Differ(difference));
    }
    for table in &tables {
        if table.is_seeded() {
            run::<B>(&mut arrived, format!("DELETE FROM {}", table.quoted())).await?;
        } else if table.count::<B>(&mut arrived).await? > 0 {
            return Err(CopyError::Filled(table.name.clone()));
        }
    }
    let mut rows = BTreeMap::new();
    for table in &tables {
        table.copy::<A, B>(&mut sent, &mut arrived).await?;
        let (before, after) =
            (table.count::<A>(&mut sent).await?, table.count::<B>(&mut arrived).await?);
        same(&format!("rows of {}", table.name), before, after)?;
        rows.insert(table.name.clone(), u64::try_from(before).unwrap_or_default());
    }
    let (cost_nanos, tokens) = sums::<A>(&mut sent).await?;
    let (cost_there, tokens_there) = sums::<B>(&mut arrived).await?;
    same("nano-dollars in the ledger", cost_nanos, cost_there)?;
    same("tokens in the ledger", tokens, tokens_there)?;
    B::commit(arrived).await?;
    Ok(Copied { rows, cost_nanos, tokens })
}

/// Adds up what the ledger's records cost, and their tokens.
async fn sums<D: Driver>(tx: &mut D::Tx) -> Result<(i64, i64), CopyError> {
    let sum = |column: &str| format!("CAST(COALESCE(SUM({column}), 0) AS BIGINT)");
    let (cost, tokens) = (sum("cost_nanos"), sum("total_tokens"));
    let rows = run::<D>(tx, format!("SELECT {cost} AS cost, {tokens} AS tokens FROM ledger"));
    let rows = rows.await?;
    let Some(row) = rows.first() else { return Ok((0, 0)) };
    Ok((D::int(row, "cost")?.unwrap_or_default(), D::int(row, "tokens")?.unwrap_or_default()))
}

/// Runs a statement that is made of names of our own tables.
async fn run<D: Driver>(tx: &mut D::Tx, sql: String) -> Result<Vec<D::Row>, sqlx::Error> {
    D::run(tx, AssertSqlSafe(sql).into_sql_str(), Vec::new()).await
}

fn same(what: &str, sent: i64, arrived: i64) -> Result<(), CopyError> {
    if sent == arrived { Ok(()) } else { Err(CopyError::Lost { what: what.into(), sent, arrived }) }
}
