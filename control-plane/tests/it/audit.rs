//! The audit log tells who changed what, and no secret.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn changes_are_shown_in_litellms_shape_without_secrets() {
    let app = TestApp::start().await;
    let metadata = json!({"api_key": "sk-of-somebody", "team": "a"});
    let key = app.key(json!({"key_alias": "a", "metadata": metadata})).await;
    app.post("/key/block", json!({"key": key})).await.ok();

    let page = app.get("/audit").await.ok();

    assert_eq!(
        (&page["total"], &page["page"], &page["page_size"]),
        (&json!(2), &json!(1), &json!(10))
    );
    let [blocked, made] = page["audit_logs"].as_array().unwrap().as_slice() else {
        panic!("{page}")
    };
    assert_eq!(blocked["action"], "blocked");
    assert_eq!(
        (&blocked["before_value"]["blocked"], &blocked["updated_values"]["blocked"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(made["action"], "created");
    assert_eq!(made["table_name"], "LiteLLM_VerificationToken");
    assert_eq!(made["changed_by"], "default_user_id");
    assert_eq!(made["before_value"], json!(null));
    let text = page.to_string();
    assert!(!text.contains(&key) && !text.contains("sk-of-somebody"), "{text}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("/audit/{id}")).await.ok(), *made);
}

#[tokio::test]
async fn changes_are_filtered() {
    let app = TestApp::start().await;
    app.key(json!({})).await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    for (query, expected) in [
        ("", 2),
        ("?action=created", 2),
        ("?action=deleted", 0),
        ("?action=danced", 0),
        ("?table_name=LiteLLM_TeamTable", 1),
        ("?table_name=Another", 0),
        ("?object_id=t", 1),
        ("?changed_by=default_user_id", 2),
        ("?changed_by=nobody", 0),
        ("?start_date=2026-11-21&end_date=2026-11-21", 2),
        ("?start_date=2026-11-22", 0),
        ("?page=2&page_size=1&sort_order=asc", 2),
    ] {
        let page = app.get(&format!("/audit{query}")).await.ok();
        assert_eq!(page["total"], json!(expected), "{query}");
    }
    assert_eq!(app.get("/audit?search=x").await.status, 400);
    assert_eq!(app.get("/audit?sort_by=object").await.status, 400);
    assert_eq!(app.get("/audit/unknown").await.status, 404);
}

#[tokio::test]
async fn only_the_admin_reads_it() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;

    let answer = app.call(Method::GET, "/audit", Some(&key), Body::empty()).await;
    assert_eq!(answer.status, 401);
}
