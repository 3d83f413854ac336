//! Chat completions and legacy ones: nothing panics, what is written is JSON, and the pieces of a
//! stream make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::openai::chat::{error, request, response, stream};
use tollgate_core::dialect::openai::completions;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    if let Ok(mut conversation) = request::read(body) {
        write(&conversation);
        conversation.origin = Dialect::Anthropic;
        write(&conversation);
    }
    if let Ok(conversation) = completions::request::read(body) {
        write(&conversation);
    }
    if let Ok(mut answer) = response::read(body) {
        is_json(&response::write(&answer, &ReplyTo::default()));
        answer.origin = Dialect::Gemini;
        is_json(&response::write(&answer, &ReplyTo::default()));
        is_json(&completions::response::write(&answer, &ReplyTo::default()));
    }
    is_json(&error::write(&error::read(400, body)));
    let size = usize::from(size).max(1);
    if !body.contains(&b'\r') {
        assert_eq!(pass(body, size), pass(body, body.len().max(1)));
    }
});

fn write(conversation: &Conversation<'_>) {
    for completion_tokens_cap in [false, true] {
        let towards = Towards {
            model: "deepseek-chat",
            max_output_tokens: None,
            completion_tokens_cap,
            stream_usage: true,
        };
        let written = request::write(conversation, towards, &mut Dropped::default());
        is_json(&written);
        request::read(&written).expect("what is written can be read");
    }
}

fn is_json(text: &[u8]) {
    serde_json::from_slice::<Value>(text).expect("JSON");
}

fn pass(body: &[u8], size: usize) -> (Vec<u8>, Vec<u8>) {
    let mut reader = stream::Reader::default();
    let mut chat = stream::Writer::new(ReplyTo::default());
    let mut older = completions::stream::Writer::new(ReplyTo::default());
    let (mut out, mut older_out) = (Vec::new(), Vec::new());
    for piece in body.chunks(size) {
        reader.push(piece, &mut |event| {
            chat.event(&event, &mut out);
            older.event(&event, &mut older_out);
        });
    }
    reader.end(&mut |event| {
        chat.event(&event, &mut out);
        older.event(&event, &mut older_out);
    });
    (out, older_out)
}
