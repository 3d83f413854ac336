//! A table, as the database describes it.

use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use crate::store::copy::{CopyError, run};
use crate::store::driver::{Driver, Value};

/// A table of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// By name.
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    name: String,
    number: bool,
    /// Its place in the primary key, from 1 on. 0: it is not in it.
    key: i64,
}

impl Table {
    /// Returns all tables, by name.
    pub(super) async fn all<D: Driver>(tx: &mut D::Tx) -> Result<Vec<Self>, CopyError> {
        let mut tables: Vec<Self> = Vec::new();
        let rows = D::run(tx, D::COLUMNS.into_sql_str(), Vec::new()).await?;
        for row in &rows {
            let text = |name: &str| Ok::<_, sqlx::Error>(D::text(row, name)?.unwrap_or_default());
            let name = text("table_name")?;
            let column = Column {
                name: text("column_name")?,
                number: text("kind")? == "BIGINT",
                key: D::int(row, "key_place")?.unwrap_or_default(),
            };
            match tables.iter_mut().find(|table| table.name == name) {
                Some(table) => table.columns.push(column),
                None => tables.push(Self { name, columns: vec![column] }),
            }
        }
        for table in &mut tables {
            table.columns.sort();
        }
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tables)
    }

    /// Tells whether a new database has a row in it.
    pub(super) fn is_seeded(&self) -> bool {
        SEEDED.contains(&self.name.as_str())
    }

    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    pub(super) async fn count<D: Driver>(&self, tx: &mut D::Tx) -> Result<i64, CopyError> {
        let rows = run::<D>(tx, format!("SELECT COUNT(*) AS n FROM {}", self.quoted())).await?;
        Ok(rows.first().map(|row| D::int(row, "n")).transpose()?.flatten().unwrap_or_default())
    }

    /// Copies all rows, in the order of the primary key.
    pub(super) async fn copy<A: Driver, B: Driver>(
        &self,
        sent: &mut A::Tx,
        arrived: &mut B::Tx,
    ) -> Result<(), CopyError> {
        let mut after = Vec::new();
        loop {
            let page = self.page::<A>(&after);
            let rows = A::run(sent, AssertSqlSafe(page).into_sql_str(), after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = self.key().iter().map(|it| value::<A>(last, it)).collect::<Result<_, _>>()?;
            for part in rows.chunks(MOST_VALUES / self.columns.len().max(1)) {
                self.insert::<A, B>(part, arrived).await?;
            }
        }
    }

    async fn insert<A: Driver, B: Driver>(
        &self,
        rows: &[A::Row],
        arrived: &mut B::Tx,
    ) -> Result<(), CopyError> {
        let mut args = Vec::with_capacity(rows.len() * self.columns.len());
        let mut groups = Vec::with_capacity(rows.len());
        for row in rows {
            let mut group = Vec::with_capacity(self.columns.len());
            for column in &self.columns {
                args.push(value::<A>(row, column)?);
                group.push(B::placeholder(args.len()));
            }
            groups.push(format!("({})", group.join(", ")));
        }
        let (table, columns) = (self.quoted(), quoted(self.columns.iter()));
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {}", groups.join(", "));
        B::run(arrived, AssertSqlSafe(sql).into_sql_str(), args).await?;
        Ok(())
    }

    /// Writes the statement of the rows that follow a key.
    fn page<D: Driver>(&self, after: &[Value]) -> String {
        let (table, columns) = (self.quoted(), quoted(self.columns.iter()));
        let key = quoted(self.key().into_iter());
        let places: Vec<String> = (1..=after.len()).map(D::placeholder).collect();
        let beyond = match places.as_slice() {
            [] => String::new(),
            places => format!(" WHERE ({key}) > ({})", places.join(", ")),
        };
        let rows = if LARGE.contains(&self.name.as_str()) { FEW_ROWS } else { ROWS };
        format!("SELECT {columns} FROM {table}{beyond} ORDER BY {key} LIMIT {rows}")
    }

    /// Returns the columns of the primary key, in its order.
    fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|it| it.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key
    }
}

/// Says what one has and the other has not.
pub(super) fn difference(ours: &[Table], others: &[Table]) -> Option<String> {
    let lacking = |of: &[Table], than: &[Table]| {
        than.iter().find(|table| !of.contains(table)).map(|table| table.name.clone())
    };
    lacking(ours, others).or_else(|| lacking(others, ours))
}

fn quoted<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    columns.map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn value<D: Driver>(row: &D::Row, column: &Column) -> Result<Value, sqlx::Error> {
    if column.number {
        return D::int(row, &column.name).map(Value::Int);
    }
    Ok((&D::text(row, &column.name)?).into())
}

/// Tables in which migrations put a row.
const SEEDED: [&str; 2] = ["revision", "meter_id"];
/// Tables whose rows may be megabytes long.
const LARGE: [&str; 2] = ["kept_answers", "kept_vectors"];
const ROWS: usize = 1_000;
const FEW_ROWS: usize = 20;
/// Fewer than either database takes in a statement.
const MOST_VALUES: usize = 30_000;
