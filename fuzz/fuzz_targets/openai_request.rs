//! Any body: reading it never panics, and what is sent on is what was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::dialect::request::{self, Cap};
use tollgate_core::path::{Call, Route};
use tollgate_proto::v1::Endpoint;

const CHAT: Call = Call {
    endpoint: Endpoint::ChatCompletions,
    named: None,
    route: Route { provider: None, default_model: String::new() },
};
const CAPS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

fuzz_target!(|input: (bool, Option<u16>, &[u8])| {
    let (ask_usage, tokens, body) = input;
    let Ok(read) = request::read(&CHAT, body) else { return };

    let cap = tokens.map(|tokens| Cap { field: "max_tokens", tokens: tokens.into() });
    let edited = read.edits(body, "another", ask_usage, cap).apply(body);

    let Ok(before) = serde_json::from_slice::<Value>(body) else { return };
    let after: Value = serde_json::from_slice(&edited).expect("still JSON");
    assert_eq!(after["model"], "another");
    if ask_usage && read.stream {
        assert_eq!(after["stream_options"]["include_usage"], true);
    }
    if let Some(tokens) = tokens {
        assert!(CAPS.iter().any(|cap| after[*cap] == tokens));
    }
    for (name, value) in before.as_object().expect("an object") {
        let named = name == "model" || name == "stream_options" || CAPS.contains(&&**name);
        if !named {
            assert_eq!(&after[name], value);
        }
    }
});
