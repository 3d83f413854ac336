//! Requests that come more than once: one of them is made.

use serde_json::{Value, json};
use tollgate_e2e::{Call, Client, Role, Shared, Stack, eventually, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED, for_each_role};

/// Several Envoys of several workers, which all have one control plane.
static FLEET: Shared = Shared::new(|| Stack::builder().workers(2).envoys(2));

const ID: &str = "idempotency-key";

fn chat(client: &Client, id: &str, more: &Value) -> Call {
    client.chat("gpt-4o", more).header(ID, id)
}

/// Sends all of them at once; returns status, mark and body of each.
async fn all(calls: Vec<Call>) -> Vec<(u16, bool, String)> {
    let sent = calls.into_iter().map(|call| {
        tokio::spawn(async move {
            let mut answer = call.send().await;
            let again = answer.header("x-omniroute-idempotent") == "true";
            (answer.status(), again, answer.text().await)
        })
    });
    let mut answers = Vec::new();
    for answer in sent.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[test]
fn a_hundred_at_once_are_one_request_wherever_they_arrive() {
    FLEET.story(async |stack| {
        for stream in [false, true] {
            let (key, _) = stack.key(&json!({})).await;
            let clients = stack.clients(&key);
            let before = stack.demo().requests().len();
            let gate = stack.demo().gate(&format!("held-{stream}"));
            let calls = (0..100).map(|number| {
                let call =
                    chat(&clients[number % clients.len()], "a", &json!({ "stream": stream }));
                call.header("x-sim-gate", format!("held-{stream}@{}", u8::from(stream)))
            });
            let calls = calls.collect();
            let (answers, ()) = tokio::join!(all(calls), async {
                gate.reached_by(1).await;
                gate.release();
            });

            assert_eq!(stack.demo().requests().len() - before, 1, "stream: {stream}");
            let (_, _, first) = &answers[0];
            assert!(answers.iter().all(|(status, _, body)| *status == 200 && body == first));
            assert_eq!(answers.iter().filter(|(_, again, _)| !again).count(), 1);
            assert_eq!(first.contains("[DONE]"), stream, "{first}");
            stack.rows(&key, 1).await;
        }
    });
}

#[test]
fn tenants_with_the_same_id_are_strangers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let team = json!({ "team_id": format!("t-{}", stack.envoy().gateway.port()) });
        assert_eq!(stack.admin().post("/team/new", &team).send().await.status(), 200);
        let (_, one) = stack.key(&json!({})).await;
        let (_, other) = stack.key(&json!({})).await;
        let (_, of_team) = stack.key(&team).await;
        let (_, of_the_same) = stack.key(&team).await;
        let master = stack.client().key(stack.master_key());

        let mut made = Vec::new();
        for client in [&one, &other, &of_team, &of_the_same, &master, &one] {
            let answer = chat(client, "shared", &json!({})).send().await;
            assert_eq!(answer.status(), 200);
            made.push(answer.header("x-omniroute-idempotent").to_owned());
        }

        assert_eq!(made, ["", "", "", "true", "", "true"]);
        assert_eq!(stack.demo().requests().len(), 4);
        for request in stack.demo().requests() {
            assert_eq!(request.header(ID), None, "the provider's account is everybody's");
        }
    });
}

#[test]
fn another_body_under_the_same_id_is_refused_in_the_callers_dialect() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        assert_eq!(chat(&client, "b", &json!({})).send().await.status(), 200);

        let mut answer = chat(&client, "b", &json!({ "temperature": 1 })).send().await;
        answer.refused(409, "invalid_request_error", "idempotency_conflict").await;
        assert_eq!(answer.header("x-should-retry"), "false");
        let mut answer = chat(&client, "b", &json!({ "stream": true })).send().await;
        answer.refused(409, "invalid_request_error", "idempotency_conflict").await;

        let message = |text: &str| {
            let messages = json!([{ "role": "user", "content": text }]);
            let body = json!({ "model": RENAMED, "max_tokens": 9, "messages": messages });
            client.post("/v1/messages", &body).header(ID, "b")
        };
        assert_eq!(message("one").send().await.status(), 200, "another path is another request");
        let mut answer = message("two").send().await;
        assert_eq!(answer.status(), 409);
        assert_eq!(answer.json().await["type"], "error");
    });
}

#[test]
fn only_an_id_that_the_client_sent_counts() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for _ in 0..2 {
            assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        }
        assert_eq!(stack.demo().requests().len(), 2, "Envoy's own ids are no ids");

        for expected in ["", "true"] {
            let call = client.chat("gpt-4o", &json!({})).header("x-request-id", "r-1");
            assert_eq!(call.send().await.header("x-omniroute-idempotent"), expected);
        }
        let call = chat(&client, "wins", &json!({})).header("x-request-id", "r-1");
        assert_eq!(call.send().await.header("x-omniroute-idempotent"), "");
        assert_eq!(stack.demo().requests().len(), 4);
    });
}

#[test]
fn failures_of_the_provider_are_not_remembered_and_errors_of_the_client_are() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for (status, made) in [("500", 2), ("429", 2), ("400", 1)] {
            let before = stack.demo().requests().len();
            for _ in 0..2 {
                let call = chat(&client, status, &json!({})).header("x-sim-status", status);
                assert_eq!(call.send().await.status().to_string(), status);
            }
            assert_eq!(stack.demo().requests().len() - before, made, "{status}");
        }
    });
}

#[test]
fn when_the_first_client_leaves_the_next_one_makes_the_request() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let gate = stack.demo().gate("left");
        let held = || chat(&client, "left", &json!({})).header("x-sim-gate", "left@0");
        let first = tokio::spawn(held().send());
        gate.reached_by(1).await;
        let second = tokio::spawn(held().send());
        // It waits: nothing more reaches the provider.
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);

        first.abort();
        gate.reached_by(2).await;
        gate.release();

        assert_eq!(second.await.unwrap().status(), 200);
    });
}

#[test]
fn when_an_envoy_dies_the_request_is_made_by_another() {
    tollgate_e2e::block_on(async {
        let mut stack = Stack::builder().envoys(2).start().await;
        let (key, _) = stack.key(&json!({})).await;
        let clients = stack.clients(&key);
        let gate = stack.demo().gate("dies");
        let held = |client| chat(client, "dies", &json!({})).header("x-sim-gate", "dies@0");
        let first = held(&clients[0]);
        let first = tokio::spawn(async move { first.try_send().await.is_ok() });
        gate.reached_by(1).await;
        let second = tokio::spawn(held(&clients[1]).send());
        assert_eq!(clients[1].chat("gpt-4o", &json!({})).send().await.status(), 200);

        stack.kill_envoy().await;
        assert!(!first.await.unwrap());
        gate.reached_by(2).await;
        gate.release();

        assert_eq!(second.await.unwrap().status(), 200);
        stack.stop().await;
    });
}

// proves: config.idempotency.max_answer_bytes
#[test]
fn an_answer_that_is_too_long_to_keep_is_made_for_each() {
    for_each_role(&async |role| {
        let settings = json!({ "max_answer_bytes": 1000 });
        let stack = Stack::builder().role(role).section("idempotency", settings).start().await;
        let (key, client) = stack.key(&json!({})).await;
        let calls = || {
            let call = || chat(&client, "long", &json!({})).header("x-sim-size", "5000");
            vec![call(), call(), call()]
        };

        let answers = all(calls()).await;

        assert!(answers.iter().all(|(status, again, _)| *status == 200 && !again));
        stack.rows(&key, 3).await;
        stack.stop().await;
    });
}

// proves: config.idempotency.{enabled,window_seconds}
#[test]
fn it_can_be_switched_off_and_the_window_ends() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder()
            .role(role)
            .section("idempotency", json!({ "window_seconds": 0.001 }))
            .start()
            .await;
        let (_, client) = stack.key(&json!({})).await;
        eventually("the window is over", async || {
            let answer = chat(&client, "w", &json!({})).send().await;
            answer.header("x-omniroute-idempotent").is_empty().then_some(())
        })
        .await;

        stack.reconfigure(|config| {
            config.sections.insert("idempotency".to_owned(), json!({ "enabled": false }));
        });
        eventually("ids mean nothing", async || {
            chat(&client, "o", &json!({})).send().await;
            let other = chat(&client, "o", &json!({ "temperature": 1 })).send().await;
            (other.status() == 200).then_some(())
        })
        .await;
        stack.stop().await;
    });
}

#[test]
fn without_the_control_plane_a_promise_is_refused_and_all_else_is_served() {
    for_each_role(&async |role: Role| {
        let mut stack = Stack::builder().role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        stack.kill_control_plane().await;

        let mut promised = chat(&client, "p", &json!({})).send().await;
        promised.refused(503, "service_unavailable_error", "policy_unavailable").await;
        let traced = client.chat("gpt-4o", &json!({})).header("x-request-id", "t");
        assert_eq!(traced.send().await.status(), 200);
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        stack.start_control_plane().await;
        stack.stop().await;
    });
}
