//! Cases in files.

use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::gemini::{request, response, schema, stream};

use super::{answered, events, passed, rewritten, to, written};
use crate::cases;
use crate::recordings::lost;

#[test]
fn requests_are_read_as_reviewed() {
    for case in cases::of("gemini") {
        let Some(body) = case.file("request.json") else { continue };
        let plain = schema::plain(&body);
        let conversation = request::read(&plain).unwrap();
        case.shows("conversation", &format!("{conversation:#?}"));
    }
}

#[test]
fn requests_come_back_whole() {
    for case in cases::of("gemini") {
        let Some(body) = case.file("request.json") else { continue };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let written = rewritten(&body);
        case.shows("lost", &format!("{:?}", lost(&body, &written)));
        assert_eq!(rewritten(&written), written);
    }
}

/// What another dialect's client would have said, for an older and a newer model.
#[test]
fn requests_of_others_are_written_as_reviewed() {
    for case in cases::of("gemini") {
        let Some(body) = case.file("request.json") else { continue };
        let mut conversation = request::read(&body).unwrap();
        conversation.origin = Dialect::OpenAi;
        for model in ["gemini-2.5-flash", "gemini-3-pro"] {
            let (written, dropped) = written(&conversation, model);
            let shown = format!("{written:#}\n\ndropped: {:?}", dropped.fields());
            case.shows(&format!("for_{model}"), &shown);
        }
    }
}

#[test]
fn answers_are_read_and_written_as_reviewed() {
    for case in cases::of("gemini") {
        let Some(body) = case.file("response.json") else { continue };
        case.shows("answer", &format!("{:#?}", response::read(&body).unwrap()));
        let body: Value = serde_json::from_slice(&body).unwrap();
        case.shows("answered", &format!("{:#}", answered(&body)));
    }
}

#[test]
fn streams_are_read_and_written_as_reviewed() {
    for case in cases::of("gemini") {
        let Some(stream) = case.file("stream.txt") else { continue };
        let whole = events(&stream, stream.len());
        for size in 1..64 {
            assert_eq!(events(&stream, size), whole, "in pieces of {size}");
        }
        case.shows("events", &whole.join("\n"));
        case.shows("passed", &passed(&stream, 7, stream::Writer::new(to())).replace('\r', ""));
    }
}
