//! The control plane dies, and everything that is known goes on.

use serde_json::json;
use tollgate_e2e::{Key, Stack, eventually, on_every_role};

use crate::stacks::{EVERY_ROLE, for_each_role};

#[test]
fn known_keys_go_on_and_every_record_arrives_once() {
    on_every_role(&EVERY_ROLE, &survives_the_control_plane);
}

#[test]
fn records_wait_for_a_control_plane_that_ends_in_good_order() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        warm_up(stack, &key).await;
        stack.stop_control_plane().await;

        for _ in 0..5 {
            assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        }
        stack.start_control_plane().await;
        stack.rows(&key, WARM_UP + 5).await;
        stack.await_ready().await;
    });
}

#[test]
fn a_gateway_that_starts_without_its_control_plane_serves_nobody() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        stack.kill_control_plane().await;

        // A key that no worker has seen: it exists, but nobody can say so.
        let mut answer = client.chat("gpt-4o", &json!({})).send().await;

        answer.refused(503, "service_unavailable_error", "policy_unavailable").await;
        assert!(stack.demo().requests().is_empty());
        stack.start_control_plane().await;
        eventually("the key is served again", async || {
            (client.chat("gpt-4o", &json!({})).send().await.status() == 200).then_some(())
        })
        .await;
        stack.stop().await;
    });
}

async fn survives_the_control_plane(stack: &mut Stack) {
    let (key, client) = stack.key(&json!({})).await;
    warm_up(stack, &key).await;
    let gate = stack.demo().gate("across-the-crash");
    let stream = client.chat("gpt-4o", &json!({ "stream": true }));
    let mut stream = stream.header("x-sim-gate", "across-the-crash@3").send().await;
    stream.event().await.unwrap();
    gate.reached_by(1).await;

    stack.kill_control_plane().await;
    for _ in 0..10 {
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        let streamed = client.chat("gpt-4o", &json!({ "stream": true })).send().await;
        let (_, done) = { streamed }.chunks().await;
        assert!(done);
    }
    gate.release();
    assert!(stream.chunks().await.1, "the stream across the crash finishes");
    stack.start_control_plane().await;

    let rows = stack.rows(&key, WARM_UP + 21).await;
    let billed: u64 = rows.iter().map(|row| row.tokens().2).sum();
    assert_eq!(billed, stack.demo().counts().completed_total().total());
    stack.await_ready().await;
    assert_eq!(stack.rows_now(&key).await.len(), WARM_UP + 21, "a record arrived twice");
}

/// Shows the key to every worker.
async fn warm_up(stack: &Stack, key: &Key) {
    let client = stack.client().key(&key.secret);
    for _ in 0..WARM_UP {
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
    }
}

const WARM_UP: usize = 12;
