//! What is described is what is served.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;
use tollgate_control_plane::http::access::TABLE;
use tollgate_control_plane::http::openapi::requests::{BODIES, Body as Described};
use tollgate_control_plane::http::openapi::{example, summary};

use crate::app::{Answer, MASTER, TestApp};

async fn call(app: &TestApp, (method, path): (&str, &str), body: &Value) -> Answer {
    app.call(method.parse().unwrap(), path, Some(MASTER), Body::from(body.to_string())).await
}

#[tokio::test]
async fn every_route_is_described() {
    let app = TestApp::start().await;
    let answer = app.call(Method::GET, "/openapi.json", None, Body::empty()).await;
    let told = answer.ok();
    assert_eq!(told["openapi"], "3.1.0");

    for (method, path, _) in TABLE {
        let operation = &told["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not in the document");
        let summary = summary(method, path);
        assert!(summary.is_some(), "say in http/openapi/routes.rs what {method} {path} does");
        assert!(operation["x-access"].is_string(), "{method} {path}");
    }
    let described = told["paths"].as_object().unwrap().values();
    let described: usize = described.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, TABLE.len());
    let served: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    for body in BODIES {
        assert!(served.contains(&body.route), "{:?} is not served", body.route);
    }
}

/// Puts names of things that are there into a path.
fn filled(path: &str) -> String {
    let name = if path.starts_with("/credentials") { "openai" } else { "fast-1" };
    let path = if path.contains("/regenerate") {
        path.replace("{key}", "sk-example-of-another")
    } else {
        path.replace("{key}", "sk-example-of-a-key")
    };
    let path = path.replace("{team_id}", "search").replace("{user_id}", "ada");
    path.replace("{name}", name).replace("{id}", name)
}

/// Those whose ids are made up when they are made, and those that ask a provider.
fn is_elsewhere((_, path): (&str, &str)) -> bool {
    path.contains("{id}") && path.starts_with("/api/")
        || path.ends_with("/validate")
        || path.ends_with("/test")
}

#[tokio::test]
async fn every_example_is_taken() {
    let app = TestApp::start().await;

    for body in BODIES.iter().filter(|body| !is_elsewhere(body.route)) {
        let mut example = example(body).unwrap_or_else(|| panic!("{} is no JSON", body.example));
        let (method, path) = body.route;
        if path == "/spend/calculate" || path == "/cost/estimate" {
            // The others of these tests have no price.
            example["model"] = "priced".into();
        } else if path == "/v2/login" {
            example["password"] = MASTER.into();
        }
        let answer = call(&app, (method, &filled(path)), &example).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
    }
}

/// Says which model is meant, so without it nothing else is looked at.
fn by_value(body: &Described, name: &str) -> bool {
    (body.route.1, name) == ("/model/update", "model_info")
}

#[tokio::test]
async fn every_field_is_read() {
    let app = TestApp::start().await;
    let mut unread = Vec::new();
    let made = BODIES.iter().find(|body| body.route == ("POST", "/model/new")).unwrap();
    call(&app, made.route, &example(made).unwrap()).await.ok();

    for body in BODIES.iter().filter(|body| !is_elsewhere(body.route)) {
        let mut known = BTreeSet::new();
        for field in body.fields.iter().copied().flatten() {
            let (method, path) = body.route;
            assert!(known.insert(field.name), "{method} {path} names {} twice", field.name);
            if by_value(body, field.name) {
                continue;
            }
            let mut sent = example(body).unwrap();
            sent[field.name] = field.kind.wrong();
            let answer = call(&app, (method, &filled(path)), &sent).await;
            let refused = answer.status.is_client_error();
            if !refused || !answer.body.to_string().contains(field.name) {
                unread.push(format!("{method} {path} {}: {}", field.name, answer.body));
            }
        }
    }

    assert_eq!(unread, Vec::<String>::new());
}

#[tokio::test]
async fn the_page_names_every_route() {
    let app = TestApp::start().await;
    let page = app.text("/docs").await;

    for (_, path, _) in TABLE {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "it needs nothing from elsewhere");
}
