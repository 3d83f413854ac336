use serde_json::Value;

use super::*;
use crate::dialect::chat::answer::{Finish, FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{Delta, Event, Start, Writer as _};
use crate::json::node::Text;
use crate::price::TokenUsage;

#[test]
fn calls_whose_arguments_come_in_turns_wait_for_one_another() {
    let written = written(&[
        call(0, "a"),
        call(1, "b"),
        arguments(1, "{\"y\":"),
        arguments(0, "{\"x\":"),
        arguments(0, "1}"),
        arguments(1, "2}"),
        finish(FinishReason::ToolCalls),
        Event::End,
    ]);

    let expected = [
        "start a",
        r#"{"x":"#,
        "1}",
        "stop",
        "start b",
        r#"{"y":"#,
        "2}",
        "stop",
        "tool_use",
        "message_stop",
    ];
    assert_eq!(written, expected);
}

#[test]
fn calls_without_arguments_end_with_the_turn() {
    let events = [call(0, "a"), call(1, "b"), arguments(1, "{}"), text("so"), Event::End];

    let expected = [
        "start a",
        "stop",
        "start b",
        "{}",
        "stop",
        "start text",
        "so",
        "stop",
        "tool_use",
        "message_stop",
    ];
    assert_eq!(written(&events), expected);
}

#[test]
fn arguments_that_wait_are_bounded() {
    let mut writer = Writer::new(ReplyTo::default());
    let mut out = Vec::new();
    for event in [call(0, "a"), call(1, "b")] {
        writer.event(&event, &mut out);
    }
    let piece = "x".repeat(1 << 20);
    let mut before = out.len();
    for _ in 0..32 {
        writer.event(&arguments(1, &piece), &mut out);
        assert!(out.len() - before < 10 << 20);
        before = out.len();
    }
    assert!(out.len() > 8 << 20, "they were never written");
}

#[test]
fn begins_and_ends_whatever_the_provider_left_out() {
    assert_eq!(
        written(&[text("hi"), Event::End]),
        ["start text", "hi", "stop", "end_turn", "message_stop"]
    );
    assert_eq!(written(&[Event::End]), ["end_turn", "message_stop"]);
    let twice = [finish(FinishReason::Length), Event::End, text("late"), Event::End];
    assert_eq!(written(&twice), ["max_tokens", "message_stop"]);
    // Without an end, the client must see that something is missing.
    assert_eq!(written(&[text("hi"), finish(FinishReason::Stop)]), ["start text", "hi"]);
}

#[test]
fn only_the_first_of_several_answers_is_told() {
    let other = Event::Choice { choice: 1, delta: Delta::Text(Text::of("other")) };

    assert_eq!(written(&[text("one"), other, text("two")]), ["start text", "one", "two"]);
}

#[test]
fn proofs_of_calls_travel_as_thinking() {
    let signature = Some(Text::of("SIG"));
    let (id, name) = (Text::default(), Text::of("f"));
    let call = Delta::ToolCall { index: 0, id, name, signature, custom: false };
    let events = [Event::Choice { choice: 0, delta: call }, Event::End];

    let expected =
        ["start thinking", "tool_call:SIG", "stop", "start f", "stop", "tool_use", "message_stop"];
    assert_eq!(written(&events), expected);
}

#[test]
fn usage_counts_from_the_first_guess_to_the_truth() {
    let to = ReplyTo { input_tokens: 9, ..ReplyTo::default() };
    let tokens = TokenUsage { input: 12, cached_input: 10, output: 5, ..TokenUsage::default() };
    let usage = Event::Usage(Usage { tokens, ..Usage::default() });
    let events = datas(to, &[Event::Start(Start::default()), text("a"), usage, Event::End]);

    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 9);
    let last = &events[events.len() - 2]["usage"];
    assert_eq!(last["input_tokens"], 2);
    assert_eq!(last["cache_read_input_tokens"], 10);
    assert_eq!(last["output_tokens"], 5);
}

/// The written events in short, without the first.
fn written(events: &[Event<'_>]) -> Vec<String> {
    let mut short = Vec::new();
    for event in datas(ReplyTo::default(), events).iter().skip(1) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let block = &event["content_block"];
        let delta = &event["delta"];
        short.push(match event["type"].as_str().unwrap() {
            "content_block_start" => {
                format!("start {}", text(&block["name"]).or(text(&block["type"])).unwrap())
            }
            "content_block_delta" => ["text", "partial_json", "signature"]
                .iter()
                .find_map(|member| text(&delta[member]))
                .unwrap(),
            "content_block_stop" => "stop".to_owned(),
            "message_delta" => text(&delta["stop_reason"]).unwrap(),
            other => other.to_owned(),
        });
    }
    short
}

/// The data of the written events, after checking that each says its name twice.
fn datas(to: ReplyTo, events: &[Event<'_>]) -> Vec<Value> {
    let mut writer = Writer::new(to);
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
    }
    let stream = String::from_utf8(out).unwrap();
    let parse = |event: &str| {
        let (name, data) = event.split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        data
    };
    stream.split_terminator("\n\n").map(parse).collect()
}

fn text(text: &str) -> Event<'static> {
    Event::Choice { choice: 0, delta: Delta::Text(Text::of(text)) }
}

fn call(index: u32, name: &str) -> Event<'static> {
    let (id, name) = (Text::default(), Text::of(name));
    let delta = Delta::ToolCall { index, id, name, signature: None, custom: false };
    Event::Choice { choice: 0, delta }
}

fn arguments(index: u32, piece: &str) -> Event<'static> {
    Event::Choice { choice: 0, delta: Delta::Arguments { index, piece: Text::of(piece) } }
}

fn finish(reason: FinishReason) -> Event<'static> {
    Event::Choice { choice: 0, delta: Delta::Finish(Finish { reason, stop_sequence: None }) }
}
