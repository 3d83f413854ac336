//! One table says who may call what.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tollgate_control_plane::http::access::{Access, TABLE};

use crate::app::TestApp;

/// Asks as nobody: what is served says that a key is missing, all else that it is not there.
async fn ask_as_nobody(app: &TestApp, method: &str, path: &str) -> (StatusCode, Value) {
    let path = path.replace(['{', '}'], "");
    let answer = app.call(method.parse::<Method>().unwrap(), &path, None, Body::empty()).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn every_route_of_the_table_is_served_and_asks_for_a_key_as_it_says() {
    let app = TestApp::start().await;
    for (method, path, access) in TABLE {
        let (status, body) = ask_as_nobody(&app, method, path).await;
        let asked = body["error"]["message"] == "Authentication Error, No api key passed in.";
        if *access == Access::Anybody {
            // Who signs in says who they are in another way, and here says nothing.
            let served = body["detail"] != "Not Found" && !status.is_server_error();
            assert!(served && !asked, "{method} {path}: {status} {body}");
        } else {
            assert!(asked, "{method} {path}: {status} {body}");
        }
    }
}

#[tokio::test]
async fn a_head_request_is_let_in_like_the_get_that_it_stands_for() {
    let app = TestApp::start().await;
    let (status, _) = ask_as_nobody(&app, "HEAD", "/health/liveliness").await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = ask_as_nobody(&app, "HEAD", "/key/list").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refusal_names_the_route_and_never_what_stands_in_its_path() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;

    let path = format!("/key/{key}/reset_spend");
    let answer = app.call(Method::POST, &path, Some(&key), Body::from("{}")).await;

    let said = answer.body["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.contains("Route=/key/{key}/reset_spend. Your role=unknown."), "{said}");
    assert!(!said.contains(&key), "{said}");
}
