//! What anybody may know, what any key may, and what things cost.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

async fn anybody(app: &TestApp, path: &str) -> Value {
    app.call(Method::GET, path, None, Body::empty()).await.ok()
}

// proves: public.model_groups
#[tokio::test]
async fn models_are_public_once_somebody_says_so() {
    let app = TestApp::start().await;
    assert_eq!(anybody(&app, "/public/model_hub").await, json!([]));

    let unknown = json!({"model_groups": ["nothing"]});
    assert_eq!(app.post("/model_group/make_public", unknown).await.refusal().0, 400);
    let named = json!({"model_groups": ["priced", "small/embed"]});
    app.post("/model_group/make_public", named).await.ok();

    let shown = anybody(&app, "/public/model_hub").await;
    assert_eq!(shown[0]["model_group"], "priced");
    let page = anybody(&app, "/public/v1/model_hub?page=2&page_size=1").await;
    assert_eq!(page["data"][0]["model_group"], "small/embed");
    assert_eq!((&page["links"]["next"], &page["meta"]["total_pages"]), (&Value::Null, &json!(2)));
    let modes = anybody(&app, "/public/v1/model_hub/modes").await;
    assert_eq!(modes["data"].as_array().map(Vec::len), Some(1), "{modes}");
    let groups = app.get("/model_group/info").await.ok();
    let public = |name: &str| {
        let found = groups["data"].as_array().unwrap().iter().find(|it| it["model_group"] == name);
        found.unwrap()["is_public_model_group"].clone()
    };
    assert_eq!((public("priced"), public("gpt-4o-mini")), (json!(true), json!(false)));
}

#[tokio::test]
async fn providers_say_what_they_have_to_be_told() {
    let app = TestApp::start().await;

    let names = anybody(&app, "/public/providers").await;
    let fields = anybody(&app, "/public/providers/fields").await;
    let prices = anybody(&app, "/public/litellm_model_cost_map").await;

    assert!(names.as_array().unwrap().contains(&json!("openai")));
    let of_openai = fields.as_array().unwrap().iter().find(|it| it["provider"] == "openai");
    assert_eq!(of_openai.unwrap()["credential_fields"][0]["key"], "api_key");
    assert!(prices.is_object());
}

#[tokio::test]
async fn any_key_hears_of_the_models_that_it_may_use_and_not_where_they_are() {
    let app = TestApp::start().await;
    let params = json!({"model": "openai/gpt-4o", "api_key": "sk-secret-of-provider",
        "api_base": "http://127.0.0.1:1/hidden"});
    let new = json!({"model_name": "ours", "litellm_params": params, "model_info": {"id": "d"}});
    app.post("/model/new", new).await.ok();
    let key = app.key(json!({"models": ["ours"]})).await;

    for path in ["/model/info", "/v1/model/info", "/v2/model/info"] {
        let shown = app.call(Method::GET, path, Some(&key), Body::empty()).await.ok();
        let [entry] = shown["data"].as_array().unwrap().as_slice() else { panic!("{shown}") };
        assert_eq!(entry["model_name"], "ours", "{path}");
        assert_eq!(entry["litellm_params"], json!({"model": "openai/gpt-4o"}), "{path}");
    }
    let groups = app.call(Method::GET, "/model_group/info", Some(&key), Body::empty()).await.ok();
    assert_eq!(groups["data"].as_array().map(Vec::len), Some(1));
    let all = app.get("/model/info").await.ok();
    assert!(all.to_string().contains("hidden"), "the admin sees where it is: {all}");
}

#[tokio::test]
async fn costs_are_estimated_by_request_day_and_month() {
    let app = TestApp::start().await;
    let asked = json!({"model": "priced", "input_tokens": 2, "output_tokens": 3,
        "num_requests_per_day": 10});

    let told = app.post("/cost/estimate", asked).await.ok();

    assert_eq!(told["cost_per_request"], 8.0);
    assert_eq!(told["output_cost_per_request"], 6.0);
    assert_eq!((&told["daily_cost"], &told["monthly_cost"]), (&json!(80.0), &Value::Null));
    let negative = json!({"model": "priced", "input_tokens": -1, "output_tokens": 3});
    assert_eq!(app.post("/cost/estimate", negative).await.refusal().0, 400);
}

#[tokio::test]
async fn readiness_is_told_in_detail_to_those_with_a_key() {
    let app = TestApp::start().await;
    let path = "/health/readiness/details";

    let refused = app.call(Method::GET, path, None, Body::empty()).await;
    let told = app.get(path).await.ok();
    let latest = app.get("/health/latest").await.ok();

    assert_eq!(refused.status, 401);
    assert_eq!((&told["status"], &told["db"]), (&json!("healthy"), &json!("connected")));
    assert_eq!(latest["total_models"], 3);
    let checks = latest["latest_health_checks"].as_object().unwrap();
    assert!(checks.values().all(|check| check["status"] == "healthy"));
}
