//! Requests, answers and streams of Responses: whatever they are, what is written of them is JSON,
//! and pieces make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Dropped, Towards};
use tollgate_core::dialect::responses::stream::{Reader, Writer};
use tollgate_core::dialect::responses::{error, request, response};

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let towards = Towards {
        model: "m",
        max_output_tokens: None,
        completion_tokens_cap: false,
        stream_usage: false,
    };
    if let Ok(conversation) = request::read(bytes) {
        json(&request::write(&conversation, towards, &mut Dropped::default()));
    }
    if let Ok(mut answer) = response::read(bytes) {
        answer.extras.clear();
        json(&response::write(&answer, &reply_to()));
    }
    json(&error::write(&error::read(400, bytes)));
    let whole = pass(bytes, bytes.len().max(1));
    assert_eq!(pass(bytes, usize::from(size).max(1)), whole);
});

fn reply_to() -> ReplyTo {
    ReplyTo { custom_tools: vec!["a".to_owned()], ..ReplyTo::default() }
}

/// Strings of a body are kept as they were written, UTF-8 or not.
fn json(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
}

fn pass(bytes: &[u8], size: usize) -> Vec<u8> {
    let (mut reader, mut writer) = (Reader::default(), Writer::new(reply_to()));
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
    for piece in bytes.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    out
}
