//! Any body: reading it never panics, and what is sent on is what was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::dialect::openai::request;
use tollgate_proto::v1::Endpoint;

fuzz_target!(|input: (bool, &[u8])| {
    let (ask_usage, body) = input;
    let Ok(read) = request::read(Endpoint::ChatCompletions, body) else { return };

    let edited = read.edits(body, "another", ask_usage).apply(body);

    let Ok(before) = serde_json::from_slice::<Value>(body) else { return };
    let after: Value = serde_json::from_slice(&edited).expect("still JSON");
    assert_eq!(after["model"], "another");
    if ask_usage && read.stream {
        assert_eq!(after["stream_options"]["include_usage"], true);
    }
    for (name, value) in before.as_object().expect("an object") {
        if name != "model" && name != "stream_options" {
            assert_eq!(&after[name], value);
        }
    }
});
