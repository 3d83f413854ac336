//! Health, seen from outside.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};
use crate::broken_store::broken;

async fn open(app: &TestApp, path: &str) -> (u16, Value) {
    let answer = app.call(Method::GET, path, None, Body::empty()).await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn health_needs_no_key_and_tells_little() {
    let app = TestApp::start().await;
    let expected = json!({"status": "healthy", "timestamp": "2026-11-21T08:08:24Z"});

    assert_eq!(open(&app, "/health").await, (200, expected.clone()));
    let wrong = app.call(Method::GET, "/health", Some("sk-wrong"), Body::empty()).await;
    assert_eq!(wrong.ok(), expected);
}

#[tokio::test]
async fn health_shows_the_endpoints_to_the_admin() {
    let app = TestApp::start().await;

    insta::assert_json_snapshot!(app.get("/health").await.ok());
    let one = app.get("/health?model=small/embed").await.ok();
    assert_eq!((&one["healthy_count"], &one["unhealthy_count"]), (&json!(1), &json!(0)));
    assert_eq!(one["healthy_endpoints"][0]["model"], "openai/text-embedding-3-small");
    assert_eq!(app.get("/health?model=none").await.ok()["healthy_count"], 0);
}

#[tokio::test]
async fn a_process_that_answers_is_alive() {
    let app = broken();

    for path in ["/health/liveliness", "/health/liveness"] {
        assert_eq!(open(&app, path).await, (200, json!("I'm alive!")));
        let options = app.call(Method::OPTIONS, path, None, Body::empty()).await;
        assert_eq!((options.status.as_u16(), options.body), (200, json!("I'm alive!")));
    }
}

#[tokio::test]
async fn a_process_with_its_database_is_ready() {
    let app = TestApp::start().await;
    let ready = json!({"status": "healthy", "db": "connected"});

    assert_eq!(open(&app, "/health/readiness").await, (200, ready.clone()));
    let options = app.call(Method::OPTIONS, "/health/readiness", None, Body::empty()).await;
    assert_eq!(options.ok(), ready);
    assert_eq!(
        open(&app, "/ready").await,
        (200, json!({"status": "ready", "services": {"database": {"status": "healthy"}}}))
    );
}

#[tokio::test]
async fn a_process_that_drains_is_not_ready() {
    let app = TestApp::start().await;
    app.draining.send_replace(true);

    assert_eq!(open(&app, "/health/readiness").await, (503, json!({"status": "shutting_down"})));
    let (status, body) = open(&app, "/ready").await;
    assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
    assert_eq!(open(&app, "/health").await.0, 200);
}

#[tokio::test]
async fn without_its_database_a_process_is_degraded_and_not_ready() {
    let app = broken();

    let (status, health) = open(&app, "/health").await;
    let (ready_status, ready) = open(&app, "/ready").await;

    assert_eq!((status, &health["status"]), (503, &json!("degraded")));
    assert_eq!(health["timestamp"], "2026-11-21T08:08:24Z");
    assert_eq!(health["services"]["database"]["status"], "unhealthy");
    assert_eq!(
        open(&app, "/health/readiness").await,
        (503, json!({"status": "unhealthy", "db": "Not connected"}))
    );
    assert_eq!((ready_status, &ready["status"]), (503, &json!("not_ready")));
    assert!(ready["error"].as_str().unwrap().starts_with("database: "));
}

#[tokio::test]
async fn without_its_database_management_says_so() {
    let app = broken();

    let admin = app.get("/key/list").await;
    let key = app.call(Method::GET, "/key/info", Some("sk-some-key"), Body::empty()).await;

    for answer in [admin, key] {
        assert_eq!(answer.headers["retry-after"], "1");
        let (status, kind, _) = answer.refusal();
        assert_eq!((status, kind.as_str()), (503, "no_db_connection"));
    }
    let unknown = app.call(Method::GET, "/nothing", Some(MASTER), Body::empty()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
