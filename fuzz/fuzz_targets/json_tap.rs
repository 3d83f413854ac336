//! An answer edited as it passes: the pieces make no difference, and what is JSON stays JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_core::json::tap::{Captured, Tap};

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let whole = pass(body, body.len().max(1));
    assert_eq!(pass(body, usize::from(size).max(1)), whole);

    if let Ok(Value::Object(mut expected)) = serde_json::from_slice(body) {
        if let Some(model) = expected.get_mut("model").filter(|model| model.is_string()) {
            *model = Value::from("new");
        }
        let passed: Value = serde_json::from_slice(&whole.0).expect("still JSON");
        if body.iter().filter(|&&byte| byte == b'm').count() < 2 && !body.contains(&b'\\') {
            assert_eq!(passed, Value::Object(expected));
        }
    }
});

fn pass(body: &[u8], size: usize) -> (Vec<u8>, Captured) {
    let mut tap = Tap::new("new");
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        match tap.push(piece) {
            Some(edited) => out.extend_from_slice(&edited),
            None => out.extend_from_slice(piece),
        }
    }
    (out, tap.captured().clone())
}
