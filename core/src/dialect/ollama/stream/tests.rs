use serde_json::{Value, json};

use super::*;
use crate::dialect::chat::answer::{Finish, FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{Delta, Event, Reader as _, Writer as _};
use crate::dialect::ollama::generate;
use crate::json::node::Text;
use crate::price::TokenUsage;

const STREAM: &str = r#"{"model":"m","created_at":"2025-02-19T00:00:00.5Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}
{"model":"m","message":{"role":"assistant","content":"Let "},"done":false}
nonsense
{"model":"m","message":{"role":"assistant","content":"me"},"logprobs":[{"token":"me","logprob":-0.5}],"done":false}

{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"id":"c2","function":{"name":"g","arguments":{}}}]},"done":false}
{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":12,"eval_count":34}
{"model":"m","message":{"role":"assistant","content":"late"},"done":false}
"#;

#[test]
fn reads_the_same_in_any_pieces() {
    let whole = events(STREAM.as_bytes(), usize::MAX);
    for size in 1..70 {
        assert_eq!(events(STREAM.as_bytes(), size), whole, "in pieces of {size}");
    }
    assert!(whole[0].starts_with("Start"), "{whole:?}");
    assert!(whole[0].contains("created: Some(1739923200)"), "{}", whole[0]);
    assert_eq!(whole.last().unwrap(), "End");
    assert_eq!(whole.iter().filter(|event| event.contains("ToolCall {")).count(), 2);
    assert!(whole.iter().any(|event| event.contains("input: 12, output: 34")));
    assert!(whole.iter().any(|event| event.contains("reason: ToolCalls")));
}

#[test]
fn a_last_line_without_an_end_counts_and_a_cut_stream_does_not_end() {
    let whole = events(STREAM.trim_end().as_bytes(), 9);
    assert_eq!(whole.last().unwrap(), "End");
    let cut = events(&STREAM.as_bytes()[..300], 9);
    assert!(!cut.iter().any(|event| event == "End"), "{cut:?}");
    let failed = events(b"{\"error\":\"out of memory\"}\n{\"done\":true}\n", 9);
    assert_eq!(failed.len(), 1);
    assert!(failed[0].contains("out of memory"));
}

#[test]
fn lines_without_end_are_bounded() {
    let mut reader = Reader::default();
    let mut seen = 0;
    for _ in 0..10 {
        reader.push(&vec![b'x'; 1 << 20], &mut |_| seen += 1);
    }
    reader.push(b"\n{\"done\":true}\n", &mut |_| seen += 1);
    assert_eq!(seen, 3, "start, finish and end");
}

#[test]
fn writes_a_line_for_each_event_and_calls_when_they_are_whole() {
    let lines = written(&[
        say(Delta::Reasoning(Text::of("hm"))),
        say(Delta::Text(Text::of("Let"))),
        call(0, "f"),
        call(1, "g"),
        arguments(1, "{\"b\":"),
        arguments(0, "{}"),
        arguments(1, "2}"),
        Event::Ping,
        finish(FinishReason::ToolCalls),
        Event::Usage(Usage {
            tokens: TokenUsage { input: 3, output: 4, ..TokenUsage::default() },
            ..Usage::default()
        }),
        Event::End,
    ]);

    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["message"]["thinking"], "hm");
    assert_eq!(lines[1]["message"], json!({"role": "assistant", "content": "Let"}));
    let calls = json!([
        {"function": {"name": "f", "arguments": {}}},
        {"function": {"name": "g", "arguments": {"b": 2}}},
    ]);
    assert_eq!(lines[2]["message"]["tool_calls"], calls);
    let last = &lines[3];
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!((&last["prompt_eval_count"], &last["eval_count"]), (&json!(3), &json!(4)));
    assert_eq!(last["created_at"], "1970-01-01T00:00:07Z");
}

#[test]
fn what_the_provider_did_not_end_is_not_done() {
    let lines = written(&[say(Delta::Text(Text::of("Let"))), finish(FinishReason::Length)]);
    assert!(lines.iter().all(|line| line["done"] == false));

    let lines = written(&[finish(FinishReason::Length), Event::End, Event::End]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["done_reason"], "length");
}

#[test]
fn calls_that_are_too_large_end_the_stream() {
    let mut events = vec![call(0, "f")];
    events.extend((0..9).map(|_| arguments(0, &"x".repeat(1 << 20))));
    events.push(Event::End);

    let lines = written(&events);

    assert_eq!(lines.len(), 1);
    assert!(lines[0]["error"].as_str().unwrap().contains("too large"));
}

#[test]
fn generate_says_the_same_in_response() {
    let mut writer = generate::stream::Writer::new(ReplyTo::default());
    let mut out = Vec::new();
    for event in [say(Delta::Text(Text::of("hi"))), finish(FinishReason::Stop), Event::End] {
        writer.event(&event, &mut out);
    }
    let lines = lines(&out);
    assert_eq!(lines[0]["response"], "hi");
    assert_eq!((&lines[1]["response"], &lines[1]["done"]), (&json!(""), &json!(true)));
}

fn events(stream: &[u8], size: usize) -> Vec<String> {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    let mut sink = |event: Event<'_>| events.push(format!("{event:?}"));
    for piece in stream.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    events
}

fn written(events: &[Event<'_>]) -> Vec<Value> {
    let to = ReplyTo { model: "ours".to_owned(), created: 7, ..ReplyTo::default() };
    let (mut writer, mut out) = (Writer::new(to), Vec::new());
    for event in events {
        writer.event(event, &mut out);
    }
    lines(&out)
}

fn lines(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn say(delta: Delta<'static>) -> Event<'static> {
    Event::Choice { choice: 0, delta }
}

fn call(index: u32, name: &str) -> Event<'static> {
    let (id, name) = (Text::default(), Text::of(name));
    say(Delta::ToolCall { index, id, name, signature: None, custom: false })
}

fn arguments(index: u32, piece: &str) -> Event<'static> {
    say(Delta::Arguments { index, piece: Text::of(piece) })
}

fn finish(reason: FinishReason) -> Event<'static> {
    say(Delta::Finish(Finish { reason, stop_sequence: None }))
}
