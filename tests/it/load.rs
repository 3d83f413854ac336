//! Many at once: nothing is lost, nothing is counted twice.

use serde_json::json;
use tollgate_e2e::{Answer, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn two_hundred_streams_at_once_are_complete_and_metered_to_the_token() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let gate = stack.demo().gate("all-at-once");
        let streams: Vec<_> = (0..STREAMS)
            .map(|number| {
                let call = client.chat(RENAMED, &json!({ "stream": true, "user": "u" }));
                let call = call.header("x-sim-tokens", (number % 37 + 3).to_string());
                let call = call.header("x-sim-split", (number % 91 + 20).to_string());
                tokio::spawn(call.header("x-sim-gate", "all-at-once@4").send())
            })
            .collect();
        gate.reached_by(STREAMS).await;
        gate.release();

        for (number, stream) in streams.into_iter().enumerate() {
            let mut answer: Answer = stream.await.unwrap();
            let (chunks, done) = answer.chunks().await;
            assert!(done, "stream {number}");
            // Role, tokens, finish reason; the usage is hidden.
            assert_eq!(chunks.len(), number % 37 + 3 + 2, "stream {number}");
        }
        let counted = stack.demo().counts().completed_total();
        let rows = stack.rows(&key, STREAMS).await;
        let sum = |part: fn((u64, u64, u64)) -> u64| {
            rows.iter().map(|row| part(row.tokens())).sum::<u64>()
        };
        assert_eq!(counted.answers, u64::try_from(STREAMS).unwrap());
        assert_eq!(sum(|tokens| tokens.0), counted.prompt);
        assert_eq!(sum(|tokens| tokens.1), counted.completion);
        assert!(rows.iter().all(|row| row.usage_source() == "provider"));
    });
}

const STREAMS: usize = 200;
