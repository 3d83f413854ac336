//! Input that nobody sends by mistake: in every dialect, to every provider, an answer or an error,
//! and never a panic.

use tollgate_proto::v1 as proto;

use crate::driver::{Host, Run};

const LARGE: &str = r#"{"role":"gateway","control_cluster":"control","max_body_bytes":67108864}"#;
const MODELS: [&str; 3] = ["gpt", "claude", "gemini"];
const JSON: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/json")];
const EVENTS: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];

/// A request of each dialect, with `text` as what is said, a raw JSON value.
fn requests(model: &str, text: &str, stream: bool) -> Vec<(String, String)> {
    let messages = format!(r#"[{{"role":"user","content":{text}}}]"#);
    let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let common = format!(r#""model":"{model}","stream":{stream},"max_tokens":9"#);
    vec![
        ("/v1/chat/completions".into(), format!(r#"{{{common},"messages":{messages}}}"#)),
        ("/v1/messages".into(), format!(r#"{{{common},"messages":{messages}}}"#)),
        (
            "/v1/responses".into(),
            format!(r#"{{"model":"{model}","stream":{stream},"input":{messages}}}"#),
        ),
        (
            format!("/v1beta/models/{model}:{action}"),
            format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":{text}}}]}}]}}"#),
        ),
        ("/api/chat".into(), format!(r#"{{{common},"messages":{messages}}}"#)),
        ("/v1/completions".into(), format!(r#"{{{common},"prompt":{text}}}"#)),
        ("/api/generate".into(), format!(r#"{{{common},"prompt":{text}}}"#)),
    ]
}

fn host() -> Host {
    Host::knowing(LARGE, proto::KeyPolicy::default())
}

/// Sends a request. Tells whether it goes on; one that does not is refused with a 4xx.
fn sent(run: &mut Run<'_>, path: &str, body: &str) -> bool {
    let _ = run.client_sends(path, &[], body);
    let Some(reply) = &run.reply else {
        run.reaches_provider();
        return true;
    };
    assert!((400..500).contains(&reply.status), "{path}: {}", reply.status);
    serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap();
    false
}

#[test]
fn hostile_requests_are_answered_or_passed() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let texts = [
        r#""\ud800 alone""#.to_owned(),
        r#""\u0000""#.to_owned(),
        "1e999999".to_owned(),
        format!("-{}", "9".repeat(400)),
        deep(200),
        deep(100_000),
        format!("{}1{}", r#"{"a":"#.repeat(250), "}".repeat(250)),
        r#"[{"type":"text"}]"#.to_owned(),
        r#"[{"type":"tool_result","content":[[[]]]}]"#.to_owned(),
        r#"[{"type":"image_url","image_url":{"url":"data:;base64"}}]"#.to_owned(),
        "null".to_owned(),
        format!("\"{}\"", "\\u20ac".repeat(10_000)),
    ];
    let mut host = host();
    for model in MODELS {
        for text in &texts {
            for (path, body) in requests(model, text, false) {
                let _ = sent(&mut host.begin(), &path, &body);
            }
        }
    }
}

#[test]
fn a_large_image_reaches_every_provider_whole() {
    let data = "QUJD".repeat(5 << 20);
    let image =
        format!(r#"[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]"#);
    let mut host = host();
    for model in MODELS {
        let (path, body) = requests(model, &image, false).swap_remove(0);
        let mut run = host.begin();
        assert!(sent(&mut run, &path, &body));
        assert!(run.request.text().contains(&data), "{model}");
    }
}

#[test]
fn garbage_of_providers_ends_in_an_answer() {
    let long = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}", "x".repeat(1 << 20));
    let answers = [
        "",
        "null",
        "[]",
        "{}",
        "{",
        "\u{0}",
        "data: {",
        "data: []\n\n",
        "data: {}\n\n",
        "data: [DONE]\n\n",
        "event: message_start\n\n",
        "{\"error\":null}",
        "{\"error\":\"x\"}",
        "{\"choices\":[{}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{}]}}]}",
        "{\"content\":[{\"type\":\"tool_use\"}],\"usage\":{}}",
        "data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"x\"}}\n\n",
        "data: {\"choices\":[{\"index\":4294967295,\"delta\":{\"tool_calls\":[{\"index\":99999999}]}}]}\n\n",
        &long,
    ];
    let mut host = host();
    for model in MODELS {
        for stream in [false, true] {
            for (path, body) in requests(model, "\"Hi\"", stream) {
                for (headers, answer) in
                    answers.iter().flat_map(|answer| [(&JSON, answer), (&EVENTS, answer)])
                {
                    let mut run = host.begin();
                    assert!(sent(&mut run, &path, &body), "{path} {body}");
                    run.provider_answers(headers, answer.as_bytes(), 100_000);
                    run.ends();
                }
            }
        }
    }
    let records = host.records();
    assert!(records.iter().all(|record| record.tokens.is_some()), "each is in the ledger");
}

#[test]
fn a_megabyte_of_arguments_reaches_the_client() {
    let text = "y".repeat(1 << 20);
    let answer = serde_json::json!({
        "id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"text": text}}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let mut host = host();
    for (path, body) in requests("claude", "\"Hi\"", false).into_iter().take(5) {
        let mut run = host.begin();
        assert!(sent(&mut run, &path, &body));
        run.provider_answers(&JSON, answer.to_string().as_bytes(), 65_536);
        assert!(run.answer.text().contains(&text), "{path}");
    }
}
