//! Who may ask for what.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn takes_the_key_from_any_of_the_known_headers() {
    let app = TestApp::start().await;
    let bearer = format!("bearer  {MASTER} ");

    for headers in [
        [("x-litellm-api-key", MASTER)],
        [("x-litellm-api-key", bearer.as_str())],
        [("x-api-key", MASTER)],
        [("api-key", MASTER)],
        [("x-goog-api-key", MASTER)],
        [("authorization", bearer.as_str())],
    ] {
        let answer = app.send(request("/key/list", &headers)).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
    }
}

#[tokio::test]
async fn a_dummy_bearer_beside_a_real_key_is_ignored() {
    let app = TestApp::start().await;
    let dummy = ("authorization", "Bearer dummy");

    for name in ["x-litellm-api-key", "x-api-key", "api-key", "x-goog-api-key"] {
        let answer = app.send(request("/key/list", &[dummy, (name, MASTER)])).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
    }
    let wrong =
        app.send(request("/key/list", &[("x-litellm-api-key", "sk-x"), ("x-api-key", MASTER)]));
    assert_eq!(wrong.await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refuses_what_is_no_good_key() {
    let app = TestApp::start().await;
    let expiring = app.key(json!({"duration": "30s"})).await;
    let blocked = app.key(json!({"blocked": true})).await;
    app.clock.advance(Duration::from_secs(30));

    let refusal = async |headers: &[(&str, &str)]| {
        let answer = app.send(request("/key/info", headers)).await;
        let message = answer.body["error"]["message"].as_str().unwrap_or_default().to_owned();
        let (status, kind, param) = answer.refusal();
        (status, kind, param.as_str().map(str::to_owned), message)
    };
    let bearer = |key: &str| format!("Bearer {key}");

    let (status, kind, _, message) = refusal(&[]).await;
    assert_eq!((status, kind.as_str()), (401, "auth_error"));
    assert_eq!(message, "Authentication Error, No api key passed in.");
    let (status, kind, _, message) = refusal(&[("authorization", "Bearer ")]).await;
    assert_eq!((status, kind.as_str()), (401, "auth_error"));
    assert!(message.contains("Malformed API Key passed in"));
    let (status, kind, _, message) = refusal(&[("authorization", "Bearer abc")]).await;
    assert_eq!((status, kind.as_str()), (401, "auth_error"));
    assert!(message.contains("LiteLLM Virtual Key expected"));
    let (status, kind, param, _) = refusal(&[("authorization", &bearer("sk-unknown"))]).await;
    assert_eq!((status, kind.as_str()), (401, "token_not_found_in_db"));
    assert_eq!(param.as_deref(), Some("key"));
    let (status, kind, _, message) = refusal(&[("authorization", &bearer(&blocked))]).await;
    assert_eq!((status, kind.as_str()), (401, "auth_error"));
    assert!(message.contains("Key is blocked"));
    let (status, kind, param, _) = refusal(&[("authorization", &bearer(&expiring))]).await;
    assert_eq!((status, kind.as_str()), (401, "expired_key"));
    assert!(param.unwrap().starts_with("sk-..."));
}

#[tokio::test]
async fn header_values_that_are_not_utf8_are_no_key() {
    let app = TestApp::start().await;
    let request = Request::get("/key/info")
        .header("x-api-key", axum::http::HeaderValue::from_bytes(b"sk-\xff\xfe").unwrap())
        .body(Body::empty())
        .unwrap();

    let (status, kind, _) = app.send(request).await.refusal();

    assert_eq!((status, kind.as_str()), (401, "token_not_found_in_db"));
}

#[tokio::test]
async fn only_the_admin_manages_keys() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;

    for (method, path) in [
        (Method::POST, "/key/generate"),
        (Method::POST, "/key/update"),
        (Method::POST, "/key/delete"),
        (Method::POST, "/key/block"),
        (Method::POST, "/key/unblock"),
        (Method::GET, "/budget/list"),
    ] {
        let body = json!({"key": key, "keys": [key]}).to_string();
        let answer = app.call(method, path, Some(&key), body).await;
        let message = answer.body["error"]["message"].as_str().unwrap().to_owned();
        let (status, kind, _) = answer.refusal();
        assert_eq!((status, kind.as_str()), (401, "auth_error"), "{path}");
        assert!(message.contains("Only proxy admin can be used to generate"), "{message}");
        assert!(message.contains(&format!("Route={path}.")), "{message}");
    }
}

// proves: config.master_key
#[tokio::test]
async fn without_a_master_key_management_is_closed() {
    let app = TestApp::with_master(None).await;

    let (status, kind, _) = app.get("/key/list").await.refusal();

    assert_eq!((status, kind.as_str()), (401, "auth_error"));
    assert_eq!(app.get("/health").await.ok()["status"], "healthy");
}

#[tokio::test]
async fn internal_headers_of_a_client_mean_nothing() {
    let app = TestApp::start().await;
    let headers = [("x-tollgate-key-hash", "00"), ("x-tollgate-admin", "true")];

    let answer = app.send(request("/key/list", &headers)).await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_answer_carries_security_headers() {
    let app = TestApp::start().await;

    for path in ["/key/list", "/health", "/nothing"] {
        let answer = app.get(path).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.headers.get(name).unwrap(), value, "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_as_fastapi_does() {
    let app = TestApp::start().await;

    let unknown = app.get("/key/nothing").await;
    let method = app.get("/key/generate").await;

    assert_eq!((unknown.status.as_u16(), unknown.body), (404, json!({"detail": "Not Found"})));
    assert_eq!(
        (method.status.as_u16(), method.body),
        (405, json!({"detail": "Method Not Allowed"}))
    );
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let app = TestApp::start().await;

    let (status, kind, _) =
        app.post("/key/generate", json!({"metadata": {"a": "x".repeat(1 << 20)}})).await.refusal();

    assert_eq!((status, kind.as_str()), (413, "bad_request_error"));
}

#[tokio::test]
async fn the_audit_log_tells_who_changed_what_in_which_request() {
    let app = TestApp::start().await;
    let request = Request::post("/key/generate")
        .header("x-api-key", MASTER)
        .header("litellm-changed-by", "alice")
        .header("x-request-id", "r-1")
        .body(Body::from(json!({"metadata": {"api_key": "hush"}}).to_string()))
        .unwrap();

    let made = app.send(request).await.ok();
    let audit = app.store.audit(made["token"].as_str().unwrap()).await.unwrap();

    assert_eq!(made["created_by"], "alice");
    let [entry] = audit.as_slice() else { unreachable!("{audit:?}") };
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("alice", "key.generate"));
    assert_eq!(entry.request_id.as_deref(), Some("r-1"));
    let after: Value = serde_json::from_str(entry.after.as_ref().unwrap()).unwrap();
    assert_eq!(after["metadata"]["api_key"], "…");
}
