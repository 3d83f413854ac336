//! Progress events, in every dialect whose streams are server-sent events.

use serde_json::json;
use tollgate_e2e::{Client, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn streams_of_every_dialect_say_how_far_they_are_when_asked() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let message = json!([{ "role": "user", "content": "Hello" }]);
        let contents = json!([{ "role": "user", "parts": [{ "text": "Hello" }] }]);
        let gemini = format!("/v1beta/models/{RENAMED}:streamGenerateContent?alt=sse");
        let cases = [
            (
                "/v1/chat/completions",
                json!({ "model": RENAMED, "stream": true, "messages": message }),
                "data: [DONE]",
            ),
            (
                "/v1/messages",
                json!({ "model": RENAMED, "stream": true, "max_tokens": 50, "messages": message }),
                "event: message_stop",
            ),
            (
                "/v1/responses",
                json!({ "model": RENAMED, "stream": true, "input": "Hello" }),
                "event: response.completed",
            ),
            (&gemini, json!({ "contents": contents }), ""),
        ];
        for (path, body, last) in cases {
            let text = told(&client, path, &body).await;

            let done = text.find(",\"done\":true}\n\n").unwrap_or_else(|| panic!("{path}: {text}"));
            let after = &text[done + ",\"done\":true}\n\n".len()..];
            assert!(after.starts_with(last), "{path}: {text}");
            let tokens = text[..done].rsplit("\"tokens_generated\":").next().unwrap();
            let tokens: u64 = tokens.split(',').next().unwrap().parse().unwrap();
            assert!(tokens > 0, "{path}: {text}");
            for event in text.split("\n\n").filter(|event| event.contains("tokens_generated")) {
                assert!(event.starts_with("event: progress\ndata: {"), "{path}: {event}");
            }
        }
    });
}

#[test]
fn what_is_no_stream_of_events_says_nothing() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let ollama = json!({ "model": RENAMED, "messages": [{ "role": "user", "content": "Hi" }] });
        for call in [client.chat(RENAMED, &json!({})), client.post("/api/chat", &ollama)] {
            let mut answer = call.header("x-omniroute-progress", "true").send().await;

            assert_eq!(answer.status(), 200);
            assert!(!answer.headers().contains_key("x-omniroute-progress"));
            assert!(!answer.text().await.contains("tokens_generated"));
        }
        for request in stack.demo().requests() {
            assert_eq!(request.header("x-omniroute-progress"), None);
        }
    });
}

async fn told(client: &Client, path: &str, body: &serde_json::Value) -> String {
    let mut answer = client.post(path, body).header("x-omniroute-progress", "true").send().await;
    assert_eq!(answer.header("x-omniroute-progress"), "enabled", "{path}");
    // Gemini's lines end with CR LF, and ours do not.
    answer.text().await.replace("\r\n", "\n")
}
