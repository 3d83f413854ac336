//! What is out of rotation, over REST.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::domain::{HealthMark, HealthState, Marked};
use tollgate_control_plane::store::news::{Heard, News};

use crate::app::{MASTER, TestApp};

async fn with_marks() -> TestApp {
    let app = TestApp::start().await;
    let until = app.service.now().plus_micros(30_000_000);
    let mark = |model: &str, state| HealthMark {
        of: Marked { provider: "openai".into(), account: String::new(), model: model.to_owned() },
        state,
        until,
        level: 3,
        reason: "overloaded".into(),
        since: until,
    };
    let marks = vec![
        mark("gpt-4o-mini-2024-07-18", HealthState::Open),
        mark("text-embedding-3-small", HealthState::Cooling),
    ];
    app.service.report_health(marks).await.unwrap();
    app
}

async fn delete(app: &TestApp, path: &str, body: Value) -> Value {
    let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
    app.call(Method::DELETE, path, Some(MASTER), body).await.ok()
}

#[tokio::test]
async fn lists_what_is_out_of_rotation() {
    let app = with_marks().await;

    let listed = app.get("/api/models/availability").await.ok();
    let cooldowns = app.get("/api/resilience/model-cooldowns").await.ok();
    let health = app.get("/api/monitoring/health").await.ok();

    assert_eq!(listed["unavailableCount"], 2);
    assert_eq!(listed["models"], cooldowns["items"]);
    let first = &listed["models"][0];
    assert_eq!(first["model"], "gpt-4o-mini-2024-07-18");
    assert_eq!((&first["reason"], &first["remainingMs"]), (&json!("overloaded"), &json!(30_000)));
    assert_eq!(health["providerHealth"]["openai"]["state"], "OPEN");
    assert_eq!(health["rateLimitStatus"]["openai"]["model"], "text-embedding-3-small");
    assert_eq!(health["connectionHealth"]["coolingDown"], 2);
    assert_eq!(health["status"], "degraded");
}

#[tokio::test]
async fn says_where_a_model_can_be_had() {
    let app = with_marks().await;
    let ask = |model: &str| json!({"model": model});

    let out = app.post("/api/models/availability", ask("gpt-4o-mini")).await.ok();
    let fine = app.post("/api/models/availability", ask("priced")).await.ok();
    let unknown = app.post("/api/models/availability", ask("x")).await;
    let none = app.post("/api/models/availability", json!({})).await;

    assert_eq!(
        (&out["available"], &out["providers"][0]["available"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(fine["available"], true);
    assert_eq!((unknown.status.as_u16(), none.status.as_u16()), (404, 400));
    assert_eq!(none.body["error"], "model is required");
}

#[tokio::test]
async fn brings_models_back_and_tells_filters() {
    let app = with_marks().await;
    let mut feed = app.store.newsroom().feed();
    let model = json!({"provider": "openai", "model": "gpt-4o-mini-2024-07-18"});

    let cleared = app.post("/api/models/availability", model.clone()).await.ok();
    let again = app.post("/api/models/availability", model).await.ok();
    let rest = delete(&app, "/api/resilience/model-cooldowns?all=true", Value::Null).await;

    assert_eq!((&cleared["removed"], &again["removed"]), (&json!(true), &json!(false)));
    assert_eq!(rest["cleared"], 1);
    for _ in 0..2 {
        let Heard::News(News::HealthChanged { marks }) = feed.next().await else { panic!() };
        assert_eq!(marks[0].state, HealthState::Fit);
    }
    assert_eq!(app.get("/api/monitoring/health").await.ok()["status"], "healthy");
}

#[tokio::test]
async fn everything_comes_back_at_once() {
    let app = with_marks().await;

    let reset = delete(&app, "/api/monitoring/health", Value::Null).await;
    let nothing =
        app.call(Method::DELETE, "/api/resilience/model-cooldowns", Some(MASTER), "{}").await;

    assert_eq!(reset["resetCount"], 2);
    assert_eq!(nothing.status.as_u16(), 400);
    assert_eq!(app.get("/api/models/availability").await.ok()["unavailableCount"], 0);
}

#[tokio::test]
async fn is_for_admins_alone() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;

    for path in ["/api/monitoring/health", "/api/models/availability"] {
        for key in [None, Some(key.as_str())] {
            let answer = app.call(Method::GET, path, key, Body::empty()).await;
            assert_eq!(answer.status.as_u16(), 401, "{path}");
        }
    }
}
