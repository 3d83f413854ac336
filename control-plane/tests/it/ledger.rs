//! `tollgate ledger`, on a database in which somebody has tampered with totals.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use sqlx::Connection;
use tollgate_control_plane::domain::meter::Statement;
use tollgate_control_plane::domain::{
    Debit, HolderId, Holding, LedgerRecord, Report, Scope, Timestamp,
};
use tollgate_core::key::KeyHash;

use crate::app::TestApp;
use crate::spend::record;

const CONFIG: &str = "
server: { gateway: { listen: '127.0.0.1:0' }, admin: { listen: '127.0.0.1:0' } }
filter: { file: f.wasm }
providers: [{ id: openai, base_url: 'https://api.openai.com/v1' }]
models: [{ name: m, targets: [{ provider: openai, model: gpt-4o-mini }] }]
";

/// Runs a command of the ledger and returns its exit code and what it printed.
fn ledger(folder: &Path, command: &str) -> (Option<i32>, String) {
    std::fs::write(folder.join("f.wasm"), "").unwrap();
    std::fs::write(folder.join("c.yaml"), CONFIG).unwrap();
    let url = format!("sqlite:{}", database(folder));
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["ledger", command, "--config", "c.yaml"])
        .current_dir(folder)
        .env("TOLLGATE__DATABASE__URL", url)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn database(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut database = files.filter(|path| path.extension().is_some_and(|end| end == "db"));
    database.next().unwrap().display().to_string()
}

async fn tamper(folder: &Path, statement: &'static str) {
    let url = format!("sqlite:{}", database(folder));
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

/// Uses a key with a budget through a holder of leases.
async fn used(app: &TestApp) -> String {
    let key = app.key(json!({"max_budget": 1, "spend": 0.25, "user_id": "u"})).await;
    let hash = KeyHash::of(key.as_bytes());
    let meters = app.store.meters(&[(Scope::Key, hash.to_hex())]).await.unwrap();
    let meter = meters[0].id;
    let records = (1..4).map(|number| LedgerRecord {
        debits: vec![Debit { meter, amount: 36_000 }],
        ..record(number, &key, app.service.now().as_micros())
    });
    let statement = Statement {
        meter,
        consumed: 0,
        consumed_at: Timestamp::from_micros(0),
        idle: 0,
        reserved: 0,
        need: 10,
        want: 10,
    };
    let holder = HolderId::from_bytes(&[1; 16]).unwrap();
    let holding = Some(Holding { holder, sequence: 1, statements: vec![statement] });
    let report = Report { records: records.collect(), clock_ahead: 0, holding };
    app.service.report(report).await.unwrap();
    app.post("/key/update", json!({"key": key, "spend": 0.5})).await.ok();
    hash.to_hex()
}

#[tokio::test]
async fn totals_are_proven_and_every_difference_is_named() {
    let app = TestApp::start().await;
    let hash = used(&app).await;

    let proven = ledger(app.folder(), "verify");
    tamper(app.folder(), "UPDATE api_keys SET spend_nanos = spend_nanos + 5").await;
    tamper(app.folder(), "UPDATE meters SET used = used + 7, granted = 0").await;
    let (code, differences) = ledger(app.folder(), "verify");
    let rebuilt = ledger(app.folder(), "rebuild");
    let again = ledger(app.folder(), "verify");

    assert_eq!(proven, (Some(0), String::new()));
    let expected = format!(
        "spend of key {hash}: 500000005 stored, 500000000 proven\n\
         units granted of meter 1: 0 stored, 10 proven\n\
         units used of meter 1: 500000007 stored, 500000000 proven\n"
    );
    assert_eq!((code, &differences), (Some(1), &expected));
    assert_eq!(rebuilt, (Some(0), expected));
    assert_eq!(again, (Some(0), String::new()));
}
