//! `tollgate ledger`, on a database in which somebody has tampered with totals.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use sqlx::Connection;
use tollgate_control_plane::domain::meter::Statement;
use tollgate_control_plane::domain::{
    Debit, HolderId, Holding, LedgerRecord, RecordId, Report, Scope, Timestamp, UsageSource,
};
use tollgate_control_plane::store::UsageQuery;
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
    ledger_with(folder, &[command])
}

fn ledger_with(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    std::fs::write(folder.join("f.wasm"), "").unwrap();
    std::fs::write(folder.join("c.yaml"), CONFIG).unwrap();
    let url = format!("sqlite:{}", database(folder));
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("ledger")
        .args(args)
        .args(["--config", "c.yaml"])
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
    app.post("/customer/new", json!({"user_id": "c"})).await.ok();
    app.post("/tag/new", json!({"name": "t"})).await.ok();
    let records = (1..4).map(|number| LedgerRecord {
        debits: vec![Debit { meter, amount: 36_000 }],
        end_user: Some("c".into()),
        tags: vec!["t".into()],
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
    let report = Report { records: records.collect(), holding, ..Report::default() };
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
    tamper(app.folder(), "UPDATE entities SET spend_nanos = 0").await;
    tamper(app.folder(), "UPDATE meters SET used = used + 7, granted = 0").await;
    let (code, differences) = ledger(app.folder(), "verify");
    let rebuilt = ledger(app.folder(), "rebuild");
    let again = ledger(app.folder(), "verify");

    assert_eq!(proven, (Some(0), String::new()));
    let expected = format!(
        "spend of key {hash}: 500000005 stored, 500000000 proven\n\
         spend of customer c: 0 stored, 72000 proven\n\
         units granted of meter 1: 0 stored, 10 proven\n\
         spend of tag t: 0 stored, 72000 proven\n\
         units used of meter 1: 500000007 stored, 500000000 proven\n"
    );
    assert_eq!((code, &differences), (Some(1), &expected));
    assert_eq!(rebuilt, (Some(0), expected));
    assert_eq!(again, (Some(0), String::new()));
}

/// A line of the access log about the `number`th request of a worker.
fn line(worker: u8, number: u8) -> String {
    let id = format!("{}{:016x}", format!("{worker:02x}").repeat(16), number);
    format!(
        r#"{{"id":"{id}","start_us":"1795248500000000","duration_ms":10,"status":200,"sent_bytes":1,"flags":"-"}}"#
    )
}

// proves: config.server.gateway.access_log
#[tokio::test]
async fn requests_that_a_crashed_envoy_finished_get_records() {
    let app = TestApp::start().await;
    let key = app.key(json!({"max_budget": 1})).await;
    let hash = KeyHash::of(key.as_bytes());
    let statement = Statement {
        meter: 1,
        consumed: 0,
        consumed_at: app.service.now(),
        idle: 0,
        reserved: 0,
        need: 900,
        want: 900,
    };
    for worker in [1, 2, 3] {
        let holder = HolderId::from_bytes(&[worker; 16]).unwrap();
        let holding = Some(Holding { holder, sequence: 1, statements: vec![statement] });
        app.service.report(Report { holding, ..Report::default() }).await.unwrap();
    }
    let later = app.service.now().plus_micros(100_000_000);
    app.store.give_up_holders(later, later).await.unwrap();
    let recorded = LedgerRecord {
        id: RecordId::from_bytes(&[[2; 16].as_slice(), &1_u64.to_be_bytes()].concat()).unwrap(),
        ..record(1, &key, 0)
    };
    app.record(&[recorded]).await;
    let refused = r#"{"id":"-","start_us":"1","duration_ms":0,"status":401,"sent_bytes":9}"#;
    let log = [line(1, 1), line(1, 2), line(2, 1), line(9, 1), refused.into(), "torn".into()];
    std::fs::write(app.folder().join("requests.log"), log.join("\n")).unwrap();
    let args = ["reconcile", "--access-log", "requests.log", "--release"];

    let planned = ledger_with(app.folder(), &[&args[..], &["--dry-run"]].concat());
    let done = ledger_with(app.folder(), &args);

    let name = |worker: &str| worker.repeat(16);
    let expected = format!(
        "worker {}: 2 finished requests without a record cost 900 nano-dollars, as presumed\n\
         worker {}: all its requests are recorded, released\n\
         worker {}: not in this log, left as it is\n\
         request {}0000000000000001: not in the ledger, and nothing is presumed\n",
        name("01"),
        name("02"),
        name("03"),
        name("09"),
    );
    assert_eq!(planned, (Some(0), expected.clone()));
    assert_eq!(done, (Some(0), expected));
    assert_eq!(ledger(app.folder(), "verify"), (Some(0), String::new()));
    let spend = app.service.key(&hash).await.unwrap().unwrap().spend;
    assert_eq!(spend.0, 24_000 + 900);
    let query = UsageQuery { key: Some(hash), ..UsageQuery::default() };
    let entries = app.store.usage(&query, 10).await.unwrap();
    let presumed = entries.iter().filter(|it| it.record.usage_source == UsageSource::Presumed);
    assert_eq!(presumed.count(), 2);
}
