//! Under which paths the API is served.

use serde_json::json;
use tollgate_e2e::{Stack, on_every_role};

use crate::stacks::{EVERY_ROLE, for_each_role};

#[test]
fn the_api_is_served_under_each_of_its_prefixes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let chat = json!({ "model": "gpt-4o", "messages": [] });
        let legacy = json!({ "model": "gpt-3.5-turbo-instruct", "prompt": "x" });
        let embedding = json!({ "model": "text-embedding-3-small", "input": "x" });
        for prefix in ["/v1", "", "/api/v1"] {
            for (path, body) in [
                ("/chat/completions", &chat),
                ("/completions", &legacy),
                ("/embeddings", &embedding),
            ] {
                let path = format!("{prefix}{path}");
                assert_eq!(client.post(&path, body).send().await.status(), 200, "{path}");
            }
            let models = client.get(&format!("{prefix}/models")).send().await;
            assert_eq!(models.status(), 200, "{prefix}");
        }
        let targets: Vec<String> =
            stack.demo().requests().into_iter().map(|request| request.target).collect();
        assert_eq!(
            targets,
            ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"].repeat(3)
        );
    });
}

// proves: config.server.gateway.base_paths[].path
#[test]
fn a_configured_base_path_serves_too() {
    for_each_role(&async |role| {
        let stack = Stack::builder()
            .role(role)
            .gateway("base_paths", json!(["/llm/gateway"]))
            .start()
            .await;
        let (_, client) = stack.key(&json!({})).await;
        let body = json!({ "model": "gpt-4o", "messages": [] });

        let configured = client.post("/llm/gateway/chat/completions", &body).send().await;
        let mut other = client.post("/llm/chat/completions", &body).send().await;

        assert_eq!(configured.status(), 200);
        other.refused(404, "invalid_request_error", "not_found").await;
        stack.stop().await;
    });
}
