//! Any bytes as an answer, in any pieces and as an error: the pieces make no difference to what is
//! seen, and no error is worth a pause without an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::Dialect;
use tollgate_core::headers::Headers;
use tollgate_core::routing::content::{Seen, Watch, judge};
use tollgate_core::routing::failure::classify;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (size, status, bytes) = input;
    for dialect in DIALECTS {
        let mut watch = Watch::new(dialect);
        for piece in bytes.chunks(usize::from(size).max(1)) {
            watch.push(piece);
        }
        let seen = watch.end();
        assert_ne!(seen, Seen::Waiting);
        assert!(watch.error().is_empty() || seen == Seen::Error);
        // What is very long is judged by what is there of it.
        if bytes.len() < 64 * 1024 {
            assert_eq!(seen, judge(dialect, bytes));
        }
        classify(200, Headers(&[]), watch.error(), NOW_US);
    }
    let (header, body) = bytes.split_at(bytes.len().min(usize::from(size)));
    for name in ["retry-after", "retry-after-ms"] {
        let failure = classify(status, Headers(&[(name, header)]), body, NOW_US);
        assert!(failure.retry_after_us().is_none_or(|pause_us| pause_us > 0));
    }
});

const NOW_US: i64 = 1_795_248_565_000_000;
const DIALECTS: [Dialect; 7] = [
    Dialect::OpenAi,
    Dialect::Completions,
    Dialect::Responses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
    Dialect::OllamaGenerate,
];
