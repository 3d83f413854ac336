//! What is explained is what happens: `/policy/explain` and a real gateway, asked about the same
//! requests.

use serde_json::{Value, json};
use tollgate_e2e::{nanos, on_every_role};

use crate::stacks::EVERY_ROLE;

/// What a key may do, and what is asked with it.
fn requests() -> Vec<(Value, Value)> {
    let hello = json!([{ "role": "user", "content": "Hello, how are you?" }]);
    let chat = |model: &str| json!({ "model": model, "messages": hello, "max_tokens": 50 });
    vec![
        (json!({}), chat("gpt-4o")),
        (json!({ "models": ["gpt-4o"] }), chat("gpt-4o-mini")),
        (json!({ "max_budget": 0.000_000_1 }), chat("gpt-4o")),
        (json!({ "max_budget": 1.0 }), chat("gpt-4o")),
        (json!({ "tpm_limit": 3 }), chat("gpt-4o")),
        (json!({ "allowed_routes": ["/v1/models"] }), chat("gpt-4o")),
        (json!({ "aliases": { "mine": "gpt-4o" } }), chat("mine")),
        (json!({}), chat("gpt-17")),
        (json!({}), json!({ "model": "gpt-4o", "messages": "none" })),
        (json!({}), json!({ "messages": hello })),
    ]
}

#[test]
fn what_is_explained_is_what_happens() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for (fields, body) in requests() {
            let (key, client) = stack.key(&fields).await;

            let asked = json!({ "key": key.secret, "body": body });
            let mut said = stack.admin().post("/policy/explain", &asked).send().await;
            assert_eq!(said.status(), 200, "{fields} {body}");
            let said = said.json().await;
            let mut answer = client.post("/v1/chat/completions", &body).send().await;
            let (status, found) = (answer.status(), answer.json().await);

            assert_eq!(said["status"], status, "{fields} {body}: {said}");
            assert_eq!(said["allowed"], status == 200, "{fields} {body}: {said}");
            if status == 200 {
                let row = stack.row(&key).await;
                let most = &said["worst_case"];
                assert!(row.cost_nanos() <= nanos(&most["cost"]), "{said}");
                let used = &found["usage"];
                assert!(used["prompt_tokens"].as_u64() <= most["input_tokens"].as_u64(), "{said}");
                assert!(used["completion_tokens"].as_u64() <= most["output_tokens"].as_u64());
            } else {
                assert_eq!(said["response"]["error"]["code"], found["error"]["code"], "{said}");
                assert_eq!(said["targets"], json!([]));
            }
        }
    });
}
