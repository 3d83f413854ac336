//! Every row of the error table that the gateway decides itself: the right status, type and code,
//! and no provider that hears of it.

use hyper::Method;
use serde_json::json;
use tollgate_e2e::{Raw, eventually, on_every_role};

use crate::stacks::{EVERY_ROLE, EVERY_ROLE_STRICT, for_each_role, litellm};

#[test]
fn no_key_and_unknown_keys() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let unknown = stack.client().key("sk-unknown");

        let mut none = stack.client().chat("gpt-4o", &json!({})).send().await;
        none.refused(401, "authentication_error", "invalid_api_key").await;
        let mut given = unknown.chat("gpt-4o", &json!({})).send().await;
        given.refused(401, "authentication_error", "invalid_api_key").await;

        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn deleted_keys() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        assert_eq!(client.get("/v1/models").send().await.status(), 200);

        let deleted = json!({ "keys": [key.secret] });
        assert_eq!(stack.admin().post("/key/delete", &deleted).send().await.status(), 200);

        let mut answer = eventually("the key is refused", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() != 200).then_some(answer)
        })
        .await;
        answer.refused(401, "authentication_error", "invalid_api_key").await;
    });
}

// proves: key.duration
#[test]
fn expired_keys() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "duration": "1s" })).await;

        eventually("the key expires", async || {
            (client.get("/v1/models").send().await.status() == 401).then_some(())
        })
        .await;
        let mut answer = client.chat("gpt-4o", &json!({})).send().await;

        answer.refused(401, "authentication_error", "expired_api_key").await;
        assert!(stack.demo().requests().is_empty());
    });
}

// proves: key.blocked
#[test]
fn blocked_keys_until_they_are_unblocked() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        assert_eq!(client.get("/v1/models").send().await.status(), 200);
        let named = json!({ "key": key.secret });
        let status = async || client.get("/v1/models").send().await.status();

        assert_eq!(stack.admin().post("/key/block", &named).send().await.status(), 200);
        eventually("the block arrives", async || (status().await == 403).then_some(())).await;
        let mut answer = client.chat("gpt-4o", &json!({})).send().await;
        answer.refused(403, "permission_error", "key_blocked").await;
        assert!(stack.demo().requests().is_empty());

        assert_eq!(stack.admin().post("/key/unblock", &named).send().await.status(), 200);
        eventually("the unblock arrives", async || (status().await == 200).then_some(())).await;
    });
}

#[test]
fn models_that_the_key_may_not_use() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "models": ["gpt-4o"] })).await;

        let mut answer = client.chat("gpt-4o-mini", &json!({})).send().await;
        let error = answer.refused(403, "permission_error", "model_not_allowed").await;

        assert_eq!(error["param"], "model");
        assert!(stack.demo().requests().is_empty());
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
    });
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let cases = [
            ("{\"model\":", "invalid_json"),
            ("", "invalid_json"),
            ("[]", "invalid_json"),
            ("{\"model\":\"gpt-4o\"} trailing", "invalid_json"),
            ("\u{0}\u{1}", "invalid_json"),
            ("{\"messages\":[]}", "missing_field"),
            ("{\"model\":5,\"messages\":[]}", "invalid_field"),
        ];
        for (body, code) in cases {
            let call = client.call(Method::POST, "/v1/chat/completions");
            let mut answer = call.body(body.to_owned()).send().await;
            let error = answer.refused(400, "invalid_request_error", code).await;
            let param = if code == "invalid_json" { json!(null) } else { json!("model") };
            assert_eq!(error["param"], param, "{body}");
        }
        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn unknown_models_and_paths() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;

        let mut model = client.chat("gpt-17", &json!({})).send().await;
        let error = model.refused(404, "invalid_request_error", "model_not_found").await;
        assert_eq!(error["message"], "Model 'gpt-17' not found in any enabled provider");
        for path in ["/v1/nothing", "/v1/chat/completions/more", "/v2/chat/completions", "/"] {
            let mut answer = client.post(path, &json!({})).send().await;
            answer.refused(404, "invalid_request_error", "not_found").await;
        }
        assert!(stack.demo().requests().is_empty());
    });
}

// proves: config.server.gateway.max_body_bytes
#[test]
fn bodies_that_are_too_large() {
    on_every_role(&EVERY_ROLE_STRICT, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let large = json!({ "padding": "x".repeat(70_000) });

        let mut known = client.chat("gpt-4o", &large).send().await;
        known.refused(413, "invalid_request_error", "payload_too_large").await;
        let mut chunked = client.chat("gpt-4o", &large).chunked(10_000).send().await;
        chunked.refused(413, "invalid_request_error", "payload_too_large").await;

        assert!(stack.demo().requests().is_empty());
    });
}

// proves: config.server.gateway.request_timeout_seconds
#[test]
fn clients_that_are_too_slow() {
    on_every_role(&EVERY_ROLE_STRICT, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let mut raw = Raw::connect(stack.envoy().gateway).await;

        raw.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-length: 100\r\n\r\n{{\"model\":",
            key.secret
        ))
        .await;
        let answer = raw.read_answer().await;

        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn keys_whose_budget_is_spent() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({ "max_budget": 0.000_5 })).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        assert!(stack.row(&key).await.cost_nanos() > 1000);

        let mut answer = eventually("the budget is spent", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() != 200).then_some(answer)
        })
        .await;

        answer.refused(429, "insufficient_quota", "budget_exceeded").await;
        assert_eq!(answer.header("x-should-retry"), "false");
        let seen = stack.demo().requests().len();
        client.chat("gpt-4o", &json!({})).send().await;
        assert_eq!(stack.demo().requests().len(), seen);
    });
}

#[test]
fn unknown_keys_while_the_control_plane_is_away() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let client = stack.client().key("sk-never-seen-before");
        stack.kill_control_plane().await;

        let mut answer = eventually("the gateway notices", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() != 401).then_some(answer)
        })
        .await;

        answer.refused(503, "service_unavailable_error", "policy_unavailable").await;
        assert!(!answer.header("retry-after").is_empty());
        assert!(stack.demo().requests().is_empty());
        stack.start_control_plane().await;
        stack.await_ready().await;
    });
}

// proves: config.server.gateway.error_profile
#[test]
fn clients_of_litellm_find_the_errors_that_they_match_on() {
    for_each_role(&async |role| {
        let stack = litellm().role(role).start().await;
        let (_, client) = stack.key(&json!({ "models": ["gpt-4o", "no-model"] })).await;
        let spent = json!({ "max_budget": 0, "models": ["gpt-4o"] });
        let (_, poor) = stack.key(&spent).await;

        let stranger = stack.client().key("sk-unknown");
        let mut answer = stranger.chat("gpt-4o", &json!({})).send().await;
        let error = answer.refused(401, "token_not_found_in_db", "401").await;
        assert_eq!(error["param"], "key");
        let mut answer = client.chat("gpt-4o-mini", &json!({})).send().await;
        answer.refused(403, "key_model_access_denied", "403").await;
        let mut answer = client.chat("no-model", &json!({})).send().await;
        let error = answer.refused(400, "invalid_request_error", "400").await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("litellm.BadRequestError: You passed in model=no-model"));
        let mut answer = poor.chat("gpt-4o", &json!({})).send().await;
        let error = answer.refused(422, "budget_exceeded", "422").await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Budget has been exceeded! Current cost: "), "{message}");
        let mut answer = client.post("/v1/nothing", &json!({})).send().await;
        assert_eq!((answer.status(), answer.json().await), (404, json!({"detail": "Not Found"})));

        let mut anthropic = stranger.post("/v1/messages", &json!({})).send().await;
        assert_eq!(anthropic.status(), 401);
        assert_eq!(anthropic.json().await["error"]["type"], "authentication_error");
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        stack.stop().await;
    });
}
