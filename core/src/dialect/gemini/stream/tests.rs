use serde_json::{Value, json};

use super::*;
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Finish, FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{Delta, Event, Reader as _, Start, Writer as _};
use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::json::node::Text;

fn to() -> ReplyTo {
    let (model, id) = ("gpt".to_owned(), "00ff".to_owned());
    ReplyTo { model, id, ..ReplyTo::default() }
}

fn delta(choice: u32, delta: Delta<'_>) -> Event<'_> {
    Event::Choice { choice, delta }
}

fn finish(choice: u32, reason: FinishReason) -> Event<'static> {
    delta(choice, Delta::Finish(Finish { reason, stop_sequence: None }))
}

fn call(choice: u32, index: u32, name: &'static str) -> Event<'static> {
    let (id, name) = (Text::default(), Text::of(name));
    delta(choice, Delta::ToolCall { index, id, name, signature: None, custom: false })
}

fn arguments(choice: u32, index: u32, piece: &str) -> Event<'static> {
    delta(choice, Delta::Arguments { index, piece: Text::of(piece) })
}

fn written(mut writer: Writer, events: &[Event<'_>]) -> String {
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn frames(stream: &str) -> Vec<Value> {
    let events = stream.split_terminator("\r\n\r\n");
    events.map(|it| serde_json::from_str(it.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

/// What a stream says, and whether it said its last word.
fn events(stream: &[u8], size: usize) -> Vec<String> {
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    let mut sink = |event: Event<'_>| seen.push(format!("{event:?}"));
    for piece in stream.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    seen
}

const SSE: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"th\",\"thought\":true}]}}],",
    "\"responseId\":\"r\"}\r\n\r\n",
    "data: garbage\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a }]\\\"\",\"thoughtSignature\":\"AA==\"},",
    "{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":[1]}}}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}],",
    "\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":4}}\r\n\r\n",
);

#[test]
fn both_framings_say_the_same_in_any_pieces() {
    let objects = SSE.split("data: ").filter(|it| it.starts_with('{')).map(str::trim);
    let array = format!("[{}]", objects.collect::<Vec<_>>().join("\r\n,\r\n"));
    let whole = events(SSE.as_bytes(), SSE.len());

    assert_eq!(whole.len(), 9, "{whole:#?}");
    assert_eq!(whole.last().unwrap(), "End");
    for size in 1..SSE.len() {
        assert_eq!(events(SSE.as_bytes(), size), whole, "events in pieces of {size}");
        assert_eq!(events(array.as_bytes(), size), whole, "array in pieces of {size}");
    }
}

#[test]
fn a_stream_without_reason_has_no_end() {
    let cut = SSE.rfind("data:").unwrap();

    let seen = events(&SSE.as_bytes()[..cut], 7);

    assert!(seen.iter().all(|event| event != "End"), "{seen:?}");
}

#[test]
fn an_error_in_mid_stream_is_a_failure() {
    let stream =
        b"data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n";

    let seen = events(stream, 5);

    assert_eq!(seen.len(), 1);
    assert!(seen[0].contains("busy") && seen[0].contains("Overloaded"), "{seen:?}");
}

#[test]
fn calls_are_written_whole_and_the_reason_beside_the_usage() {
    let mut usage = Usage::default();
    (usage.tokens.input, usage.tokens.output, usage.tokens.total) = (3, 4, 7);
    let events = [
        Event::Start(Start { id: Some(Text::of("r1")), ..Start::default() }),
        delta(0, Delta::Text(Text::of(" "))),
        call(0, 0, "f"),
        call(0, 1, "g"),
        arguments(0, 1, "{\"b\":"),
        arguments(0, 0, "{}"),
        arguments(0, 1, "2}"),
        finish(0, FinishReason::ToolCalls),
        Event::Usage(usage),
        Event::End,
    ];

    let frames = frames(&written(Writer::new(to()), &events));

    assert_eq!(frames.len(), 3);
    assert_eq!(frames[0]["candidates"][0]["content"]["parts"], json!([{"text": " "}]));
    let calls = json!([
        {"functionCall": {"name": "f", "args": {}}},
        {"functionCall": {"name": "g", "args": {"b": 2}}},
    ]);
    assert_eq!(frames[1]["candidates"][0]["content"]["parts"], calls);
    assert_eq!(frames[2]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(frames[2]["usageMetadata"]["totalTokenCount"], 7);
    let same = |frame: &Value| frame["responseId"] == "r1" && frame["modelVersion"] == "gpt";
    assert!(frames.iter().all(same));
}

#[test]
fn an_array_is_whole_when_the_answer_is() {
    let text = delta(1, Delta::Text(Text::of("a")));
    let end = [text.clone(), finish(1, FinishReason::Length), Event::End, Event::End];

    let whole: Value = serde_json::from_str(&written(Writer::array(to()), &end)).unwrap();

    assert_eq!(whole[0]["candidates"][0]["index"], 1);
    assert_eq!(whole[1]["candidates"][0]["finishReason"], "MAX_TOKENS");
    let broken = written(Writer::array(to()), &[text]);
    assert!(broken.starts_with('[') && !broken.ends_with(']'));
    let nothing: Value =
        serde_json::from_str(&written(Writer::array(to()), &[Event::End])).unwrap();
    assert_eq!(nothing[0]["candidates"][0]["finishReason"], "STOP");
}

#[test]
fn a_failure_is_the_last_thing_said() {
    let failure = Failure {
        status: 429,
        kind: FailureKind::RateLimit,
        message: "Slow\ndown".into(),
        code: None,
        param: None,
        retry_after: Some(3),
    };
    let text = delta(0, Delta::Text(Text::of("a")));
    let events = [text.clone(), Event::Failed(failure), text, Event::End];

    let frames = frames(&written(Writer::new(to()), &events));
    let array: Value = serde_json::from_str(&written(Writer::array(to()), &events)).unwrap();

    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1]["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(array[1], frames[1]);
}

#[test]
fn calls_without_bound_fail_the_stream() {
    let megabyte = "x".repeat(1024 * 1024);
    let mut events = vec![call(0, 0, "f")];
    events.extend((0..9).map(|_| arguments(0, 0, &megabyte)));
    events.extend([finish(0, FinishReason::Stop), Event::End]);

    let frames = frames(&written(Writer::new(to()), &events));

    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["error"]["code"], 502);
}

#[test]
fn what_gemini_alone_knows_passes_to_its_clients() {
    let mut reader = Reader::default();
    let mut writer = Writer::new(to());
    let mut out = Vec::new();
    let stream = concat!(
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"executableCode\":{\"code\":\"1\"}}]},",
        "\"groundingMetadata\":{\"x\":1},\"finishReason\":\"STOP\"}]}\n\n"
    );
    reader.push(stream.as_bytes(), &mut |event| writer.event(&event, &mut out));
    reader.end(&mut |event| writer.event(&event, &mut out));

    let frames = frames(std::str::from_utf8(&out).unwrap());

    assert_eq!(frames[0]["candidates"][0]["content"]["parts"][0]["executableCode"]["code"], "1");
    assert_eq!(frames[1]["candidates"][0]["groundingMetadata"], json!({"x": 1}));
    assert_eq!(frames[2]["candidates"][0]["finishReason"], "STOP");
    let other = delta(0, Delta::Other(Dialect::Anthropic, crate::json::node::Node::trusted(b"{}")));
    assert_eq!(written(Writer::new(to()), &[other]), "");
}

#[test]
fn lines_in_arguments_break_no_event() {
    let events = [
        call(0, 0, "f"),
        arguments(0, 0, "{\n \"a\":\r\n 1}"),
        finish(0, FinishReason::ToolCalls),
        Event::End,
    ];

    let frames = frames(&written(Writer::new(to()), &events));

    let args = &frames[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"];
    assert_eq!(*args, json!({"a": 1}));
}
