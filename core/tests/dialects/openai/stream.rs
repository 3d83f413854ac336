//! Streamed chat answers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use tollgate_core::dialect::chat::answer::{Finish, FinishReason, ReplyTo, Usage};
use tollgate_core::dialect::chat::event::{Delta, Event, Start, Writer as _};
use tollgate_core::dialect::openai::chat::stream::Writer;
use tollgate_core::json::node::Text;

use super::reply_to;
use super::shown::replay;
use crate::cases;
use crate::recordings::{Exchange, exchanges};

fn recorded() -> Vec<Exchange> {
    exchanges("/chat/completions").into_iter().filter(Exchange::is_stream).collect()
}

#[test]
fn cases_stream_as_reviewed() {
    for case in cases::of("openai") {
        let Some(stream) = case.file("stream.txt") else { continue };
        let to = ReplyTo { custom_tools: vec!["apply_patch".into()], ..reply_to() };
        let (events, written) = replay(&stream, 5, to);
        case.shows("stream", &format!("{}\n\n{written}", events.join("\n")));
    }
}

#[test]
fn recorded_streams_are_the_same_in_any_pieces() {
    for exchange in recorded() {
        let whole = replay(exchange.answer.as_bytes(), usize::MAX, reply_to());
        for size in [1, 2, 3, 7, 64] {
            let pieces = replay(exchange.answer.as_bytes(), size, reply_to());
            assert_eq!(pieces, whole, "{} in pieces of {size}", exchange.id);
        }
        let again = replay(whole.1.as_bytes(), usize::MAX, reply_to());
        let last = |lines: &[String]| lines.last().cloned();
        assert_eq!(last(&again.0), last(&whole.0), "{}", exchange.id);
    }
}

#[test]
fn recorded_streams_come_back_with_what_they_said() {
    for exchange in recorded() {
        let written = replay(exchange.answer.as_bytes(), usize::MAX, reply_to()).1;

        assert_eq!(told(&written), told(&exchange.answer), "{}", exchange.id);
    }
}

/// What a stream says in all, read with a JSON tree, unlike what is tested.
#[derive(Debug, Default, PartialEq)]
struct Told {
    texts: BTreeMap<(u64, &'static str), String>,
    calls: BTreeMap<(u64, u64), String>,
    finish: Vec<(u64, String)>,
    tokens: Option<[u64; 4]>,
    error: Option<String>,
    done: bool,
}

fn told(stream: &str) -> Told {
    let mut told = Told::default();
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            told.done |= data.trim() == "[DONE]";
            continue;
        };
        if let Some(message) = chunk["error"]["message"].as_str() {
            told.error = Some(message.to_owned());
        }
        if chunk["usage"].is_object() {
            let usage = &chunk["usage"];
            let count = |value: &Value| value.as_u64().unwrap_or(0);
            told.tokens = Some([
                count(&usage["prompt_tokens"]),
                count(&usage["completion_tokens"]),
                count(&usage["prompt_tokens_details"]["cached_tokens"]),
                count(&usage["completion_tokens_details"]["reasoning_tokens"]),
            ]);
        }
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            told.take(choice);
        }
    }
    // What failed is not told to be complete.
    if told.error.is_some() {
        told.tokens = None;
    }
    told.finish.dedup();
    told
}

impl Told {
    fn take(&mut self, choice: &Value) {
        let (index, delta) = (choice["index"].as_u64().unwrap(), &choice["delta"]);
        for (name, kind) in [
            ("content", "content"),
            ("refusal", "refusal"),
            ("reasoning", "thought"),
            ("reasoning_content", "thought"),
        ] {
            if let Some(text) = delta[name].as_str().filter(|text| !text.is_empty()) {
                self.texts.entry((index, kind)).or_default().push_str(text);
            }
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let words = self.calls.entry((index, call["index"].as_u64().unwrap())).or_default();
            for word in [&call["id"], &call["function"]["name"], &call["function"]["arguments"]] {
                words.push_str(word.as_str().unwrap_or_default());
            }
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish.push((index, reason.to_owned()));
        }
    }
}

fn written(to: ReplyTo, events: &[Event<'_>]) -> Vec<Value> {
    let (mut writer, mut out) = (Writer::new(to), Vec::new());
    for event in events {
        writer.event(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .map(|data| serde_json::from_str(data).unwrap_or(Value::String(data.to_owned())))
        .collect()
}

fn says(choice: u32, delta: Delta<'static>) -> Event<'static> {
    Event::Choice { choice, delta }
}

fn stop() -> Delta<'static> {
    Delta::Finish(Finish { reason: FinishReason::Stop, stop_sequence: None })
}

#[test]
fn usage_is_told_to_those_who_asked() {
    let events = [
        Event::Start(Start::default()),
        says(0, Delta::Text(Text::of("hi"))),
        Event::Usage(Usage::default()),
        says(0, stop()),
        Event::End,
    ];

    let chunks = written(reply_to(), &events);
    assert_eq!(chunks.len(), 5);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks[..3].iter().all(|chunk| chunk["usage"].is_null()));
    assert_eq!(chunks[3]["choices"], Value::Array(Vec::new()));
    assert!(chunks[3]["usage"].is_object());
    assert_eq!(chunks[4], "[DONE]");

    let chunks = written(ReplyTo { stream_usage: false, ..reply_to() }, &events);
    assert_eq!(chunks.len(), 4);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn a_stream_without_end_is_not_ended() {
    let chunks = written(reply_to(), &[says(0, Delta::Text(Text::of("hi")))]);

    assert_eq!(chunks.len(), 2);
    assert!(chunks[1]["choices"][0]["finish_reason"].is_null());
}

#[test]
fn an_end_without_reason_has_one() {
    let chunks = written(reply_to(), &[says(1, Delta::Text(Text::of("hi"))), Event::End]);

    assert_eq!(chunks[2]["choices"][0]["index"], 1);
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[3], "[DONE]");
}

#[test]
fn free_text_comes_out_of_what_a_provider_wrapped() {
    let to = ReplyTo { custom_tools: vec!["patch".into()], ..reply_to() };
    let call = |custom| Delta::ToolCall {
        index: 0,
        id: Text::default(),
        name: Text::of("patch"),
        signature: None,
        custom,
    };
    let piece = |text: &str| says(0, Delta::Arguments { index: 0, piece: Text::of(text) });
    let events =
        [says(0, call(false)), piece(r#"{"argum"#), piece(r#"ents":"a\nb"}"#), says(0, stop())];

    let chunks = written(to, &events);
    let call = &chunks[1]["choices"][0]["delta"]["tool_calls"][0];
    assert_eq!((&call["type"], &call["id"]), (&"custom".into(), &"call_0123abcd0".into()));
    let input = &chunks[2]["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"];
    assert_eq!(input, "a\nb");
    assert_eq!(chunks.len(), 4);
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let text =
        || prop_oneof!["[a-z \"\\\\]{1,4}", Just(" ".to_owned())].prop_map(|it| Text::of(&it));
    let call = (0..3_u32, any::<bool>()).prop_map(|(index, custom)| Delta::ToolCall {
        index,
        id: Text::default(),
        name: Text::of("t"),
        signature: None,
        custom,
    });
    let delta = prop_oneof![
        text().prop_map(Delta::Text),
        text().prop_map(Delta::Refusal),
        text().prop_map(Delta::Reasoning),
        text().prop_map(Delta::Signature),
        text().prop_map(|data| Delta::Encrypted { data, id: None }),
        call,
        (0..3_u32, text()).prop_map(|(index, piece)| Delta::Arguments { index, piece }),
        Just(stop()),
    ];
    prop_oneof![
        8 => (0..3_u32, delta).prop_map(|(choice, delta)| says(choice, delta)),
        1 => Just(Event::Usage(Usage::default())),
        1 => Just(Event::Start(Start::default())),
        1 => Just(Event::End),
    ]
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_say_the_same(bytes in stream_like(), size in 1..9_usize) {
        let whole = replay(&bytes, usize::MAX, reply_to());
        prop_assert_eq!(replay(&bytes, size, reply_to()), whole);
    }

    #[test]
    fn any_events_make_chunks_that_a_client_can_read(events in prop::collection::vec(event(), 0..20)) {
        for chunk in written(reply_to(), &events) {
            prop_assert!(chunk == "[DONE]" || chunk["choices"].is_array());
        }
    }
}

/// Streams with pieces of truth in them.
fn stream_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(br#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#.to_vec()),
        Just(br#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f"}}]}}]}"#.to_vec()),
        Just(br#"{"choices":[{"delta":{"tool_calls":[7,{"function":{"arguments":{}}}]},"finish_reason":9}]}"#.to_vec()),
        Just(br#"{"error":{"message":[],"code":{}},"choices":7}"#.to_vec()),
        Just(b"[DONE]".to_vec()),
        prop::collection::vec(any::<u8>().prop_filter("carriage returns", |byte| *byte != b'\r'), 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
