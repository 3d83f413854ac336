//! Answers of the main routes beside LiteLLM's, in both profiles: which fields, of which types,
//! and with which status.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Map, Value, json};
use tollgate_control_plane::publish::Published;

use crate::app::{MASTER, TestApp};

/// The fields of LiteLLM's rows by what they are about, with their types: of release 1.83.14 as
/// its own models say, of 1.109 as its `OpenAPI` document does.
const ROWS_OF_183: &str = include_str!("golden/litellm-1.83.json");
const ROWS_OF_LATEST: &str = include_str!("golden/litellm-1.109.json");

type Call = (&'static str, &'static str, &'static str, Option<(&'static str, &'static str)>);

/// What is asked, one after the other: method, path, body, and which row the answer holds and
/// where. `KEY` stands for a key that was made.
const CALLS: &[Call] = &[
    ("POST", "/budget/new", r#"{"budget_id": "b", "max_budget": 5}"#, Some(("budget", ""))),
    ("POST", "/budget/new", r#"{"budget_id": "b"}"#, None),
    ("POST", "/budget/update", r#"{"budget_id": "b", "max_budget": 6}"#, Some(("budget", ""))),
    ("POST", "/budget/info", r#"{"budgets": ["b"]}"#, Some(("budget", "/0"))),
    ("GET", "/budget/list", "", Some(("budget", "/0"))),
    (
        "POST",
        "/organization/new",
        r#"{"organization_id": "o", "organization_alias": "O"}"#,
        Some(("organization", "")),
    ),
    (
        "PATCH",
        "/organization/update",
        r#"{"organization_id": "o", "max_budget": 7}"#,
        Some(("organization", "")),
    ),
    ("GET", "/organization/info?organization_id=o", "", Some(("organization", ""))),
    ("GET", "/organization/list", "", Some(("organization", "/0"))),
    (
        "POST",
        "/team/new",
        r#"{"team_id": "t", "team_alias": "T", "organization_id": "o"}"#,
        Some(("team", "")),
    ),
    ("POST", "/team/new", r#"{"team_id": "t"}"#, None),
    ("POST", "/team/update", r#"{"team_id": "t", "rpm_limit": 9}"#, Some(("team", "/data"))),
    ("POST", "/team/update", r#"{"team_id": "none"}"#, None),
    ("GET", "/team/info?team_id=t", "", Some(("team", "/team_info"))),
    ("GET", "/team/info?team_id=none", "", None),
    ("GET", "/team/list", "", Some(("team", "/0"))),
    ("GET", "/v2/team/list", "", Some(("team", "/teams/0"))),
    (
        "POST",
        "/team/member_add",
        r#"{"team_id": "t", "member": {"role": "user", "user_id": "m"}}"#,
        Some(("team", "")),
    ),
    (
        "POST",
        "/team/member_add",
        r#"{"team_id": "t", "member": {"role": "user", "user_id": "m"}}"#,
        None,
    ),
    ("POST", "/team/member_update", r#"{"team_id": "t", "user_id": "m", "rpm_limit": 2}"#, None),
    ("POST", "/user/new", r#"{"user_id": "u", "user_email": "u@example.com"}"#, Some(("user", ""))),
    ("POST", "/user/new", r#"{"user_id": "u"}"#, None),
    ("POST", "/user/new", r#"{"user_role": "king"}"#, None),
    ("POST", "/user/update", r#"{"user_id": "u", "max_budget": 3}"#, None),
    ("GET", "/user/info?user_id=u", "", None),
    ("GET", "/user/info?user_id=none", "", None),
    ("GET", "/user/list", "", None),
    (
        "POST",
        "/key/generate",
        r#"{"key_alias": "a", "max_budget": 5, "user_id": "u"}"#,
        Some(("key", "")),
    ),
    ("POST", "/key/generate", r#"{"key_alias": "a"}"#, None),
    ("POST", "/key/generate", r#"{"max_budget": "nan"}"#, None),
    ("POST", "/key/generate", r#"{"models": 7}"#, None),
    ("POST", "/key/generate", "", None),
    ("GET", "/key/info?key=KEY", "", None),
    ("GET", "/key/info?key=sk-none", "", None),
    ("POST", "/key/update", r#"{"key": "KEY", "rpm_limit": 4}"#, None),
    ("POST", "/key/update", r#"{"key": "sk-none"}"#, None),
    ("POST", "/key/block", r#"{"key": "KEY"}"#, None),
    ("POST", "/key/unblock", r#"{"key": "KEY"}"#, None),
    ("POST", "/key/block", r#"{"key": "odd"}"#, None),
    ("GET", "/key/list?return_full_object=true", "", None),
    ("POST", "/key/regenerate", r#"{"key": "KEY", "new_key": "KEY-2"}"#, Some(("key", ""))),
    ("POST", "/customer/new", r#"{"user_id": "c", "max_budget": 1}"#, Some(("customer", ""))),
    ("POST", "/customer/new", r#"{"user_id": "c"}"#, None),
    ("POST", "/customer/update", r#"{"user_id": "c", "alias": "C"}"#, Some(("customer", ""))),
    ("GET", "/customer/info?end_user_id=c", "", Some(("customer", ""))),
    ("GET", "/customer/info?end_user_id=none", "", None),
    ("GET", "/customer/list", "", Some(("customer", "/0"))),
    (
        "POST",
        "/model/new",
        r#"{"model_name": "n", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}, "model_info": {"id": "d"}}"#,
        None,
    ),
    ("GET", "/model/info?litellm_model_id=d", "", None),
    ("GET", "/model/info?litellm_model_id=none", "", None),
    ("POST", "/model/update", r#"{"model_info": {"id": "none"}}"#, None),
    ("GET", "/model_group/info", "", None),
    ("POST", "/model/delete", r#"{"id": "d"}"#, None),
    ("POST", "/model/delete", r#"{"id": "none"}"#, None),
    ("GET", "/spend/keys", "", None),
    ("GET", "/spend/users", "", None),
    ("GET", "/spend/tags", "", None),
    ("GET", "/spend/logs", "", None),
    ("POST", "/spend/calculate", "{}", None),
    ("GET", "/global/spend", "", None),
    ("GET", "/global/spend/keys", "", None),
    ("GET", "/global/spend/teams", "", None),
    ("GET", "/health/readiness", "", None),
    ("GET", "/health/liveliness", "", None),
    ("POST", "/key/delete", r#"{"keys": ["KEY-2"]}"#, None),
    ("POST", "/key/delete", r#"{"keys": ["sk-none"]}"#, None),
    ("POST", "/user/delete", r#"{"user_ids": ["u"]}"#, None),
    ("POST", "/user/delete", r#"{"user_ids": ["u"]}"#, None),
    ("POST", "/customer/delete", r#"{"user_ids": ["c"]}"#, None),
    ("POST", "/team/delete", r#"{"team_ids": ["t"]}"#, None),
    ("DELETE", "/organization/delete", r#"{"organization_ids": ["o"]}"#, None),
    ("DELETE", "/organization/delete", r#"{"organization_ids": ["o"]}"#, None),
    ("POST", "/budget/delete", r#"{"id": "b"}"#, None),
];

const KEY: &str = "sk-of-the-golden-answers";

/// What callers hear who have no right, or no longer.
const REFUSALS: &[(&str, &str)] = &[
    ("sk-unknown-key-of-nobody", "/key/info"),
    ("sk-expired-key-of-tests", "/key/info"),
    ("sk-plain-key-of-nobody", "/global/spend"),
    ("sk-plain-key-of-nobody", "/spend/users?user_id=u"),
];

type Rows = BTreeMap<String, BTreeMap<String, String>>;

async fn with_profile(profile: &str) -> TestApp {
    let text = format!(
        "
server: {{ gateway: {{ error_profile: {profile} }} }}
filter: {{ file: tollgate_filter.wasm }}
providers: [{{ id: openai, base_url: https://api.openai.com/v1 }}]
models: [{{ name: m, targets: [{{ provider: openai, model: gpt-4o-mini }}] }}]
"
    );
    TestApp::with_file(&text).await
}

/// Writes down every answer, and what is otherwise than LiteLLM's rows say.
async fn answers(app: &TestApp, rows: &Rows, unknown_then: &Rows) -> (String, Vec<String>) {
    let (mut text, mut faults) = (String::new(), Vec::new());
    for (method, path, body, row) in CALLS {
        let (method, path) = (method.parse::<Method>().unwrap(), path.replace("KEY", KEY));
        let mut sent = body.replace("KEY", KEY);
        if path == "/key/generate" && sent.contains("user_id") {
            sent = with_key(&sent, KEY);
        }
        let answer = app.call(method.clone(), &path, Some(MASTER), Body::from(sent)).await;
        if path == "/model/new" {
            // What is asked next is about a model that is there.
            let is_there = |it: &Published| it.snapshot.models.iter().any(|it| it.name == "n");
            app.publisher.watch().wait_for(is_there).await.unwrap();
        }
        let _ = writeln!(text, "{method} {path} {body} -> {}", answer.status.as_u16());
        shape(&mut text, &answer.body, 1);
        let Some((kind, at)) = row else { continue };
        let told = answer.body.pointer(at).and_then(Value::as_object);
        let told = told.unwrap_or_else(|| unreachable!("{path} {}", answer.body));
        compare(&format!("{method} {path}"), told, &rows[*kind], &mut faults);
        for name in unknown_then.get(*kind).into_iter().flat_map(BTreeMap::keys) {
            if told.contains_key(name)
                && !rows[*kind].contains_key(name)
                && !LIVE.contains(&name.as_str())
            {
                faults.push(format!("{method} {path} has {name}, which came later"));
            }
        }
    }
    (text, faults)
}

/// Fields that are in no model of 1.83 and were in its answers nevertheless.
const LIVE: [&str; 3] = ["budget_id", "model_spend", "models"];

fn with_key(body: &str, key: &str) -> String {
    let mut body: Map<String, Value> = serde_json::from_str(body).unwrap();
    body.insert("key".into(), key.into());
    Value::Object(body).to_string()
}

/// Limits of something's own are a budget without a name here, and LiteLLM makes one up.
fn compare(
    call: &str,
    told: &Map<String, Value>,
    row: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) {
    for (name, kinds) in row {
        match told.get(name) {
            None => faults.push(format!("{call} has no {name}")),
            Some(Value::Null) if name == "budget_id" => {}
            Some(value) if kinds == "any" || kinds.split('|').any(|it| it == kind(value)) => {}
            Some(value) => faults.push(format!("{call} {name} is {value}, not {kinds}")),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Writes which fields there are, and of which types.
fn shape(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let _ = writeln!(text, "{indent}{name}: {}", kind(field));
                shape(text, field, depth + 1);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first().filter(|it| it.is_object()) {
                let _ = writeln!(text, "{indent}-");
                shape(text, first, depth + 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn refusals(app: &TestApp) -> String {
    let expired = json!({"key": "sk-expired-key-of-tests", "duration": "1s"});
    app.post("/key/generate", expired).await.ok();
    app.key(json!({"key": "sk-plain-key-of-nobody"})).await;
    app.clock.advance(std::time::Duration::from_secs(2));
    let mut text = String::new();
    for (key, path) in REFUSALS {
        let answer = app.call(Method::GET, path, Some(key), Body::empty()).await;
        let error = &answer.body["error"];
        let _ = writeln!(
            text,
            "{key} {path} -> {} type {} param {} code {}",
            answer.status.as_u16(),
            error["type"],
            error["param"],
            error["code"]
        );
    }
    text
}

fn rows(text: &str) -> Rows {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn answers_are_those_of_litellms_latest_release() {
    let app = with_profile("litellm").await;

    let (text, faults) = answers(&app, &rows(ROWS_OF_LATEST), &Rows::new()).await;

    assert_eq!(faults, Vec::<String>::new());
    insta::assert_snapshot!("answers_latest", text + &refusals(&app).await);
}

// proves: config.server.gateway.error_profile
#[tokio::test]
async fn answers_are_those_of_release_183_where_that_is_configured() {
    let app = with_profile("litellm-1.83").await;

    let (text, faults) = answers(&app, &rows(ROWS_OF_183), &rows(ROWS_OF_LATEST)).await;

    assert_eq!(faults, Vec::<String>::new());
    insta::assert_snapshot!("answers_1_83", text + &refusals(&app).await);
}
