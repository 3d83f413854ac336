//! Clients of one dialect and providers of another.

use serde_json::{Value, json};
use tollgate_core::exchange::Flow;
use tollgate_proto::v1 as proto;

use crate::driver::{GATEWAY, Host, counts};

const JSON: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/json")];
const EVENTS: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];

fn host() -> Host {
    Host::knowing(GATEWAY, proto::KeyPolicy::default())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A request of Gemini's for a model.
fn gemini(model: &str, action: &str) -> (String, String) {
    let body = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"maxOutputTokens": 50, "topK": 3},
    });
    (format!("/v1beta/models/{model}:{action}"), body.to_string())
}

fn anthropic(model: &str, stream: bool) -> String {
    json!({
        "model": model, "max_tokens": 50, "stream": stream, "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}],
    })
    .to_string()
}

const GEMINI_ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},
    "finishReason":"STOP","index":0}],"modelVersion":"gemini-real","responseId":"r1",
    "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9}}"#;

const ANTHROPIC_STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",",
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-real\",\"content\":[],",
    "\"stop_reason\":null,\"stop_sequence\":null,",
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":",
    "\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

#[test]
fn an_anthropic_client_is_answered_by_a_gemini_provider() {
    let mut host = host();
    let mut run = host.begin();
    let flow = run.client_sends("/v1/messages", &[], &anthropic("gemini", false));
    assert_eq!(flow, Flow::Continue);
    run.reaches_provider();

    let (path, sent) = run.sent();
    assert_eq!(path, "/v1/models/gemini-real:generateContent");
    assert_eq!(sent["contents"][0]["parts"][0]["text"], "Hi");
    assert_eq!(sent["systemInstruction"]["parts"][0]["text"], "Be brief.");
    assert_eq!(sent["generationConfig"]["maxOutputTokens"], 50);
    assert_eq!(run.request.header("x-goog-api-key"), Some("secret-of-gemini"));
    assert_eq!(run.request.header("authorization"), None);
    let length = run.request.body.len().to_string();
    assert_eq!(run.request.header("content-length"), Some(&*length));

    run.provider_answers(&JSON, GEMINI_ANSWER.as_bytes(), 10);

    let answer = parsed(run.answer.text());
    assert_eq!((&answer["type"], &answer["model"]), (&json!("message"), &json!("gemini")));
    assert_eq!(answer["content"][0]["text"], "Hello");
    assert_eq!(answer["usage"]["input_tokens"], 7);
    run.ends();
    let record = &host.records()[0];
    assert_eq!(counts(record), [("input", 7), ("output", 2), ("total", 9)].into());
    assert_eq!(record.endpoint(), proto::Endpoint::Messages);
    assert!(!record.aborted);
}

#[test]
fn a_gemini_client_streams_from_an_anthropic_provider() {
    for size in [1, 7, 1000] {
        let mut host = host();
        let mut run = host.begin();
        let (path, body) = gemini("claude", "streamGenerateContent?alt=sse");
        let _ = run.client_sends(&path, &[], &body);
        run.reaches_provider();
        let (path, sent) = run.sent();
        assert_eq!(path, "/v1/messages");
        let expected = (&json!("claude-real"), &json!(true), &json!(50));
        assert_eq!((&sent["model"], &sent["stream"], &sent["max_tokens"]), expected);
        assert_eq!(run.request.header("anthropic-version"), Some("2023-06-01"));
        assert_eq!(run.request.header("x-api-key"), Some("secret-of-anthropic"));

        run.provider_answers(&EVENTS, ANTHROPIC_STREAM.as_bytes(), size);

        let lines = run.answer.text().lines();
        let chunks: Vec<Value> =
            lines.filter_map(|line| line.strip_prefix("data: ")).map(parsed).collect();
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk.pointer("/candidates/0/content/parts/0/text")?.as_str())
            .collect();
        assert_eq!(text, "Hello");
        assert!(chunks.iter().all(|chunk| chunk["modelVersion"] == "claude"), "{chunks:?}");
        let last = chunks.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert_eq!(last["usageMetadata"]["totalTokenCount"], 9);
        run.ends();
        let record = &host.records()[0];
        assert_eq!(counts(record), [("input", 7), ("output", 2), ("total", 9)].into());
        assert_eq!((record.aborted, record.streamed), (false, true));
    }
}

#[test]
fn the_same_dialect_passes_with_the_model_alone_renamed() {
    for size in [1, 50, 10_000] {
        let mut host = host();
        let mut run = host.begin();
        let body = anthropic("claude", true);
        let _ = run.client_sends("/v1/messages?beta=true", &[("anthropic-version", "x")], &body);
        run.reaches_provider();
        assert_eq!(run.request.header("anthropic-version"), Some("x"));
        let renamed = body.replace("\"claude\"", "\"claude-real\"");
        assert_eq!(run.request.text(), renamed);

        run.provider_answers(&EVENTS, ANTHROPIC_STREAM.as_bytes(), size);

        assert_eq!(run.answer.text(), ANTHROPIC_STREAM.replace("claude-real", "claude"));
        run.ends();
        assert_eq!(counts(&host.records()[0]), [("input", 7), ("output", 2), ("total", 9)].into());
    }
}

#[test]
fn a_stream_that_its_client_leaves_is_billed_as_far_as_it_came() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/messages", &[], &anthropic("claude", true));
    run.reaches_provider();
    assert_eq!(run.request.header("anthropic-version"), Some("2023-06-01"), "it needs one");
    run.provider_begins(&EVENTS);
    let half = ANTHROPIC_STREAM.find("event: content_block_stop").unwrap();
    run.provider_sends(&ANTHROPIC_STREAM.as_bytes()[..half], false);
    run.ends();

    let record = &host.records()[0];
    assert!(record.aborted);
    assert_eq!(record.tokens.unwrap().input, 7, "the provider had said it");
    assert!(record.tokens.unwrap().output >= 1);
    assert_ne!(record.usage_source(), proto::UsageSource::Provider);
}

#[test]
fn errors_arrive_in_the_callers_dialect() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}"#;
    let headers = [(":status", "529"), ("content-type", "application/json")];
    let mut host = host();
    let mut run = host.begin();
    let (path, body) = gemini("claude", "generateContent");
    let _ = run.client_sends(&path, &[], &body);
    run.reaches_provider();
    run.provider_answers(&headers, overloaded.as_bytes(), 9);

    let error = parsed(run.answer.text());
    assert_eq!(error["error"]["message"], "Busy");
    assert!(error["error"]["status"].is_string(), "{error}");

    let mut run = host.begin();
    let _ = run.client_sends("/v1/messages", &[], &anthropic("unknown", false));
    let reply = run.reply.as_ref().unwrap();
    let error = parsed(std::str::from_utf8(&reply.body).unwrap());
    assert_eq!((reply.status, &error["type"]), (404, &json!("error")));
    assert_eq!(error["error"]["type"], "not_found_error");
}

#[test]
fn an_answer_that_is_none_becomes_an_error() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/messages", &[], &anthropic("gemini", false));
    run.reaches_provider();
    run.provider_answers(&JSON, b"<html>", 3);

    assert_eq!(run.answer.header(":status"), Some("502"));
    assert_eq!(parsed(run.answer.text())["type"], "error");
    run.ends();
    assert_eq!(host.records()[0].error_code.as_deref(), Some("provider_error"));
}

// proves: config.server.gateway.debug_headers
#[test]
fn what_cannot_be_carried_is_told_or_refused() {
    let mut host = host();
    let mut run = host.begin();
    let (path, body) = gemini("claude", "generateContent");
    let body = body.replace("\"topK\":3", "\"topK\":3,\"presencePenalty\":1");
    let _ = run.client_sends(&path, &[], &body);
    run.reaches_provider();
    run.provider_begins(&JSON);
    let told = run.answer.header("x-tollgate-dropped").unwrap_or_default();
    assert!(told.contains("presencePenalty"), "{told:?}");

    let mut run = host.begin();
    let strict = path.replace("claude", "strict/claude");
    let _ = run.client_sends(&strict, &[], &body);
    let reply = run.reply.as_ref().unwrap();
    let text = std::str::from_utf8(&reply.body).unwrap();
    assert_eq!(reply.status, 400);
    assert!(text.contains("presencePenalty"), "{text}");
}

#[test]
fn prompts_are_counted_here() {
    let mut host = host();
    let mut run = host.begin();
    let question = r#"{"model":"claude","messages":[{"role":"user","content":"Hi there"}]}"#;
    let _ = run.client_sends("/v1/messages/count_tokens", &[], question);
    let reply = run.reply.take().unwrap();
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let counted = parsed(std::str::from_utf8(&reply.body).unwrap());
    assert!(counted["input_tokens"].as_u64().unwrap() > 0);

    let mut run = host.begin();
    let (path, body) = gemini("gemini", "countTokens");
    let _ = run.client_sends(&path, &[], &body);
    let reply = run.reply.take().unwrap();
    let counted = parsed(std::str::from_utf8(&reply.body).unwrap());
    assert!(counted["totalTokens"].as_u64().unwrap() > 0);
}

#[test]
fn models_are_listed_as_each_api_does() {
    let mut host = host();
    let mut list = |path: &str, headers: &[(&str, &str)]| {
        let mut run = host.begin();
        let _ = run.client_sends(path, headers, "");
        parsed(std::str::from_utf8(&run.reply.take().unwrap().body).unwrap())
    };

    assert_eq!(list("/v1/models", &[])["object"], "list");
    let anthropic = list("/v1/models", &[("anthropic-version", "2023-06-01")]);
    assert_eq!(
        (&anthropic["has_more"], &anthropic["data"][0]["type"]),
        (&json!(false), &json!("model"))
    );
    let gemini = list("/v1beta/models", &[]);
    assert!(gemini["models"][0]["name"].as_str().unwrap().starts_with("models/"));
}

#[test]
fn an_openai_client_calls_tools_of_an_anthropic_provider() {
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-real",
        "content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "the sky"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 9},
    });
    let mut host = host();
    let mut run = host.begin();
    let body = json!({
        "model": "claude",
        "messages": [{"role": "user", "content": "Is it blue?"}],
        "tools": [{"type": "function", "function": {"name": "look", "parameters":
            {"type": "object", "properties": {"at": {"type": "string"}}}}}],
    });
    let _ = run.client_sends("/v1/chat/completions", &[], &body.to_string());
    run.reaches_provider();
    let (path, sent) = run.sent();
    assert_eq!((path, &sent["tools"][0]["name"]), ("/v1/messages", &json!("look")));

    run.provider_answers(&JSON, answer.to_string().as_bytes(), 1000);

    let answer = parsed(run.answer.text());
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("toolu_1"), &json!("look")));
    assert_eq!(parsed(call["function"]["arguments"].as_str().unwrap()), json!({"at": "the sky"}));
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(answer["usage"]["prompt_tokens"], 8);
    assert_eq!(run.answer.header("x-litellm-response-cost"), None, "the listener sets it later");
    run.ends();
    let tokens = host.records()[0].tokens.unwrap();
    assert_eq!((tokens.input, tokens.cached_input, tokens.output), (8, 3, 9));
}

#[test]
fn vectors_are_translated() {
    let mut host = host();
    let mut run = host.begin();
    let body = json!({"model": "gemini", "input": ["a", "b"], "encoding_format": "base64"});
    let _ = run.client_sends("/v1/embeddings", &[], &body.to_string());
    run.reaches_provider();
    let (path, sent) = run.sent();
    assert_eq!(path, "/v1/models/gemini-real:batchEmbedContents");
    assert_eq!(sent["requests"][1]["content"]["parts"][0]["text"], "b");

    let vectors = json!({"embeddings": [{"values": [1.0, 0.5]}, {"values": [0.0, 2.0]}]});
    run.provider_answers(&JSON, vectors.to_string().as_bytes(), 11);

    let answer = parsed(run.answer.text());
    assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("gemini")));
    assert_eq!(answer["data"][0]["embedding"], "AACAPwAAAD8=");
    run.ends();
    let record = &host.records()[0];
    assert_eq!(record.endpoint(), proto::Endpoint::Embeddings);
    assert!(record.tokens.unwrap().input > 0, "Gemini does not say how many: they are counted");
}

#[test]
fn gemini_providers_embed_in_batches_by_their_own_name() {
    let one = json!({"content": {"parts": [{"text": "a"}]}});
    let several = json!({"requests": [{"model": "models/gemini", "content": one["content"]}]});
    let openai = json!({"model": "gemini", "input": "a"});
    let clients = [
        ("/v1beta/models/gemini:embedContent", one),
        ("/v1beta/models/gemini:batchEmbedContents", several),
        ("/v1/embeddings", openai),
    ];
    for (path, body) in clients {
        let mut host = host();
        let mut run = host.begin();
        let _ = run.client_sends(path, &[], &body.to_string());
        run.reaches_provider();
        let (path, sent) = run.sent();
        assert_eq!(path, "/v1/models/gemini-real:batchEmbedContents");
        assert_eq!(sent["requests"][0]["model"], "models/gemini-real");
        assert_eq!(sent["requests"][0]["content"]["parts"][0]["text"], "a");
    }
}
