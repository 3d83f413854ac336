//! When there is content: streams and whole answers of every dialect, cut anywhere.

use proptest::prelude::*;
use tollgate_core::dialect::Dialect;
use tollgate_core::routing::content::{Seen, Watch, judge};

mod openai;
mod others;

/// Checks what a prefix of a stream shows, that all of it before its last line or event shows
/// nothing, and that pieces make no difference.
#[track_caller]
fn check(dialect: Dialect, lines: &[&str], expected: Seen) {
    let text = lines.concat();
    let mut watch = Watch::new(dialect);
    for line in &lines[..lines.len() - 1] {
        assert_eq!(watch.push(line.as_bytes()), Seen::Waiting, "{line}");
    }
    assert_eq!(watch.push(lines[lines.len() - 1].as_bytes()), expected, "{text}");
    for size in [1, 2, 3, 5, 17] {
        let mut watch = Watch::new(dialect);
        let seen = text.as_bytes().chunks(size).map(|piece| watch.push(piece)).last().unwrap();
        assert_eq!(seen, expected, "in pieces of {size}: {text}");
    }
}

/// Checks a stream, given as the payloads of its events.
#[track_caller]
fn events(dialect: Dialect, payloads: &[&str], expected: Seen) {
    let events: Vec<_> = payloads.iter().map(|payload| format!("data: {payload}\n\n")).collect();
    check(dialect, &events.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let crlf: Vec<_> =
        payloads.iter().map(|payload| format!(": ping\r\ndata:{payload}\r\n\r\n")).collect();
    check(dialect, &crlf.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[track_caller]
fn lines(payloads: &[&str], expected: Seen) {
    let lines: Vec<_> = payloads.iter().map(|payload| format!("{payload}\n")).collect();
    check(Dialect::Ollama, &lines.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// Checks a whole answer, whole and in pieces.
#[track_caller]
fn whole(dialect: Dialect, body: &str, expected: Seen) {
    assert_eq!(judge(dialect, body.as_bytes()), expected, "{body}");
    let mut watch = Watch::new(dialect);
    for piece in body.as_bytes().chunks(3) {
        watch.push(piece);
    }
    assert_eq!(watch.end(), expected, "in pieces: {body}");
}

#[test]
fn what_is_very_long_is_content() {
    let mut watch = Watch::new(Dialect::OpenAi);
    assert_eq!(
        watch.push(format!("data: {{\"a\":\"{}", "x".repeat(70_000)).as_bytes()),
        Seen::Content
    );
    let mut watch = Watch::new(Dialect::OpenAi);
    assert_eq!(watch.push(format!("{{\"a\":\"{}", "x".repeat(70_000)).as_bytes()), Seen::Content);
    let mut watch = Watch::new(Dialect::OpenAi);
    assert_eq!(watch.push(&vec![b' '; 70_000]), Seen::Waiting);
}

const DIALECTS: [Dialect; 7] = [
    Dialect::OpenAi,
    Dialect::Completions,
    Dialect::Responses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
    Dialect::OllamaGenerate,
];

/// What answers of all dialects are made of, and what they are not.
const FRAGMENTS: [&str; 24] = [
    "data: ",
    "data:",
    "event: error",
    "\n",
    "\n\n",
    "\r\n\r\n",
    " ",
    "[DONE]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ",",
    r#"{"choices":[{"delta":{"content":""}}]}"#,
    r#"{"choices":[{"delta":{"content":"Hi"}}]}"#,
    r#"{"error":{"message":"x"}}"#,
    r#"{"type":"message_stop"}"#,
    r#"{"type":"content_block_delta","delta":{"text":"Hi"}}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
    r#"{"message":{"content":"Hi"},"done":true}"#,
    r#"{"usage":{"completion_tokens":9}}"#,
    r#"{"type":"response.completed","response":{"output":[]}}"#,
];

proptest! {
    #[test]
    fn pieces_make_no_difference_to_any_answer(
        fragments in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..24),
        size in 1..40_usize,
    ) {
        let text = fragments.concat();
        for dialect in DIALECTS {
            let mut watch = Watch::new(dialect);
            for piece in text.as_bytes().chunks(size) {
                watch.push(piece);
            }
            let seen = watch.end();

            prop_assert_eq!(seen, judge(dialect, text.as_bytes()), "{:?} {:?}", dialect, text);
            prop_assert_ne!(seen, Seen::Waiting);
        }
    }
}
