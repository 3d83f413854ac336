//! What models are called: aliases, providers before the name or in the path, defaults, groups.

use serde_json::{Value, json};
use tollgate_e2e::{Builder, Client, Model, Role, Shared, Stack, on_every_role};

static GATEWAY: Shared = Shared::new(named);
static STANDALONE: Shared = Shared::new(|| named().role(Role::Standalone));
static EVERY_ROLE: [&Shared; 2] = [&GATEWAY, &STANDALONE];

/// A model that two providers serve, and one for vectors that belongs to a group.
fn named() -> Builder {
    let shared = Model::new("shared", "demo", "gpt-4o-mini").or("second");
    Stack::builder()
        .simulator("second")
        .model(shared)
        .model(Model::new("vectors", "demo", "text-embedding-3-small").with("groups", json!(["g"])))
        .section("aliases", json!({ "quick": "gpt-4o", "my-*": "second/gpt-4o-mini" }))
        .section("default_model", "quick")
        .gateway("base_paths", json!([{ "path": "/telkom", "default_model": "shared" }]))
}

/// Who served a chat at this path, and by which name they know the model.
async fn served(
    stack: &Stack,
    client: &Client,
    path: &str,
    body: &Value,
) -> Vec<(&'static str, Value)> {
    let answer = client.post(path, body).send().await;
    assert_eq!(answer.status(), 200, "{path} {body}");
    let of = |id: &'static str| {
        let requests = stack.simulator(id).requests().into_iter();
        requests.map(move |request| (id, request.json()["model"].clone()))
    };
    of("demo").chain(of("second")).collect()
}

fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] })
}

const CHAT: &str = "/v1/chat/completions";

#[track_caller]
fn story(path: &'static str, body: &Value, who: &'static str, model: &'static str) {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let got = served(stack, &client, path, body).await;
        assert_eq!(got, [(who, json!(model))], "{path} {body}");
    });
}

// proves: config.aliases
#[test]
fn an_alias_stands_for_its_model() {
    story(CHAT, &chat("Quick"), "demo", "gpt-4o");
}

#[test]
fn a_pattern_can_stand_for_a_model_of_one_provider() {
    story(CHAT, &chat("my-model"), "second", "gpt-4o-mini");
}

#[test]
fn a_provider_before_the_name_alone_serves() {
    story(CHAT, &chat("second/shared"), "second", "gpt-4o-mini");
}

#[test]
fn a_provider_in_the_path_alone_serves() {
    story("/v1/providers/second/chat/completions", &chat("shared"), "second", "gpt-4o-mini");
}

// proves: config.default_model
#[test]
fn a_request_that_names_no_model_gets_the_default() {
    story(CHAT, &json!({ "messages": [{ "role": "user", "content": "Hi" }] }), "demo", "gpt-4o");
}

// proves: config.server.gateway.base_paths[].default_model
#[test]
fn a_base_path_has_a_default_of_its_own() {
    let body = json!({ "model": null, "messages": [{ "role": "user", "content": "Hi" }] });
    story("/telkom/chat/completions", &body, "demo", "gpt-4o-mini");
}

#[test]
fn what_no_name_or_path_stands_for_is_refused() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for (path, model, status, code) in [
            (CHAT, "second/gpt-5", 404, "model_not_found"),
            (CHAT, "nobody/gpt-4o", 404, "model_not_found"),
            (CHAT, "../gpt-4o", 400, "invalid_field"),
            ("/v1/providers/second/chat/completions", "demo/shared", 400, "invalid_field"),
            ("/v1/providers/nobody/chat/completions", "shared", 400, "invalid_field"),
            ("/v1/providers/second/chat/completions", "gpt-4o", 404, "model_not_found"),
        ] {
            let mut answer = client.post(path, &chat(model)).send().await;
            answer.refused(status, "invalid_request_error", code).await;
        }
        assert!(stack.demo().requests().is_empty());
        assert!(stack.simulator("second").requests().is_empty());
    });
}

// proves: config.models[].groups
#[test]
fn a_group_opens_its_models_and_no_alias_opens_more() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "models": ["g", "gpt-4o"] })).await;
        let vectors = json!({ "model": "vectors", "input": "x" });
        assert_eq!(client.post("/v1/embeddings", &vectors).send().await.status(), 200);
        assert_eq!(client.post(CHAT, &chat("quick")).send().await.status(), 200);
        for model in ["my-model", "second/shared", "demo/gpt-4o-mini"] {
            let mut answer = client.post(CHAT, &chat(model)).send().await;
            answer.refused(403, "permission_error", "model_not_allowed").await;
        }
    });
}

#[test]
fn every_name_that_a_key_may_use_is_listed() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let fields = json!({ "models": ["g", "gpt-4o"], "aliases": { "mine": "gpt-4o" } });
        let (_, client) = stack.key(&fields).await;
        let listed = client.get("/v1/models").send().await.json().await;
        assert_eq!(ids(&listed), ["gpt-4o", "mine", "quick", "vectors"]);
        assert_eq!(listed["data"][2]["root"], "gpt-4o");
        let one = client.get("/v1/models/quick").send().await.json().await;
        assert_eq!((&one["id"], &one["parent"]), (&json!("quick"), &json!("gpt-4o")));
        let vectors = client.get("/v1/embeddings").send().await.json().await;
        assert_eq!(ids(&vectors), ["vectors"]);
        assert_eq!(vectors["data"][0]["type"], "embedding");
        let pictures = client.get("/v1/images/generations").send().await.json().await;
        assert_eq!(ids(&pictures), [""; 0]);
        let tags = client.get("/api/tags").send().await.json().await;
        assert_eq!(tags["models"][2]["name"], "quick");
        let gemini = client.get("/v1beta/models").send().await.json().await;
        assert_eq!(gemini["models"][2]["name"], "models/quick");
    });
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect()
}
