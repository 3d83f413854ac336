//! What was used and what it cost, as clients see it.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::domain::{Endpoint, LedgerRecord, RecordId, Timestamp, UsageSource};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::app::TestApp;

/// 2026-11-21T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_795_219_200_000_000;
/// In microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

/// A request that cost 24 micro-dollars.
pub(crate) fn record(number: u64, key: &str, started: i64) -> LedgerRecord {
    let started_at = Timestamp::from_micros(started);
    let id: Vec<u8> = [[0; 16].as_slice(), &number.to_be_bytes()].concat();
    LedgerRecord {
        id: RecordId::from_bytes(&id).unwrap(),
        key_hash: KeyHash::of(key.as_bytes()),
        started_at,
        first_byte_at: Some(started_at.plus_micros(400_000)),
        ended_at: started_at.plus_micros(1_500_000),
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o-mini".into(),
        provider: Some("openai".into()),
        provider_model: Some("gpt-4o-mini-2024-07-18".into()),
        provider_response_id: Some("chatcmpl-1".into()),
        status: 200,
        streamed: true,
        aborted: false,
        tokens: TokenUsage {
            input: 100,
            output: 20,
            total: 120,
            cached_input: 40,
            ..TokenUsage::default()
        },
        usage_source: UsageSource::Provider,
        cost: NanoDollars(24_000),
        unpriced: false,
        end_user: Some("customer".into()),
        tags: vec!["t".into()],
        error_code: None,
        debits: Vec::new(),
        account: None,
        attempt: 0,
        first_attempt: None,
        cached: false,
        units: None,
    }
}

#[tokio::test]
async fn usage_shows_on_the_key_and_in_the_logs() {
    let app = TestApp::start().await;
    let key = app.key(json!({"key_alias": "a", "user_id": "u", "team_id": "t"})).await;

    app.record(&[record(1, &key, MIDNIGHT)]).await;

    let info = app.get(&format!("/key/info?key={key}")).await.ok();
    assert_eq!(info["info"]["spend"], json!(2.4e-5));
    assert_eq!(info["info"]["last_active"], "2026-11-21T00:00:01.500000+00:00");
    insta::assert_json_snapshot!(app.get("/spend/logs").await.ok());
}

#[tokio::test]
async fn failures_are_rows_too() {
    let app = TestApp::start().await;
    let failed = LedgerRecord {
        status: 502,
        cost: NanoDollars::ZERO,
        tokens: TokenUsage::default(),
        usage_source: UsageSource::None,
        error_code: Some("provider_error".into()),
        first_byte_at: None,
        ..record(1, "sk-1", MIDNIGHT)
    };

    app.record(&[failed]).await;

    let logs = app.get("/spend/logs").await.ok();
    let row = &logs[0];
    assert_eq!((&row["status"], &row["spend"]), (&json!("failure"), &json!(0.0)));
    assert_eq!(row["completionStartTime"], Value::Null);
    let metadata = &row["metadata"];
    assert_eq!(metadata["error_code"], "provider_error");
    assert_eq!(metadata["error_information"]["error_code"], "502");
    assert_eq!((&metadata["usage_source"], &metadata["status"]), (&Value::Null, &json!("failure")));
}

#[tokio::test]
async fn every_attempt_is_a_row_and_says_of_which_request() {
    let app = TestApp::start().await;
    let failed = LedgerRecord {
        status: 429,
        error_code: Some("rate_limited".into()),
        account: Some("spare".into()),
        attempt: 1,
        ..record(1, "sk-1", MIDNIGHT)
    };
    let served = LedgerRecord {
        attempt: 2,
        first_attempt: Some(failed.id),
        ..record(2, "sk-1", MIDNIGHT + 1)
    };

    app.record(&[failed.clone(), served]).await;

    let logs = app.get("/spend/logs").await.ok();
    let [second, first] = &logs.as_array().unwrap()[..] else { panic!("{logs}") };
    assert_eq!((&first["status"], &second["status"]), (&json!("failure"), &json!("success")));
    assert_eq!(first["custom_llm_provider"], "openai");
    let (first, second) = (&first["metadata"], &second["metadata"]);
    assert_eq!((&first["account"], &first["attempt"]), (&json!("spare"), &json!(1)));
    assert_eq!((&second["attempt"], &first["first_attempt"]), (&json!(2), &Value::Null));
    assert_eq!(second["first_attempt"], failed.id.to_hex());
}

#[tokio::test]
async fn days_are_summed_and_those_without_spend_are_there() {
    let app = TestApp::start().await;
    let key = app.key(json!({"user_id": "u"})).await;
    let hash = KeyHash::of(key.as_bytes()).to_hex();
    let batch = [
        record(1, &key, MIDNIGHT - DAY - 1),
        record(2, &key, MIDNIGHT),
        // The last microsecond of the last day.
        record(3, &key, MIDNIGHT + DAY - 1),
        record(4, &key, MIDNIGHT + DAY),
    ];
    app.record(&batch).await;

    let days = app.get("/spend/logs?start_date=2026-11-20&end_date=2026-11-21").await.ok();
    let rows = "/spend/logs?start_date=2026-11-21&end_date=2026-11-21&summarize=false";
    let rows = app.get(rows).await.ok();

    assert_eq!(
        days,
        json!([
            {"startTime": "2026-11-20", "spend": 0.0, "users": {}, "models": {}},
            {"startTime": "2026-11-21", "spend": 4.8e-5, "users": {"u": 4.8e-5},
             "models": {"gpt-4o-mini": 4.8e-5}, hash: 4.8e-5},
        ])
    );
    let ids: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["request_id"]).collect();
    assert_eq!(ids, [&json!(batch[2].id.to_hex()), &json!(batch[1].id.to_hex())]);
}

#[tokio::test]
async fn logs_are_filtered() {
    let app = TestApp::start().await;
    let (one, two) = (app.key(json!({"user_id": "u"})).await, app.key(json!({})).await);
    let batch = [record(1, &one, MIDNIGHT), record(2, &two, MIDNIGHT + 1)];
    app.record(&batch).await;
    let count = async |query: String| {
        app.get(&format!("/spend/logs?{query}")).await.ok().as_array().unwrap().len()
    };

    assert_eq!(count(String::new()).await, 2);
    assert_eq!(count(format!("api_key={one}")).await, 1);
    assert_eq!(count(format!("api_key={}", KeyHash::of(two.as_bytes()).to_hex())).await, 1);
    assert_eq!(count(format!("request_id={}", batch[0].id.to_hex())).await, 1);
    assert_eq!(count("user_id=u".into()).await, 1);
    assert_eq!(count("start_date=2026-11-22".into()).await, 0);
    assert_eq!(count("limit=1".into()).await, 1);
    assert_eq!(count("request_id=unknown".into()).await, 0);
    assert_eq!(count("api_key=unknown".into()).await, 0);
}

#[tokio::test]
async fn a_key_sees_its_own_rows_alone() {
    let app = TestApp::start().await;
    let (own, other) = (app.key(json!({})).await, app.key(json!({})).await);
    app.record(&[record(1, &own, MIDNIGHT), record(2, &other, MIDNIGHT)]).await;
    let get =
        async |path: String| app.call(Method::GET, &path, Some(&own), Body::empty()).await.ok();
    let hash = KeyHash::of(own.as_bytes()).to_hex();

    let logs = get("/spend/logs".into()).await;
    let keys = get("/spend/keys".into()).await;
    let foreign = get(format!("/spend/logs?api_key={other}")).await;
    let days = get("/spend/logs?start_date=2026-11-21&end_date=2026-11-21".into()).await;

    assert_eq!((logs.as_array().unwrap().len(), &logs[0]["api_key"]), (1, &json!(hash)));
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["token"]), (1, &json!(hash)));
    assert_eq!(foreign, json!([]));
    assert_eq!(days[0]["spend"], json!(2.4e-5));
}

#[tokio::test]
async fn keys_are_listed_by_what_they_spent() {
    let app = TestApp::start().await;
    for spend in [1, 3, 2] {
        app.key(json!({"spend": spend})).await;
    }

    let keys = app.get("/spend/keys").await.ok();

    let spend: Vec<&Value> = keys.as_array().unwrap().iter().map(|key| &key["spend"]).collect();
    assert_eq!(spend, [&json!(3.0), &json!(2.0), &json!(1.0)]);
}

#[tokio::test]
async fn dates_that_are_none_are_refused() {
    let app = TestApp::start().await;

    for (query, param) in [
        ("start_date=yesterday&end_date=2026-11-21", "start_date"),
        ("start_date=2026-11-21&end_date=2026-13-01", "end_date"),
        ("start_date=0001-01-01&end_date=9999-12-31", "end_date"),
    ] {
        let (status, kind, named) = app.get(&format!("/spend/logs?{query}")).await.refusal();
        assert_eq!((status, kind.as_str()), (400, "bad_request_error"), "{query}");
        assert_eq!(named, param, "{query}");
    }
    let backwards = app.get("/spend/logs?start_date=2026-11-21&end_date=2026-11-20").await.ok();
    assert_eq!(backwards, json!([]));
}

#[tokio::test]
async fn filters_hear_when_a_key_has_spent_its_budget() {
    let app = TestApp::start().await;
    let key = app.key(json!({"max_budget": 4e-5})).await;
    app.told.take();

    app.record(&[record(1, &key, MIDNIGHT)]).await;
    assert_eq!(app.told.take(), []);
    app.record(&[record(2, &key, MIDNIGHT)]).await;
    let told = app.told.take();
    app.record(&[record(2, &key, MIDNIGHT), record(3, &key, MIDNIGHT)]).await;

    let hash = KeyHash::of(key.as_bytes());
    assert_eq!(told.iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), [hash]);
    assert_eq!(app.told.take(), []);
    let policy = app.service.resolve(&hash).await.unwrap().policy.unwrap();
    assert_eq!(policy.spend, NanoDollars(72_000));
}

#[tokio::test]
async fn absurd_records_are_bounded() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let absurd = |number, cost| LedgerRecord {
        cost: NanoDollars(cost),
        end_user: Some("x".repeat(100_000)),
        ..record(number, &key, MIDNIGHT)
    };

    app.record(&[absurd(1, -5), absurd(2, i64::MAX)]).await;

    let info = app.get(&format!("/key/info?key={key}")).await.ok();
    assert_eq!(info["info"]["spend"], json!(1e6));
    let logs = app.get("/spend/logs").await.ok();
    assert_eq!(logs[0]["end_user"].as_str().map(str::len), Some(512));
}
