//! `/credentials`: keys with names, which models refer to.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};

const PATH: &str = "/credentials";

async fn named(app: &TestApp, name: &str, values: Value) {
    let body = json!({"credential_name": name, "credential_values": values,
        "credential_info": {"description": "ours"}});
    let made = app.post(PATH, body).await.ok();
    assert_eq!(made["success"], true);
}

async fn call(app: &TestApp, method: Method, path: &str, body: Value) -> (u16, Value) {
    let answer = app.call(method, path, Some(MASTER), Body::from(body.to_string())).await;
    (answer.status.as_u16(), answer.body)
}

// shows: credential.credential_info
#[tokio::test]
async fn a_credential_lives_its_life_and_its_key_is_never_shown() {
    let app = TestApp::start().await;
    named(&app, "openai main", json!({"api_key": "sk-hush", "api_base": "https://a.example/v1"}))
        .await;

    let listed = app.get(PATH).await.ok();
    let one = app.get("/credentials/by_name/openai%20main").await.ok();
    let wanted = json!({
        "credential_name": "openai main",
        "credential_values": {"api_base": "https://a.example/v1", "api_key": "…"},
        "credential_info": {"description": "ours"},
    });
    assert_eq!(listed, json!({"success": true, "credentials": [wanted.clone()]}));
    assert_eq!(one, wanted);

    let path = "/credentials/openai%20main";
    let change = json!({"credential_values": {"api_base": "https://b.example/v1"}});
    assert_eq!(call(&app, Method::PATCH, path, change).await.0, 200);
    let one = app.get("/credentials/by_name/openai%20main").await.ok();
    assert_eq!(one["credential_values"]["api_base"], "https://b.example/v1");
    assert_eq!(one["credential_values"]["api_key"], "…");
    assert_eq!(one["credential_info"]["description"], "ours");

    let (status, body) = call(&app, Method::DELETE, path, json!({})).await;
    assert_eq!((status, &body["success"]), (200, &json!(true)));
    assert_eq!(app.get(PATH).await.ok()["credentials"], json!([]));
    let log = app.get("/audit").await.ok().to_string();
    assert!(log.contains("openai main") && !log.contains("sk-hush"), "{log}");
}

// proves: credential.credential_values
#[tokio::test]
async fn a_model_is_used_with_the_credential_that_it_names() {
    let app = TestApp::start().await;
    named(&app, "c", json!({"api_key": "sk-hush", "api_base": "https://a.example/v1"})).await;
    let params = json!({"model": "openai/gpt-x", "litellm_credential_name": "c"});

    let model = json!({"model_name": "m", "litellm_params": params, "model_info": {"id": "d1"}});
    app.post("/model/new", model).await.ok();

    let told = app.publisher.current().snapshot.clone();
    let provider = told.providers.iter().find(|provider| provider.account == "d1").unwrap();
    assert_eq!(provider.credential.as_deref(), Some("sk-hush"));
    assert!(told.models.iter().any(|model| model.name == "m"));
    let shown = app.get("/credentials/by_model/d1").await.ok();
    assert_eq!(shown["credential_name"], "c");

    let (status, body) = call(&app, Method::DELETE, "/credentials/c", json!({})).await;
    assert_eq!(status, 409, "{body}");
    app.post("/model/delete", json!({"id": "d1"})).await.ok();
    assert_eq!(call(&app, Method::DELETE, "/credentials/c", json!({})).await.0, 200);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let app = TestApp::start().await;
    named(&app, "c", json!({"api_key": "sk-a"})).await;

    let again = json!({"credential_name": "c", "credential_values": {}, "credential_info": {}});
    assert_eq!(app.post(PATH, again).await.refusal().0, 409);
    let clear =
        json!({"credential_name": "d", "credential_values": {"aws_secret_access_key": "x"}});
    assert_eq!(app.post(PATH, clear).await.refusal().0, 400);
    assert_eq!(app.post(PATH, json!({"credential_name": "d"})).await.refusal().0, 400);
    assert_eq!(app.post(PATH, json!({"credential_values": {}})).await.status, 422);
    let from_model = json!({"credential_name": "d", "model_id": "m"});
    assert_eq!(app.post(PATH, from_model).await.refusal().0, 400);
    for (method, path) in [
        (Method::GET, "/credentials/by_name/none"),
        (Method::GET, "/credentials/by_model/none"),
        (Method::PATCH, "/credentials/none"),
        (Method::DELETE, "/credentials/none"),
    ] {
        assert_eq!(call(&app, method, path, json!({})).await.0, 404, "{path}");
    }
    let params = json!({"model": "openai/gpt-x", "litellm_credential_name": "none"});
    let unknown = json!({"model_name": "m", "litellm_params": params});
    assert_eq!(app.post("/model/new", unknown).await.status, 400);
}
