//! The management API as the tests use it.

use serde_json::Value;
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
#[derive(Debug, Clone)]
pub struct Row {
    /// Everything that is shown.
    pub json: Value,
}

impl Row {
    /// Returns the tokens of prompt, completion, and both.
    pub fn tokens(&self) -> (u64, u64, u64) {
        (
            self.number("prompt_tokens"),
            self.number("completion_tokens"),
            self.number("total_tokens"),
        )
    }

    /// Returns the cost in nano-dollars.
    pub fn cost_nanos(&self) -> i64 {
        nanos(&self.json["spend"])
    }

    /// Returns where the tokens come from: `provider`, `estimated` or `none`.
    pub fn usage_source(&self) -> &str {
        self.json["metadata"]["usage_source"].as_str().unwrap_or("none")
    }

    /// Whether the client or the provider left before the end.
    pub fn aborted(&self) -> bool {
        self.json["metadata"]["aborted"] == true
    }

    /// Returns a field as text. Empty when it is none.
    pub fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }

    fn number(&self, field: &str) -> u64 {
        self.json[field].as_u64().unwrap_or_else(|| panic!("no {field} in {}", self.json))
    }
}

/// Reads dollars, written as a number, as nano-dollars.
pub fn nanos(dollars: &Value) -> i64 {
    let dollars = dollars.as_f64().unwrap_or_else(|| panic!("no amount: {dollars}"));
    #[expect(clippy::cast_possible_truncation, reason = "the tests spend far less than 2^53")]
    let nanos = (dollars * 1e9).round() as i64;
    nanos
}

/// Writes nano-dollars as dollars, with every digit of them.
///
/// # Panics
///
/// Never: what is formatted is a number.
pub fn dollars(nanos: i64) -> Value {
    let dollars: f64 = format!("{nanos}e-9").parse().unwrap();
    Value::from(dollars)
}

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
    let rows = answer.json().await;
    let rows = rows.as_array().expect("no list of rows");
    rows.iter().map(|json| Row { json: json.clone() }).collect()
}

/// Waits until a key has this many rows, and fails when it has more.
pub(crate) async fn await_rows(admin: &Client, key: &Key, count: usize) -> Vec<Row> {
    let what = format!("{count} rows in the ledger");
    let rows = eventually(&what, async || {
        let rows = rows(admin, key).await;
        (rows.len() >= count).then_some(rows)
    })
    .await;
    assert_eq!(rows.len(), count, "{rows:?}");
    rows
}
