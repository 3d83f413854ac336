//! Every path of LiteLLM's management API is served, or says that it is not.

use std::fs;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};

/// Methods and paths, one a line, as LiteLLM 1.109 has them.
const SURFACE: &str = include_str!("surface.txt");

/// Models by Gemini's and OpenAI's paths, which the filter answers.
fn is_inference(path: &str) -> bool {
    path.strip_prefix("/v1").unwrap_or(path).starts_with("/models")
}

/// Asks at a path as the admin. None of what it names is there.
async fn ask(app: &TestApp, method: &str, path: &str) -> (u16, Value) {
    let path: String = path.replace(['{', '}'], "");
    let method: Method = method.parse().unwrap();
    let answer = app.call(method, &path, Some(MASTER), Body::from("{}")).await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn every_path_is_served_or_says_that_it_is_not() {
    let app = TestApp::start().await;
    let (mut unserved, mut forgotten) = (Vec::new(), Vec::new());
    for line in SURFACE.lines() {
        let (method, path) = line.split_once(' ').unwrap();
        if is_inference(path) {
            continue;
        }
        let (status, body) = ask(&app, method, path).await;
        let is_unknown = status == 405 || body == json!({"detail": "Not Found"});
        if is_unknown || status >= 500 && status != 501 {
            forgotten.push(format!("{line}: {status} {body}"));
        }
        if status == 501 {
            assert_eq!(body["error"]["type"], "not_implemented_error", "{line}");
            unserved.push(line);
        }
    }
    assert_eq!(forgotten, Vec::<String>::new());

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/admin.md");
    let text = fs::read_to_string(folder).unwrap();
    let told = text.split("## What is not served").nth(1).unwrap();
    let mut told: Vec<&str> =
        told.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next()).collect();
    told.sort_unstable();
    unserved.sort_unstable();
    assert_eq!(told, unserved);
}

#[tokio::test]
async fn nobody_without_a_key_hears_what_is_served() {
    let app = TestApp::start().await;
    for line in SURFACE.lines().filter(|line| line.starts_with("GET /config")) {
        let path = line.strip_prefix("GET ").unwrap().replace(['{', '}'], "");
        let answer = app.call(Method::GET, &path, None, Body::empty()).await;
        assert_eq!(answer.status, 401, "{line}");
    }
}
