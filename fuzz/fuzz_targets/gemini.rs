//! Gemini's bodies and streams: nothing panics, what is written is JSON, and the pieces of a
//! stream make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::gemini::{error, request, response, schema, stream};

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let plain = schema::plain(body);
    if let Ok(mut conversation) = request::read(&plain) {
        write(&conversation);
        conversation.origin = Dialect::OpenAi;
        write(&conversation);
    }
    if let Ok(answer) = response::read(body) {
        let written = response::write(&answer, &ReplyTo::default());
        if std::str::from_utf8(body).is_ok() {
            serde_json::from_slice::<Value>(&written).expect("an answer is JSON");
        }
    }
    let _ = error::write(&error::read(400, body));
    let size = usize::from(size).max(1);
    assert_eq!(pass(body, size), pass(body, body.len().max(1)));
});

fn write(conversation: &Conversation<'_>) {
    let towards = Towards {
        model: "gemini-3-pro",
        max_output_tokens: None,
        completion_tokens_cap: false,
        stream_usage: false,
    };
    let written = request::write(conversation, towards, &mut Dropped::default());
    serde_json::from_slice::<Value>(&written).expect("a request is JSON");
    request::read(&written).expect("what is written can be read");
}

fn pass(body: &[u8], size: usize) -> Vec<u8> {
    let mut reader = stream::Reader::default();
    let mut writer = stream::Writer::new(ReplyTo::default());
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        reader.push(piece, &mut |event| writer.event(&event, &mut out));
    }
    reader.end(&mut |event| writer.event(&event, &mut out));
    out
}
