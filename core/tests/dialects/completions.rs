//! OpenAI's legacy completions, answered by a provider of chat completions.

use serde_json::Value;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Dropped, Towards};
use tollgate_core::dialect::openai::chat;
use tollgate_core::dialect::openai::completions::{request, response, stream};

use crate::cases;
use crate::recordings::exchanges;

const TOWARDS: Towards<'static> = Towards {
    model: "their-model",
    max_output_tokens: None,
    completion_tokens_cap: true,
    stream_usage: true,
};

fn reply_to() -> ReplyTo {
    ReplyTo {
        model: "our-model".to_owned(),
        id: "0123abcd".to_owned(),
        created: 1_700_000_000,
        stream_usage: true,
        ..ReplyTo::default()
    }
}

#[test]
fn cases_are_as_their_snapshots_show() {
    for case in cases::of("completions") {
        if let Some(body) = case.file("request.json") {
            let conversation = request::read(&body).unwrap();
            let mut dropped = Dropped::default();
            let written = chat::request::write(&conversation, TOWARDS, &mut dropped);
            let written: Value = serde_json::from_slice(&written).unwrap();
            case.shows("request", &format!("{written:#}\n\ndropped: {:?}", dropped.fields()));
        }
        if let Some(body) = case.file("response.json") {
            let answer = chat::response::read(&body).unwrap();
            let written = response::write(&answer, &reply_to());
            let written: Value = serde_json::from_slice(&written).unwrap();
            case.shows("response", &format!("{written:#}"));
        }
        if let Some(stream) = case.file("stream.txt") {
            case.shows("stream", &replay(&stream));
        }
    }
}

fn replay(stream: &[u8]) -> String {
    let (mut reader, mut writer) =
        (chat::stream::Reader::default(), stream::Writer::new(reply_to()));
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
    for piece in stream.chunks(7) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    String::from_utf8(out).unwrap()
}

#[test]
fn recorded_prompts_of_text_are_understood() {
    for exchange in exchanges("/v1/completions") {
        let body = exchange.request.to_string();
        if let Ok(conversation) = request::read(body.as_bytes()) {
            assert_eq!(conversation.messages.len(), 1, "{}", exchange.id);
            assert!(conversation.extras.is_empty(), "{}", exchange.id);
        } else {
            let prompt = &exchange.request["prompt"];
            assert!(prompt.is_array() || exchange.status == 400, "{}", exchange.id);
        }
    }
}
