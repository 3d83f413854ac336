//! The management API through the gateway's own port, and its errors in LiteLLM's form.

use serde_json::{Value, json};
use tollgate_e2e::{hash_of, on_every_role};

use crate::stacks::{EVERY_ROLE, EVERY_ROLE_STRICT};

#[test]
fn health_needs_no_key() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let client = stack.client();

        for path in ["/health/liveliness", "/health/liveness"] {
            assert_eq!(client.get(path).send().await.json().await, json!("I'm alive!"), "{path}");
        }
        let health = client.get("/health").send().await.json().await;
        assert_eq!(health["status"], "healthy");
        assert!(health["timestamp"].is_string(), "{health}");
        assert_eq!(health.get("healthy_endpoints"), None);
        let ready = client.get("/ready").send().await.json().await;
        assert_eq!(ready["status"], "ready");
        let readiness = client.get("/health/readiness").send().await.json().await;
        assert_eq!(readiness["db"], "connected");

        let admin = stack.client().key(stack.master_key());
        let health = admin.get("/health").send().await.json().await;
        assert!(health["healthy_count"].as_u64().unwrap() > 0, "{health}");
    });
}

#[test]
fn a_key_lives_its_life_through_the_gateway() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let admin = stack.client().key(stack.master_key());
        let fields = json!({
            "models": ["gpt-4o"], "user_id": "u", "team_id": "t", "max_budget": 5,
            "metadata": { "a": 1 }, "duration": "1h",
        });

        let made = admin.post("/key/generate", &fields).send().await.json().await;
        let key = made["key"].as_str().unwrap();
        assert!(key.starts_with("sk-"), "{made}");
        assert_eq!(made["token"], hash_of(key));
        let shown = info(&admin, key).await;
        assert_eq!((&shown["models"], &shown["max_budget"]), (&json!(["gpt-4o"]), &json!(5.0)));
        assert_eq!((&shown["user_id"], &shown["team_id"]), (&json!("u"), &json!("t")));
        assert_eq!(shown["metadata"], json!({ "a": 1 }));

        let change = json!({ "key": key, "models": ["gpt-4o-mini"] });
        assert_eq!(admin.post("/key/update", &change).send().await.status(), 200);
        assert_eq!(info(&admin, key).await["models"], json!(["gpt-4o-mini"]));
        let own = stack.client().key(key).get("/key/info").send().await.json().await;
        assert_eq!(own["info"]["user_id"], "u");

        let listed = admin.get("/key/list?size=100").send().await.json().await;
        assert!(listed["keys"].as_array().unwrap().contains(&json!(hash_of(key))), "{listed}");
        let removed =
            admin.post("/key/delete", &json!({ "keys": [key] })).send().await.json().await;
        assert_eq!(removed["deleted_keys"], json!([key]));
    });
}

#[test]
fn errors_have_the_form_that_its_clients_match_on() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, ordinary) = stack.key(&json!({})).await;
        let admin = stack.client().key(stack.master_key());

        let cases: [(&str, _, u16, &str, Value); 4] = [
            ("no key", stack.client().get("/key/info"), 401, "auth_error", json!(null)),
            (
                "unknown key",
                stack.client().key("sk-unknown-unknown").get("/key/info"),
                401,
                "token_not_found_in_db",
                json!("key"),
            ),
            (
                "no admin",
                ordinary.post("/key/generate", &json!({})),
                401,
                "auth_error",
                json!(null),
            ),
            (
                "unknown info",
                admin.get("/key/info?key=sk-unknown-unknown"),
                404,
                "not_found_error",
                json!("key"),
            ),
        ];
        for (what, call, status, kind, param) in cases {
            let mut answer = call.send().await;
            assert_eq!(answer.status(), status, "{what}");
            let error = answer.json().await["error"].clone();
            assert_eq!((&error["type"], &error["param"]), (&json!(kind), &param), "{what}");
            assert_eq!(error["code"], status.to_string(), "{what}");
        }
        let missing = admin.post("/key/update", &json!({})).send().await;
        assert_eq!(missing.status(), 422);
    });
}

// proves: config.server.gateway.management
#[test]
fn the_gateway_can_be_told_not_to_serve_it() {
    on_every_role(&EVERY_ROLE_STRICT, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let admin = stack.client().key(stack.master_key());

        for path in ["/key/list", "/health", "/spend/logs", "/ready"] {
            let mut answer = admin.get(path).send().await;
            answer.refused(404, "invalid_request_error", "not_found").await;
        }
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        assert_eq!(stack.admin().get("/key/list").send().await.status(), 200);
    });
}

async fn info(admin: &tollgate_e2e::Client, key: &str) -> Value {
    admin.get(&format!("/key/info?key={key}")).send().await.json().await["info"].clone()
}
