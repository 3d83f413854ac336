//! Gemini's `generateContent`.

mod cases;
mod properties;
mod recorded;

use serde_json::Value;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::gemini::{request, response, stream};

fn towards(model: &str) -> Towards<'_> {
    Towards { model, max_output_tokens: None, completion_tokens_cap: false, stream_usage: false }
}

fn to() -> ReplyTo {
    ReplyTo { model: "mine".into(), id: "1f".into(), created: 7, ..ReplyTo::default() }
}

/// Writes a conversation, and tells what was dropped.
fn written(conversation: &Conversation<'_>, model: &str) -> (Value, Dropped) {
    let mut dropped = Dropped::default();
    let body = request::write(conversation, towards(model), &mut dropped);
    (serde_json::from_slice(&body).unwrap(), dropped)
}

/// Reads a request and writes it again.
fn rewritten(body: &Value) -> Value {
    let text = body.to_string();
    let (written, dropped) = written(&request::read(text.as_bytes()).unwrap(), "gemini-2.5-pro");
    assert_eq!(dropped, Dropped::default());
    written
}

/// Reads an answer and writes it again.
fn answered(body: &Value) -> Value {
    let text = body.to_string();
    let answer = response::read(text.as_bytes()).unwrap();
    serde_json::from_slice(&response::write(&answer, &to())).unwrap()
}

/// Returns what a stream says, in pieces of this size.
fn events(stream: &[u8], size: usize) -> Vec<String> {
    let mut seen = Vec::new();
    read(stream, size, |event| seen.push(format!("{event:?}")));
    seen
}

/// Passes a stream on to a client.
fn passed(stream: &[u8], size: usize, mut writer: stream::Writer) -> String {
    let mut out = Vec::new();
    read(stream, size, |event| writer.event(event, &mut out));
    String::from_utf8(out).unwrap()
}

fn read(stream: &[u8], size: usize, mut sink: impl FnMut(&Event<'_>)) {
    let mut reader = stream::Reader::default();
    for piece in stream.chunks(size) {
        reader.push(piece, &mut |event| sink(&event));
    }
    reader.end(&mut |event| sink(&event));
}

/// Returns the objects of a stream of events.
fn frames(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|text| serde_json::from_str(text).unwrap()).collect()
}
