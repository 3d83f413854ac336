//! Streams: each event goes on when it arrives, and each is metered.

use serde_json::{Value, json};
use tollgate_e2e::simulator::{Replay, Script};
use tollgate_e2e::{eventually, nanos, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED, WITHOUT_STREAM_USAGE};

#[test]
fn events_arrive_while_the_provider_still_waits() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let gate = stack.demo().gate("later");

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let mut answer = call.header("x-sim-gate", "later@3").send().await;
        let mut early = Vec::new();
        for _ in 0..3 {
            early.push(answer.event().await.unwrap());
        }
        gate.reached_by(1).await;
        gate.release();
        let (rest, done) = answer.chunks().await;

        assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
        assert!(early[0].contains("\"role\":\"assistant\""), "{early:?}");
        assert!(done && !rest.is_empty());
        let counted = stack.demo().counts().completed_total();
        let row = stack.row(&key).await;
        assert_eq!(row.tokens(), (counted.prompt, counted.completion, counted.total()));
        assert_eq!(row.usage_source(), "provider");
    });
}

#[test]
fn usage_is_asked_for_and_hidden_when_the_client_did_not_ask() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let asked = json!({ "stream": true, "temperature": 0.5 });
        let (chunks, done) = client.chat(RENAMED, &asked).send().await.chunks().await;

        assert!(done);
        assert!(chunks.iter().all(|chunk| chunk["choices"] != json!([])), "{chunks:?}");
        assert!(chunks.iter().all(|chunk| chunk["model"] == RENAMED), "{chunks:?}");
        let mut sent = stack.demo().requests().remove(0).json();
        let options = sent.as_object_mut().unwrap().remove("stream_options");
        assert_eq!(options, Some(json!({ "include_usage": true })));
        assert_eq!(sent["temperature"], 0.5);
        assert_eq!(stack.row(&key).await.usage_source(), "provider");
    });
}

// proves: config.providers[].stream_usage
#[test]
fn a_provider_that_knows_no_stream_options_is_not_asked() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(WITHOUT_STREAM_USAGE, &json!({ "stream": true }));
        let (_, done) = call.send().await.chunks().await;

        assert!(done);
        let request = stack.simulator("plain").requests().remove(0);
        assert_eq!(request.json().get("stream_options"), None);
        assert_eq!(stack.row(&key).await.usage_source(), "counted");
    });
}

#[test]
fn usage_reaches_the_client_that_asked_and_says_its_cost() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let asked = json!({ "stream": true, "stream_options": { "include_usage": true } });
        let (chunks, _) = client.chat(RENAMED, &asked).send().await.chunks().await;

        let usage = &chunks.last().unwrap()["usage"];
        assert_eq!(chunks.last().unwrap()["choices"], json!([]));
        let row = stack.row(&key).await;
        assert_eq!(row.tokens().2, usage["total_tokens"].as_u64().unwrap());
        assert_eq!(row.cost_nanos(), nanos(&usage["cost"]));
    });
}

#[test]
fn a_refusal_of_usage_by_the_client_is_overruled_upstream_only() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let asked = json!({ "stream": true, "stream_options": { "include_usage": false } });
        let (chunks, _) = client.chat(RENAMED, &asked).send().await.chunks().await;

        assert!(chunks.iter().all(|chunk| chunk["choices"] != json!([])), "{chunks:?}");
        assert_eq!(stack.row(&key).await.usage_source(), "provider");
    });
}

#[test]
fn however_a_stream_is_cut_it_arrives_and_is_metered() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let scripts = ["split=1", "split=7", "split=1000", "join=4", "join=99", "framing=close"];
        for script in scripts {
            let (key, client) = stack.key(&json!({})).await;
            let call = client.chat(RENAMED, &json!({ "stream": true }));
            let mut answer = call.header("x-sim-script", script).send().await;
            let (chunks, done) = answer.chunks().await;

            assert!(done, "{script}");
            assert_eq!(text_of(&chunks).matches("token").count(), 1, "{script}");
            assert!(chunks.iter().all(|chunk| chunk["model"] == RENAMED), "{script}");
            let row = stack.row(&key).await;
            assert_eq!((row.usage_source(), row.tokens().1), ("provider", 16), "{script}");
        }
    });
}

#[test]
fn lines_may_end_with_crlf() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let text = call.header("x-sim-crlf", "true").send().await.text().await;

        assert!(text.ends_with("data: [DONE]\r\n\r\n"), "{text}");
        assert!(!text.contains("\"choices\":[]"), "{text}");
        assert_eq!(stack.row(&key).await.usage_source(), "provider");
    });
}

#[test]
fn usage_volunteered_on_the_last_chunk_is_metered_and_kept() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let call = call.header("x-sim-usage", "always");
        let (chunks, _) = call.send().await.chunks().await;

        assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 16);
        assert_eq!(stack.row(&key).await.tokens().1, 16);
    });
}

#[test]
fn a_stream_without_usage_is_counted_and_says_so() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let call = call.header("x-sim-usage", "never");
        let (_, done) = call.send().await.chunks().await;

        assert!(done);
        let row = stack.row(&key).await;
        assert_eq!(row.usage_source(), "counted");
        assert!(row.tokens().0 > 0 && row.tokens().1 > 0, "{row:?}");
        assert!(row.cost_nanos() > 0, "{row:?}");
    });
}

#[test]
fn what_was_streamed_before_the_client_left_is_billed() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        stack.demo().gate("never");

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let mut answer = call.header("x-sim-gate", "never@9").send().await;
        for _ in 0..9 {
            answer.event().await.unwrap();
        }
        drop(answer);

        eventually("the provider sees the client leave", async || {
            (stack.demo().counts().abandoned == 1).then_some(())
        })
        .await;
        let row = stack.row(&key).await;
        assert_eq!(row.usage_source(), "counted");
        assert!(row.aborted(), "{row:?}");
        assert!(row.tokens().1 > 0, "{row:?}");
        assert!(row.cost_nanos() > 0, "{row:?}");
    });
}

#[test]
fn what_a_provider_streamed_before_it_broke_off_is_billed() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({ "stream": true }));
        let mut answer = call.header("x-sim-fault", "close-mid-body").send().await;
        let whole = answer.try_bytes().await;

        assert!(whole.is_err(), "a broken stream must not look complete");
        let row = stack.row(&key).await;
        assert_eq!((row.usage_source(), row.aborted()), ("counted", true), "{row:?}");
        assert!(row.tokens().1 > 0, "{row:?}");
    });
}

#[test]
fn comments_and_foreign_fields_pass() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let recorded = ": PROCESSING\n\nevent: odd\nid: 7\ndata: {\"model\":\"x\",\"choices\":[1]}\n\n\
                        data: not json\n\ndata:{\"model\":\"x\"}\n\ndata: [DONE]\n\n";
        let replay = Replay::stream(200, recorded).header("content-type", "text/event-stream");
        stack.demo().replay(replay);
        stack.demo().script(Script { split: Some(5), ..Script::default() });

        let text = client.chat(RENAMED, &json!({ "stream": true })).send().await.text().await;

        assert_eq!(text, recorded.replace("\"x\"", &format!("\"{RENAMED}\"")));
    });
}

fn text_of(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/delta/content")?.as_str()).collect()
}
