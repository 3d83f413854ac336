//! The main job: a key made over REST, a request through Envoy, its tokens and cost in the ledger.

use serde_json::{Value, json};
use tollgate_e2e::{Role, Stack, block_on, nanos, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED, RENAMED_TARGET};

// proves: config.{models[].name,models[].targets[].provider,models[].targets[].model,providers[].id,providers[].base_url,filter.file}
// proves: config.server.gateway.listen
// proves: config.models[].targets[].price.{input_token,output_token}
#[test]
fn a_chat_is_answered_counted_and_charged() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let fields = json!({ "key_alias": null, "metadata": { "tags": ["of-the-key"] } });
        let (key, client) = stack.key(&fields).await;

        let more = json!({ "user": "alice", "metadata": { "tags": ["of-the-request"] } });
        let mut answer = client.chat(RENAMED, &more).send().await;

        assert_eq!(answer.status(), 200);
        let answer = answer.json().await;
        assert_eq!(answer["model"], RENAMED);
        let request = stack.demo().requests().remove(0);
        assert_eq!(request.target, "/v1/chat/completions");
        assert_eq!(request.json()["model"], RENAMED_TARGET);

        let row = stack.row(&key).await;
        let counted = stack.demo().counts().completed[RENAMED_TARGET];
        assert_eq!(row.tokens(), (counted.prompt, counted.completion, counted.total()));
        assert_eq!(row.tokens(), usage(&answer));
        let cost = cost_of(&answer);
        assert_eq!(row.cost_nanos(), cost);
        assert_eq!(row.usage_source(), "provider");
        assert_eq!(row.text("end_user"), "alice");
        assert_eq!(row.json["request_tags"], json!(["of-the-key", "of-the-request"]));

        let mut info = stack.admin().get(&format!("/key/info?key={}", key.secret)).send().await;
        assert_eq!(nanos(&info.json().await["info"]["spend"]), cost);
    });
}

#[test]
fn every_endpoint_is_metered() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let legacy = json!({ "model": "gpt-3.5-turbo-instruct", "prompt": "Say it." });
        let embedding = json!({
            "model": "text-embedding-3-small", "input": ["one", "two words"], "dimensions": 8,
        });
        let legacy = client.post("/v1/completions", &legacy).send().await.json().await;
        let embedding = client.post("/v1/embeddings", &embedding).send().await.json().await;

        assert_eq!(legacy["model"], "gpt-3.5-turbo-instruct");
        assert_eq!(embedding["data"].as_array().unwrap().len(), 2);
        let mut seen: Vec<_> =
            stack.rows(&key, 2).await.iter().map(tollgate_e2e::Row::tokens).collect();
        let mut expected = vec![usage(&legacy), usage(&embedding)];
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    });
}

#[test]
fn everything_but_the_model_is_passed_on_byte_for_byte() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let body = |model: &str| {
            format!(
                " {{\"messages\" : [ {{\"role\":\"user\",\"content\":\"\\u00e9 \\ud83e\\udd80 \
                 {{\\\"model\\\":1}}\"}} ],\n\t\"x\":1.0e+2, \"y\":-0.0, \"model\" :  \"{model}\" , \
                 \"big\":12345678901234567890123}} \n"
            )
        };

        let call = client.call(hyper::Method::POST, "/v1/chat/completions");
        let call = call.header("content-type", "application/json; charset=utf-8");
        let answer = call.body(body(RENAMED)).send().await;

        assert_eq!(answer.status(), 200);
        let request = stack.demo().requests().remove(0);
        assert_eq!(std::str::from_utf8(&request.body).unwrap(), body(RENAMED_TARGET));
        assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
    });
}

#[test]
fn the_static_bootstrap_serves_too() {
    block_on(async {
        let stack = Stack::builder().role(Role::Static).start().await;
        let (key, client) = stack.key(&json!({})).await;

        let answer = client.chat("gpt-4o-mini", &json!({})).send().await.json().await;

        assert_eq!(stack.row(&key).await.tokens(), usage(&answer));
        stack.stop().await;
    });
}

fn usage(answer: &Value) -> (u64, u64, u64) {
    let number = |field: &str| answer["usage"][field].as_u64().unwrap_or_default();
    (number("prompt_tokens"), number("completion_tokens"), number("total_tokens"))
}

/// The cost at the prices that the harness configures.
fn cost_of(answer: &Value) -> i64 {
    let (prompt, completion, _) = usage(answer);
    i64::try_from(prompt * 150 + completion * 600).unwrap()
}
