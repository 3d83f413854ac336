//! Cases as files: what becomes of requests, answers and streams when they are written from their
//! neutral form alone, as though another dialect had brought them.

use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::{Conversation, Dropped, Part, PartKind};
use tollgate_core::dialect::responses::{request, response};

use super::{TOWARDS, replay, reply_to, well_formed};
use crate::cases;

#[test]
fn cases_are_written_as_reviewed() {
    for case in cases::of("responses") {
        if let Some(body) = case.file("request.json") {
            let conversation = foreign(request::read(&body).unwrap());
            let mut dropped = Dropped::default();
            let written = request::write(&conversation, TOWARDS, &mut dropped);
            let shown = format!("dropped: {:?}\n\n{}", dropped.fields(), pretty(&written));
            case.shows("request", &shown);
        }
        if let Some(body) = case.file("response.json") {
            let mut answer = response::read(&body).unwrap();
            answer.extras.clear();
            case.shows("response", &pretty(&response::write(&answer, &reply_to())));
        }
        if let Some(stream) = case.file("stream.txt") {
            let (_, out) = replay(&stream, 5);
            well_formed::check(&out);
            case.shows("stream", &short(&out));
        }
    }
}

/// Lets a conversation come from another dialect: without what only this one has written.
fn foreign(mut conversation: Conversation<'_>) -> Conversation<'_> {
    conversation.origin = Dialect::OpenAi;
    for message in &mut conversation.messages {
        message.extras.clear();
        message.parts.retain(is_neutral);
        message.parts.iter_mut().for_each(|part| part.extras.clear());
    }
    conversation.messages.retain(|message| !message.parts.is_empty());
    for tool in &mut conversation.tools {
        let custom = tool.as_custom().is_some();
        tool.extras.retain(|(name, _)| name.is_empty() && custom);
    }
    conversation
}

fn is_neutral(part: &Part<'_>) -> bool {
    !matches!(part.kind, PartKind::Other(..))
}

fn pretty(json: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<Value>(json).unwrap()).unwrap()
}

/// Shows a stream without the response that each lifecycle event repeats, but for the last.
fn short(stream: &str) -> String {
    let mut lines = Vec::new();
    for mut event in well_formed::events(stream) {
        let kind = event["type"].as_str().unwrap().to_owned();
        if ["response.created", "response.in_progress"].contains(&&*kind) {
            event["response"] = Value::String(event["response"]["status"].to_string());
        }
        lines.push(event.to_string());
    }
    lines.join("\n")
}
