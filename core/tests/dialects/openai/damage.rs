//! Bodies that are broken, or not what they should be: nothing panics, and what is written is
//! JSON that can be read.

use proptest::prelude::*;
use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::openai::chat::{error, request, response};
use tollgate_core::dialect::openai::completions;

use super::reply_to;
use crate::cases;

/// A case's request or answer in which a value was exchanged for another one.
fn damaged() -> impl Strategy<Value = String> {
    let mut bodies = Vec::new();
    for case in cases::of("openai") {
        bodies.extend(["request.json", "response.json"].into_iter().filter_map(|it| case.file(it)));
    }
    let values =
        ["null", "[]", "{}", "7", "\"\"", "\"\\ud800\"", "true", "[null]", "-1e999", "\"x"];
    let at = (prop::sample::select(bodies), any::<prop::sample::Index>());
    (at, prop::sample::select(values.to_vec()))
        .prop_map(|((body, at), value)| exchanged(&body, at, value))
}

/// Exchanges what follows one of the colons and commas.
fn exchanged(body: &[u8], at: prop::sample::Index, value: &str) -> String {
    let text: Value = serde_json::from_slice(body).unwrap();
    let text = text.to_string();
    let places: Vec<_> = text.match_indices([':', ',', '[']).map(|(at, _)| at + 1).collect();
    let (before, after) = text.split_at(*at.get(&places));
    let mut rest = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    let length = rest.next().and_then(Result::ok).map_or(0, |_| rest.byte_offset());
    [before, value, &after[length..]].concat()
}

fn write(conversation: &Conversation<'_>) {
    for completion_tokens_cap in [false, true] {
        let towards = Towards {
            model: "deepseek-chat",
            max_output_tokens: None,
            completion_tokens_cap,
            stream_usage: true,
        };
        let written = request::write(conversation, towards, &mut Dropped::default());
        assert!(is_json(&written), "{}", String::from_utf8_lossy(&written));
        assert!(request::read(&written).is_ok(), "{}", String::from_utf8_lossy(&written));
    }
}

/// Unlike serde's numbers ours have no bounds: they are not read.
fn is_json(text: &[u8]) -> bool {
    let text = String::from_utf8(text.to_vec()).unwrap().replace("1e999", "1");
    serde_json::from_str::<Value>(&text.replace("ud800", "u0041")).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bodies_are_refused_or_written_well(text in damaged()) {
        let body = text.as_bytes();
        if let Ok(mut conversation) = request::read(body) {
            write(&conversation);
            conversation.origin = Dialect::Anthropic;
            write(&conversation);
        }
        let _ = completions::request::read(body);
        if let Ok(mut answer) = response::read(body) {
            prop_assert!(is_json(&response::write(&answer, &reply_to())));
            answer.origin = Dialect::Gemini;
            prop_assert!(is_json(&response::write(&answer, &reply_to())));
            prop_assert!(is_json(&completions::response::write(&answer, &reply_to())));
        }
        prop_assert!(is_json(&error::write(&error::read(400, body))));
    }
}
