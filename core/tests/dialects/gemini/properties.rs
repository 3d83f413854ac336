//! Whatever comes, nothing panics, and pieces make no difference.

use proptest::prelude::*;
use tollgate_core::dialect::gemini::{count, error, request, response, schema, stream};

use super::{events, passed, to, written};

/// JSON that is nearly what Gemini has, cut and mixed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "data: ",
        "\r\n\r\n",
        "\n\n",
        "\"contents\":",
        "\"parts\":",
        "\"candidates\":[{\"content\":{\"parts\":[",
        "]}}]",
        "{\"text\":\"a\"}",
        "\"role\":\"model\"",
        "{\"functionCall\":{\"name\":\"f\",\"args\":{}}}",
        "null",
        "1",
        "-1",
        "\"thoughtSignature\":\"AA==\"",
        "\"finishReason\":\"STOP\"",
        "\"generationConfig\":{",
        "\"tools\":",
        "{\"functionResponse\":{\"response\":{\"output\":\"x\"}}}",
        "é",
        "\u{0}",
        "\"usageMetadata\":{\"promptTokenCount\":1}",
        "{\"error\":{\"code\":503}}",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes())
}

fn check(bytes: &[u8], size: usize) {
    let _ = (request::read(bytes), count::read(bytes), response::read(bytes));
    let _ = error::read(400, bytes);
    let plain = schema::plain(bytes);
    if let Ok(conversation) = request::read(&plain) {
        let _ = written(&conversation, "gemini-3-pro");
    }
    if let Ok(answer) = response::read(bytes) {
        let written = response::write(&answer, &to());
        let _: serde_json::Value = serde_json::from_slice(&written).unwrap();
    }
    assert_eq!(events(bytes, size), events(bytes, bytes.len().max(1)));
    let _ = passed(bytes, size, stream::Writer::array(to()));
}

proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..400), size in 1..50usize) {
        check(&bytes, size);
    }

    #[test]
    fn near_misses_are_taken(bytes in nearly(), size in 1..50usize) {
        check(&bytes, size);
    }
}
