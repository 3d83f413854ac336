//! What is refused about keys, and how.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let app = TestApp::start().await;
    app.key(json!({"key_alias": "taken"})).await;

    for (body, param) in [
        (json!({"key": "pk-1234567890123456"}), "key"),
        (json!({"key": "sk-short"}), "key"),
        (json!({"key": "sk-with space 12345"}), "key"),
        (json!({"key_alias": "taken"}), "key_alias"),
        (json!({"key_alias": "x".repeat(300)}), "key_alias"),
        (json!({"max_budget": -1}), "max_budget"),
        (json!({"max_budget": "nan"}), "max_budget"),
        (json!({"max_budget": "-inf"}), "max_budget"),
        (json!({"max_budget": 1e300}), "max_budget"),
        (json!({"spend": -0.5}), "spend"),
        (json!({"duration": "1y"}), "duration"),
        (json!({"duration": "999999999w"}), "duration"),
        (json!({"metadata": {"tags": "a"}}), "metadata"),
        (json!({"metadata": {"model_rpm_limit": {"m": "many"}}}), "metadata"),
        (json!({"soft_budget": "inf"}), "soft_budget"),
        (json!({"soft_budget": -1}), "soft_budget"),
        (json!({"budget_duration": "2mo"}), "budget_duration"),
        (json!({"budget_duration": "0d"}), "budget_duration"),
        (json!({"budget_limits": [{"budget_duration": "1d"}]}), "budget_limits"),
        (json!({"budget_limits": [{"max_budget": "nan"}]}), "budget_limits"),
        (json!({"model_max_budget": {"m": 5}}), "model_max_budget"),
        (json!({"model_max_budget": {"m": {"budget_limit": -1}}}), "model_max_budget"),
        (json!({"tpm_limit": -1}), "tpm_limit"),
        (json!({"rpm_limit": "-5"}), "rpm_limit"),
        (json!({"max_parallel_requests": 1_000_000_000_000_001_i64}), "max_parallel_requests"),
        (json!({"model_rpm_limit": {"m": -1}}), "model_rpm_limit"),
    ] {
        let (status, kind, named) = app.post("/key/generate", body.clone()).await.refusal();
        assert_eq!((status, kind.as_str()), (400, "bad_request_error"), "{body}");
        assert_eq!(named, param, "{body}");
    }
    assert_eq!(app.get("/key/list").await.ok()["total_count"], 1);
}

#[tokio::test]
async fn what_is_not_enforced_yet_is_not_accepted() {
    let app = TestApp::start().await;

    for (name, value) in [
        ("allowed_routes", json!(["mcp_routes"])),
        ("guardrails", json!(["g"])),
        ("permissions", json!({"allow": true})),
        ("config", json!({"a": 1})),
        ("object_permission", json!({"mcp_servers": ["m"]})),
        ("key_type", json!("king")),
        ("auto_rotate", json!(true)),
    ] {
        let (status, kind, param) = app.post("/key/generate", json!({name: value})).await.refusal();
        assert_eq!((status, kind.as_str()), (400, "bad_request_error"), "{name}");
        assert_eq!(param, name);
    }
    let empty = json!({"guardrails": [], "config": {}, "budget_id": "",
        "auto_rotate": false, "key_type": "default", "object_permission": {"mcp_servers": []},
        "router_settings": {"fallbacks": null}});
    app.post("/key/generate", empty).await.ok();
}

#[tokio::test]
async fn wrong_types_are_told_all_at_once() {
    let app = TestApp::start().await;

    let answer = app
        .post(
            "/key/generate",
            json!({"models": [1], "key_alias": 7, "max_budget": "x", "blocked": 3}),
        )
        .await;

    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problems: Vec<(&Value, &Value)> = answer.body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (&problem["type"], &problem["loc"]))
        .collect();
    assert_eq!(
        problems,
        [
            (&json!("string_type"), &json!(["body", "key_alias"])),
            (&json!("string_type"), &json!(["body", "models", 0])),
            (&json!("float_parsing"), &json!(["body", "max_budget"])),
            (&json!("bool_parsing"), &json!(["body", "blocked"])),
        ]
    );
    let entry = &answer.body["detail"][0];
    assert_eq!(
        (&entry["msg"], &entry["input"]),
        (&json!("Input should be a valid string"), &json!(7))
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    let app = TestApp::start().await;
    let post = async |body: &'static str| {
        app.call(Method::POST, "/key/generate", Some(MASTER), body).await
    };

    let missing = post("").await;
    let list = post("[]").await;
    let broken = post("{\"a\":").await.refusal();
    let nan = post("{\"max_budget\": NaN}").await.refusal();

    assert_eq!(
        (missing.status.as_u16(), missing.body),
        (
            422,
            json!({"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required",
            "input": null}]})
        )
    );
    assert_eq!((list.status.as_u16(), &list.body["detail"][0]["loc"]), (422, &json!(["body"])));
    let expected = (400, "invalid_request_error".to_owned(), json!("request_body"));
    assert_eq!((broken, nan), (expected.clone(), expected));
}

#[tokio::test]
async fn keys_that_are_not_there_cannot_be_changed() {
    let app = TestApp::start().await;

    for (path, body) in [
        ("/key/update", json!({"key": "sk-unknown"})),
        ("/key/update", json!({"key": "neither"})),
        ("/key/update", json!({"key": MASTER})),
        ("/key/block", json!({"key": "sk-unknown"})),
        ("/key/unblock", json!({"key": "00".repeat(32)})),
        ("/key/delete", json!({"keys": ["sk-unknown"]})),
        ("/key/delete", json!({"key_aliases": ["unknown"]})),
    ] {
        let (status, kind, _) = app.post(path, body.clone()).await.refusal();
        assert_eq!((status, kind.as_str()), (404, "not_found_error"), "{path} {body}");
    }
}

#[tokio::test]
async fn a_key_must_be_named() {
    let app = TestApp::start().await;

    for path in ["/key/update", "/key/block", "/key/unblock", "/key/delete"] {
        let answer = app.post(path, json!({})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    for key in ["not-a-key", "sk-", "sk-a b", "00"] {
        let (status, _, param) = app.post("/key/block", json!({"key": key})).await.refusal();
        assert_eq!((status, param), (400, json!("key")), "{key}");
    }
}

#[tokio::test]
async fn the_master_key_cannot_be_made_a_key() {
    let app = TestApp::with_master(Some("sk-master-of-this-gateway")).await;
    let body = json!({"key": "sk-master-of-this-gateway"}).to_string();

    let answer =
        app.call(Method::POST, "/key/generate", Some("sk-master-of-this-gateway"), body).await;

    assert_eq!(answer.refusal().0, 400);
}

#[tokio::test]
async fn list_parameters_are_checked() {
    let app = TestApp::start().await;

    for (query, kind) in [
        ("page=0", "greater_than_equal"),
        ("size=101", "less_than_equal"),
        ("size=many", "int_parsing"),
        ("return_full_object=perhaps", "bool_parsing"),
    ] {
        let answer = app.get(&format!("/key/list?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.body["detail"][0]["type"], kind, "{query}");
    }
    for query in ["sort_by=name", "sort_order=up", "status=gone", "search=x"] {
        let (status, _, param) = app.get(&format!("/key/list?{query}")).await.refusal();
        let (name, _) = query.split_once('=').unwrap();
        assert_eq!((status, param), (400, json!(name)), "{query}");
    }
}
