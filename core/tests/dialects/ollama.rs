//! Ollama's chat and generate.

use proptest::prelude::*;
use serde_json::Value;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Dropped, Towards};
use tollgate_core::dialect::ollama::{error, generate, models, request, response, stream};

use crate::cases;
use crate::recordings::lost;

const TOWARDS: Towards<'static> = Towards {
    model: "their-model",
    max_output_tokens: None,
    completion_tokens_cap: false,
    stream_usage: false,
};

#[test]
fn cases_are_as_their_snapshots_show() {
    for case in cases::of("ollama") {
        if let Some(body) = case.file("request.json") {
            let conversation = request::read(&body).unwrap();
            let mut dropped = Dropped::default();
            let written = request::write(&conversation, TOWARDS, &mut dropped);
            case.shows("request", &pretty(&written));
            assert!(dropped.fields().is_empty(), "{dropped:?}");
            let mut before: Value = serde_json::from_slice(&body).unwrap();
            before.as_object_mut().unwrap().remove("model");
            let after = serde_json::from_slice(&written).unwrap();
            assert_eq!(lost(&before, &after), Vec::<String>::new());
        }
        if let Some(body) = case.file("response.json") {
            let answer = response::read(&body).unwrap();
            let chat = pretty(&response::write(&answer, &reply_to()));
            let generate = pretty(&generate::response::write(&answer, &reply_to()));
            case.shows("response", &format!("{chat}\n\n{generate}"));
        }
        if let Some(lines) = case.file("stream.txt") {
            case.shows("stream", &String::from_utf8(replay(&lines, 5)).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (request::read(&bytes), generate::request::read(&bytes), models::read_show(&bytes));
        let _ = response::read(&bytes).map(|answer| response::write(&answer, &reply_to()));
        let _ = error::read(500, &bytes);
        replay(&bytes, 7);
    }

    #[test]
    fn broken_requests_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = include_bytes!("../../cases/ollama/tools/request.json").to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(conversation) = request::read(&body) {
            let written = request::write(&conversation, TOWARDS, &mut Dropped::default());
            prop_assert!(serde_json::from_slice::<Value>(&written).is_ok());
        }
    }

    #[test]
    fn any_pieces_give_the_same(at in any::<prop::sample::Index>(), byte in any::<u8>(), size in 1..40_usize) {
        let mut lines = include_bytes!("../../cases/ollama/tools/stream.txt").to_vec();
        let at = at.index(lines.len());
        lines[at] = byte;
        prop_assert_eq!(replay(&lines, size), replay(&lines, usize::MAX));
    }
}

/// Reads a stream in pieces of a size and writes it again.
fn replay(lines: &[u8], size: usize) -> Vec<u8> {
    let (mut reader, mut writer) = (stream::Reader::default(), stream::Writer::new(reply_to()));
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
    for piece in lines.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    out
}

fn reply_to() -> ReplyTo {
    let (model, id) = ("our-model".to_owned(), "0123abcd".to_owned());
    ReplyTo { model, id, created: 1_700_000_000, ..ReplyTo::default() }
}

fn pretty(json: &[u8]) -> String {
    let value: Value = serde_json::from_slice(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}
