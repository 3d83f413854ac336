//! The management API as the tests use it.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::Client;
use crate::eventually;

/// A key that a test made.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key itself.
    pub secret: String,
}

/// A row of the ledger, as `/spend/logs` shows it.
pub type Row = Value;

/// Returns what the ledger knows a key by.
pub fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Makes a key.
pub(crate) async fn generate_key(admin: &Client, fields: &Value) -> Key {
    let mut answer = admin.post("/key/generate", fields).send().await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await);
    let secret = answer.json().await["key"].as_str().expect("no key in the answer").to_owned();
    Key { secret }
}

/// Reads a key's rows.
pub(crate) async fn rows(admin: &Client, key: &Key) -> Vec<Row> {
    let hash = hash_of(&key.secret);
    let mut answer = admin.get(&format!("/spend/logs?api_key={hash}")).send().await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await);
    answer.json().await.as_array().expect("no list of rows").clone()
}

/// Waits until a key has this many rows, and fails when it has more.
pub(crate) async fn await_rows(admin: &Client, key: &Key, count: usize) -> Vec<Row> {
    let what = format!("{count} rows in the ledger");
    let rows = eventually(&what, async || {
        let rows = rows(admin, key).await;
        (rows.len() >= count).then_some(rows)
    })
    .await;
    assert_eq!(rows.len(), count, "{}", json!(rows));
    rows
}
