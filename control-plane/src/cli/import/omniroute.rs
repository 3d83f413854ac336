//! OmniRoute's database, read into the form of its former `db.json`.

use std::path::Path;

use anyhow::Context;
use serde_yaml_ng::{Mapping, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Column as _, ConnectOptions as _, Connection as _, Row as _};

/// Reads the tables that are of use.
pub(super) fn read(file: &Path) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut database = options.connect().await.context("it is no database")?;
        let tree = tables(&mut database).await.context("it is no database of OmniRoute's");
        database.close().await?;
        tree
    })
}

async fn tables(database: &mut SqliteConnection) -> Result<Value, sqlx::Error> {
    let mut tree = Mapping::new();
    let lists = [
        ("providerConnections", "select * from provider_connections order by provider, priority"),
        ("providerNodes", "select * from provider_nodes order by id"),
        ("apiKeys", "select id, name from api_keys order by id"),
    ];
    for (name, statement) in lists {
        let rows = sqlx::query(statement).fetch_all(&mut *database).await?;
        tree.insert(name.into(), rows.iter().map(row).collect::<Vec<_>>().into());
    }
    let combos = sqlx::query("select data from combos order by name").fetch_all(&mut *database);
    let combos = combos.await?.into_iter().map(|row| json(&text(&row, "data")));
    tree.insert("combos".into(), combos.collect::<Vec<_>>().into());
    let pairs = sqlx::query("select namespace, key, value from key_value order by namespace, key");
    for row in pairs.fetch_all(&mut *database).await? {
        let section = tree.entry(text(&row, "namespace").into()).or_insert(Mapping::new().into());
        if let Some(section) = section.as_mapping_mut() {
            section.insert(text(&row, "key").into(), json(&text(&row, "value")));
        }
    }
    Ok(Value::Mapping(tree))
}

/// Makes a section of a row, with the names of `db.json`.
fn row(row: &SqliteRow) -> Value {
    let fields = row.columns().iter().map(|column| {
        let name = column.name();
        let number = row.try_get::<Option<i64>, _>(name).ok().flatten();
        let text = row.try_get::<Option<String>, _>(name).ok().flatten();
        let value = match (number, text) {
            (Some(number), _) if name == "is_active" => (number != 0).into(),
            (Some(number), _) => number.into(),
            (None, Some(text)) if name == "provider_specific_data" => json(&text),
            (None, Some(text)) => text.into(),
            (None, None) => Value::Null,
        };
        (Value::from(camel(name)), value)
    });
    Value::Mapping(fields.collect())
}

fn text(row: &SqliteRow, column: &str) -> String {
    row.try_get(column).unwrap_or_default()
}

/// Reads JSON; what is none stays a text.
fn json(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|_| text.into())
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let upper = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &upper.into_iter().chain(letters).collect::<String>()
    })
}
