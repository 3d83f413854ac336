//! What must hold for any bytes.

use proptest::prelude::*;
use tollgate_core::dialect::anthropic::{count, error, request, response};
use tollgate_core::dialect::chat::Dropped;

use super::shown::replay;
use super::{TOWARDS, reply_to};

/// Streams of events, some of which are broken.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let event = prop_oneof![
        Just(r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}"#),
        Just(
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
        ),
        Just(
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#
        ),
        Just(r#"{"type":"content_block_start","index":1,"content_block":{"type":"new","x":[]}}"#),
        Just(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é\ud83d"}}"#
        ),
        Just(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#
        ),
        Just(
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"s"}}"#
        ),
        Just(r#"{"type":"content_block_stop","index":1}"#),
        Just(
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":2}}"#
        ),
        Just(r#"{"type":"message_stop"}"#),
        Just(r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#),
        Just(r#"{"type":"ping"}"#),
        Just("{\"type\":"),
        Just("[DONE]"),
    ];
    let end = prop_oneof![Just("\n\n"), Just("\r\n\r\n"), Just("\n")];
    prop::collection::vec((event, end), 0..12).prop_map(|events| {
        let line = |(event, end)| format!("event: x\ndata: {event}{end}");
        events.into_iter().map(line).collect::<Vec<_>>().concat().into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (request::read(&bytes), count::read(&bytes), count::read_answer(&bytes));
        let _ = response::read(&bytes).map(|answer| response::write(&answer, &reply_to()));
        let _ = error::read(500, &bytes);
        replay(&bytes, 7);
    }

    #[test]
    fn broken_requests_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = include_bytes!("../../../cases/anthropic/tools/request.json").to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(conversation) = request::read(&body) {
            let written = request::write(&conversation, TOWARDS, &mut Dropped::default());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
        }
    }

    #[test]
    fn any_pieces_give_the_same(stream in stream(), size in 1..40_usize) {
        prop_assert_eq!(replay(&stream, size), replay(&stream, usize::MAX));
    }
}
