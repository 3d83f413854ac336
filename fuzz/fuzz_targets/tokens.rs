//! Any text counts the same whole and in pieces, and no body counts more than its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::tokens::{
    Encoding, Family, StreamCounter, count, count_bytes, request_tokens, upper_bound,
};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (size, times, bytes) = input;
    let text = String::from_utf8_lossy(bytes).repeat(usize::from(times) + 1);
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        let whole = count(encoding, &text);
        assert!(whole <= text.len() as u64);
        assert_eq!(count_bytes(encoding, text.as_bytes()), whole);

        let mut counter = StreamCounter::new(encoding);
        let mut rest = &*text;
        while !rest.is_empty() {
            let end = rest.ceil_char_boundary((usize::from(size) * 16 + 1).min(rest.len()));
            let (piece, after) = rest.split_at(end);
            counter.push(piece);
            rest = after;
        }
        assert_eq!(counter.total(), whole);
    }
    for family in [Family::Gpt4o, Family::Reasoning, Family::Claude, Family::Gemini] {
        assert!(request_tokens(family, bytes).tokens <= upper_bound(family, bytes));
    }
});
