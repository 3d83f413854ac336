//! Keys by name, several at once, and keys of services.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

#[tokio::test]
async fn aliases_are_listed_in_pages() {
    let app = TestApp::start().await;
    app.key(json!({"key_alias": "b", "team_id": "t"})).await;
    app.key(json!({"key_alias": "a"})).await;
    app.key(json!({})).await;

    let all = app.get("/key/aliases").await.ok();
    let of_team = app.get("/key/aliases?team_id=t").await.ok();
    let second = app.get("/key/aliases?size=1&page=2").await.ok();

    let expected = json!({"aliases": ["a", "b"], "total_count": 2, "current_page": 1,
        "total_pages": 1, "size": 50});
    assert_eq!(all, expected);
    assert_eq!(of_team["aliases"], json!(["b"]));
    assert_eq!((&second["aliases"], &second["total_pages"]), (&json!(["b"]), &json!(2)));
}

#[tokio::test]
async fn several_keys_are_shown_at_once_and_to_others_only_their_own() {
    let app = TestApp::start().await;
    let (one, other) = (app.key(json!({"key_alias": "one"})).await, app.key(json!({})).await);

    let shown = app.post("/v2/key/info", json!({"keys": [one, "sk-unknown"]})).await.ok();
    let body = json!({"keys": [other]}).to_string();
    let foreign = app.call(Method::POST, "/v2/key/info", Some(&one), body).await;
    let own = app.call(Method::POST, "/v2/key/info", Some(&one), Body::from("{}")).await.ok();

    assert_eq!(shown["key"], json!([one]));
    assert_eq!(shown["info"][0]["key_alias"], "one");
    assert_eq!(foreign.status, 403);
    assert_eq!(own["info"][0]["key_alias"], "one");
}

#[tokio::test]
async fn several_keys_are_changed_at_once_each_for_itself() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let keys = json!([
        {"key": key, "max_budget": 5},
        {"key": "sk-unknown", "max_budget": 5},
        {"key": key, "guardrails": ["x"]},
    ]);

    let answer = app.post("/key/bulk_update", json!({ "keys": keys })).await.ok();

    assert_eq!(answer["total_requested"], 3);
    assert_eq!(answer["successful_updates"][0]["key_info"]["max_budget"], 5.0);
    let failed = answer["failed_updates"].as_array().unwrap();
    let reasons: Vec<&str> =
        failed.iter().map(|it| it["failed_reason"].as_str().unwrap()).collect();
    assert_eq!(reasons[0], "Key not found.");
    assert!(reasons[1].contains("guardrails"), "{reasons:?}");
    let info = app.get(&format!("/key/info?key={key}")).await.ok();
    assert_eq!(info["info"]["max_budget"], 5.0);
    assert_eq!(app.post("/key/bulk_update", json!({"keys": []})).await.status, 400);
}

#[tokio::test]
async fn a_key_of_a_service_is_its_teams_and_no_users() {
    let app = TestApp::start().await;
    let path = "/key/service-account/generate";

    let made = app.post(path, json!({"team_id": "t", "key_alias": "robot"})).await.ok();

    assert_eq!((&made["team_id"], &made["user_id"]), (&json!("t"), &Value::Null));
    assert_eq!(app.post(path, json!({})).await.refusal().0, 400);
    assert_eq!(app.post(path, json!({"team_id": "t", "user_id": "u"})).await.refusal().0, 400);
}

#[tokio::test]
async fn every_form_shows_the_budget_that_a_key_shares() {
    let app = TestApp::start().await;
    app.post("/budget/new", json!({"budget_id": "b", "max_budget": 7})).await.ok();
    let fields = json!({"team_id": "t", "budget_id": "b"});

    let made = app.post("/key/service-account/generate", fields).await.ok();
    let key = made["key"].clone();
    let shown = app.post("/v2/key/info", json!({ "keys": [key] })).await.ok();
    let one = app.get(&format!("/key/info?key={}", key.as_str().unwrap())).await.ok();

    assert_eq!(made["litellm_budget_table"]["max_budget"], 7.0);
    assert_eq!(shown["info"][0], one["info"]);
}

#[tokio::test]
async fn a_good_key_is_healthy_and_a_blocked_one_is_refused() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let health = async || app.call(Method::POST, "/key/health", Some(&key), Body::empty()).await;

    assert_eq!(health().await.ok(), json!({"key": "healthy", "logging_callbacks": null}));
    app.post("/key/block", json!({"key": key})).await.ok();
    assert_eq!(health().await.status, 401);
}

#[tokio::test]
async fn users_and_teams_are_shown_alone_and_in_pages() {
    let app = TestApp::start().await;
    let user = json!({"user_id": "u", "user_email": "u@example.com", "auto_create_key": false});
    app.post("/user/new", user).await.ok();
    for id in ["t1", "t2"] {
        app.post("/team/new", json!({"team_id": id, "team_alias": id})).await.ok();
    }
    let own = app.key(json!({"user_id": "u"})).await;

    let user = app.call(Method::GET, "/v2/user/info", Some(&own), Body::empty()).await.ok();
    let page = app.get("/v2/team/list?page=2&page_size=1").await.ok();
    let named = app.get("/v2/team/list?team_alias=t1").await.ok();

    assert_eq!((&user["user_id"], &user["user_email"]), (&json!("u"), &json!("u@example.com")));
    assert!(user.get("keys").is_none());
    let other = "/v2/user/info?user_id=another";
    assert_eq!(app.call(Method::GET, other, Some(&own), Body::empty()).await.status, 403);
    assert_eq!((&page["total"], &page["total_pages"]), (&json!(2), &json!(2)));
    assert_eq!(page["teams"][0]["team_id"], "t2");
    assert_eq!(named["teams"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/team/available").await.ok(), json!([]));
    assert!(app.get("/user/available_roles").await.ok()["internal_user"].is_object());
}
