//! Cases in files: what is written again of requests and answers, and what streams say.

use serde_json::Value;
use tollgate_core::dialect::anthropic::{request, response};
use tollgate_core::dialect::chat::Dropped;

use super::shown::replay;
use super::{TOWARDS, reply_to};
use crate::cases;

#[test]
fn cases_are_as_their_snapshots_show() {
    for case in cases::of("anthropic") {
        if let Some(body) = case.file("request.json") {
            let conversation = request::read(&body).unwrap();
            let mut dropped = Dropped::default();
            let written = request::write(&conversation, TOWARDS, &mut dropped);
            case.shows("request", &pretty(&written));
            assert!(dropped.fields().is_empty(), "{dropped:?}");
        }
        if let Some(body) = case.file("response.json") {
            let answer = response::read(&body).unwrap();
            case.shows("response", &pretty(&response::write(&answer, &reply_to())));
        }
        if let Some(stream) = case.file("stream.txt") {
            let (events, written) = replay(&stream, 5);
            case.shows("stream", &format!("{}\n\n{written}", events.join("\n")));
        }
    }
}

fn pretty(json: &[u8]) -> String {
    let value: Value = serde_json::from_slice(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}
