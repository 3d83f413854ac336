//! What clients ask of us in headers.

use tollgate_proto::v1 as proto;

use crate::driver::{GATEWAY, Host, STANDALONE};
use crate::scripts::{ANSWER, CHAT, JSON, open};

const STREAM: &str = r#"{"model":"gpt","stream":true,"messages":[]}"#;
const SSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];
const ASKED: [(&str, &str); 1] = [("x-omniroute-progress", "true")];
const CHUNK: &str = r#"data: {"id":"c","model":"gpt","choices":[{"delta":{"content":"one two"}}]}"#;

#[test]
fn a_stream_is_told_its_progress_when_it_was_asked_for() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &ASKED, STREAM);
    run.reaches_provider();
    assert_eq!(run.request.header("x-omniroute-progress"), None);
    run.provider_begins(&SSE);
    assert_eq!(run.answer.header("x-omniroute-progress"), Some("enabled"));

    run.passes(1_000_000);
    run.provider_sends(format!("{CHUNK}\n").as_bytes(), false);
    run.passes(2_000_000);
    run.provider_sends(b"\n", false);
    run.passes(1_000_000);
    run.provider_sends(b"data: [DONE]\n\n", true);
    run.ends();

    let told = |ms: u64, done: &str| {
        format!("event: progress\ndata: {{\"tokens_generated\":2,\"elapsed_ms\":{ms}{done}}}\n\n")
    };
    let (first, last) = (told(3000, ""), told(4000, ",\"done\":true"));
    assert_eq!(run.answer.text(), format!("{CHUNK}\n\n{first}{last}data: [DONE]\n\n"));
}

#[test]
fn nobody_else_is_told_any() {
    let other_value = [("x-omniroute-progress", "TRUE")];
    let cases: [(&[(&str, &str)], &str); 3] =
        [(&[], STREAM), (&other_value, STREAM), (&ASKED, CHAT)];
    for (headers, body) in cases {
        let mut host = open();
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", headers, body);
        run.reaches_provider();
        if body == STREAM {
            run.provider_answers(&SSE, b"data: [DONE]\n\n", 100);
        } else {
            run.provider_answers(&JSON, ANSWER.as_bytes(), 100);
        }

        assert_eq!(run.answer.header("x-omniroute-progress"), None);
        assert!(!run.answer.text().contains("progress"), "{}", run.answer.text());
    }
}

#[test]
fn without_wishes_the_listener_looks_at_nothing() {
    for settings in [GATEWAY, STANDALONE] {
        let mut host = Host::knowing(settings, proto::KeyPolicy::default());
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], STREAM);
        if settings == GATEWAY {
            run.reaches_provider();
        }
        let _ = run.provider_headers(&SSE);

        assert!(!run.exchange.watches_response_body());
        assert!(!run.exchange.needs_headers());
    }
}
