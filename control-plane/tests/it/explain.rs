//! `/policy/explain`.

use serde_json::{Value, json};

use crate::app::TestApp;

const SHORT: &str = "Hello!";

async fn explain(app: &TestApp, key: &str, body: Value) -> Value {
    app.post("/policy/explain", json!({"key": key, "body": body})).await.ok()
}

fn chat(model: &str, most: u64) -> Value {
    json!({"model": model, "max_tokens": most, "messages": [{"role": "user", "content": SHORT}]})
}

#[tokio::test]
async fn a_request_that_passes_says_where_it_goes_and_what_it_costs_at_most() {
    let app = TestApp::start().await;
    let key = app.key(json!({"models": ["priced"], "max_budget": 1000})).await;

    let said = explain(&app, &key, chat("priced", 100)).await;

    assert_eq!((&said["allowed"], &said["rule"]), (&json!(true), &Value::Null), "{said}");
    assert_eq!(
        said["targets"],
        json!([{"provider": "openai", "account": null, "model": "gpt-4o"}])
    );
    assert_eq!(said["worst_case"]["output_tokens"], 100);
    let tokens = said["worst_case"]["input_tokens"].as_f64().unwrap();
    // A dollar for each token in, two for each out.
    assert_eq!(said["worst_case"]["cost"], json!(tokens + 200.0));
    let [limit] = said["limits"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(limit["dimension"], "money");
    assert_eq!((&limit["limit"], &limit["used"]), (&json!(1000.0), &json!(0.0)));
    assert_eq!(limit["exceeded"], false);
}

#[tokio::test]
async fn a_request_that_is_refused_says_by_which_rule() {
    let app = TestApp::start().await;
    let of = async |fields: Value| app.key(fields).await;
    let blocked = of(json!({})).await;
    app.post("/key/block", json!({"key": blocked})).await.ok();
    for (key, body, status, rule) in [
        (of(json!({"models": ["small/*"]})).await, chat("priced", 1), 403, "model_not_allowed"),
        (of(json!({})).await, chat("nothing", 1), 404, "model_not_found"),
        (blocked, chat("priced", 1), 403, "key_blocked"),
        (of(json!({"max_budget": 0.5})).await, chat("priced", 1), 429, "budget_exceeded"),
        (of(json!({"tpm_limit": 5})).await, chat("priced", 100), 429, "rate_limit_exceeded"),
        (of(json!({"allowed_routes": ["/v1/models"]})).await, chat("priced", 1), 403, "route"),
        ("sk-unknown".to_owned(), chat("priced", 1), 401, "invalid_api_key"),
        (of(json!({})).await, json!({"model": "priced", "messages": 5}), 400, "invalid"),
    ] {
        let said = explain(&app, &key, body).await;

        let found = said["rule"].as_str().unwrap_or_default();
        assert_eq!((&said["allowed"], &said["status"]), (&json!(false), &json!(status)), "{said}");
        assert!(found.contains(rule), "{rule}: {said}");
        assert!(said["response"]["error"]["message"].is_string(), "{said}");
        assert_eq!(said["targets"], json!([]));
    }
}

#[tokio::test]
async fn nothing_is_used_up_by_asking() {
    let app = TestApp::start().await;
    let key = app.key(json!({"max_budget": 300, "max_parallel_requests": 1, "rpm_limit": 1})).await;

    for _ in 0..3 {
        let said = explain(&app, &key, chat("priced", 100)).await;
        assert_eq!(said["allowed"], true, "{said}");
        assert_eq!(said["limits"].as_array().unwrap().len(), 3, "{said}");
    }
    // More than there is money for: the answer may be shorter.
    let said = explain(&app, &key, chat("priced", 400)).await;
    assert_eq!(said["allowed"], true, "{said}");
    let cap = said["output_cap"].as_u64().unwrap();
    assert!(cap < 150, "{said}");
    assert_eq!(said["worst_case"]["output_tokens"], cap);
    assert_eq!(app.get("/spend/logs").await.ok(), json!([]));
}

#[tokio::test]
async fn a_customer_has_limits_of_their_own() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    app.post("/customer/new", json!({"user_id": "c", "blocked": true})).await.ok();
    let mut body = chat("priced", 1);
    body["user"] = "c".into();

    let said = explain(&app, &key, body.clone()).await;
    assert_eq!(said["allowed"], false, "{said}");
    body["user"] = "d".into();
    assert_eq!(explain(&app, &key, body).await["allowed"], true);
}

#[tokio::test]
async fn models_are_answered_here_and_objects_cannot_be_judged() {
    let app = TestApp::start().await;
    let key = app.key(json!({"models": ["priced"]})).await;

    let models = app.post("/policy/explain", json!({"key": key, "path": "/v1/models"})).await.ok();
    assert_eq!(models["allowed"], true);
    assert_eq!(models["response"]["data"][0]["id"], "priced");
    let file = json!({"key": key, "path": "/v1/files/file-1"});
    assert_eq!(app.post("/policy/explain", file).await.refusal().0, 400);
}
