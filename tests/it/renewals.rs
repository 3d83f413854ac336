//! What becomes of a key that is given a new secret, and of one that may call some routes alone.

use serde_json::json;
use tollgate_e2e::{eventually, on_every_role};

use crate::stacks::EVERY_ROLE;

// proves: key.{new_key,grace_period}
#[test]
fn a_former_secret_is_refused_at_once_or_when_its_grace_is_over() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, first) = stack.key(&json!({})).await;
        let models =
            async |client: &tollgate_e2e::Client| client.get("/v1/models").send().await.status();
        assert_eq!(models(&first).await, 200);
        let renew = async |secret: &str, grace: &str| {
            let body = json!({ "key": secret, "grace_period": grace });
            let made = stack.admin().post("/key/regenerate", &body).send().await.json().await;
            made["key"].as_str().unwrap().to_owned()
        };

        let second = renew(&key.secret, "1h").await;
        assert_eq!(models(&stack.client().key(&second)).await, 200);
        assert_eq!(models(&first).await, 200, "its grace is not over");
        let third = renew(&second, "1s").await;
        eventually("its grace is over", async || {
            (models(&stack.client().key(&second)).await == 401).then_some(())
        })
        .await;
        let fourth = renew(&third, "0").await;
        eventually("it is refused", async || {
            (models(&stack.client().key(&third)).await == 401).then_some(())
        })
        .await;
        assert_eq!(models(&stack.client().key(&fourth)).await, 200);
    });
}

// proves: key.allowed_routes
#[test]
fn a_key_with_a_list_of_routes_is_refused_elsewhere() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "allowed_routes": ["/v1/models"] })).await;
        assert_eq!(client.get("/v1/models").send().await.status(), 200);
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 403);
        assert_eq!(client.get("/key/info").send().await.status(), 403);

        let (_, client) = stack.key(&json!({ "key_type": "llm_api" })).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        assert_eq!(client.get("/key/info").send().await.status(), 403);
    });
}
