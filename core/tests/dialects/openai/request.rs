//! Chat requests.

use serde_json::{Value, json};
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::openai::chat::request;
use tollgate_core::refusal::Refusal;

use crate::cases;
use crate::recordings::{Exchange, exchanges, lost};

fn towards(body: &Value) -> Towards<'_> {
    Towards {
        model: body["model"].as_str().unwrap(),
        max_output_tokens: None,
        completion_tokens_cap: !body["max_tokens"].is_number(),
        stream_usage: true,
    }
}

fn rewritten(body: &Value) -> Value {
    let text = body.to_string();
    let conversation = request::read(text.as_bytes()).unwrap();
    let mut dropped = Dropped::default();
    let written = request::write(&conversation, towards(body), &mut dropped);
    assert_eq!(dropped, Dropped::default());
    serde_json::from_slice(&written).unwrap()
}

#[test]
fn cases_are_read_as_reviewed() {
    for case in cases::of("openai") {
        let Some(body) = case.file("request.json") else { continue };
        let mut conversation = request::read(&body).unwrap();
        conversation.reasoning.written = None;
        case.shows("conversation", &format!("{conversation:#?}"));
    }
}

// proves: config.providers[].completion_tokens_cap
/// What another dialect's client would have said, for a provider that is merely compatible.
#[test]
fn cases_are_written_as_reviewed() {
    for case in cases::of("openai") {
        let Some(body) = case.file("request.json") else { continue };
        let mut conversation = request::read(&body).unwrap();
        conversation.origin = Dialect::Anthropic;
        let towards = Towards {
            model: &conversation.model.clone(),
            max_output_tokens: None,
            completion_tokens_cap: false,
            stream_usage: true,
        };
        let mut dropped = Dropped::default();
        let written = request::write(&conversation, towards, &mut dropped);
        let written: Value = serde_json::from_slice(&written).unwrap();
        let shown = format!("{written:#}\n\ndropped: {:?}", dropped.fields());
        case.shows("for_another", &shown);
    }
}

#[test]
fn cases_come_back_whole() {
    for case in cases::of("openai") {
        let Some(body) = case.file("request.json") else { continue };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let written = rewritten(&body);
        let lost = lost(&body, &written);
        case.shows("lost", &format!("{lost:?}"));
        assert_eq!(rewritten(&written), written);
    }
}

#[test]
fn refuses_what_openai_refuses() {
    let check = |body: &str, expected: &Refusal| {
        assert_eq!(request::read(body.as_bytes()).unwrap_err(), *expected, "{body}");
    };
    let invalid = |field, expected| Refusal::InvalidField { field, expected };
    let of = |messages: &str| format!(r#"{{"model":"m","messages":{messages}}}"#);
    let with = |member: &str| format!(r#"{{"model":"m","messages":[{{"role":"user"}}],{member}}}"#);

    check("{}", &Refusal::MissingField("model"));
    check(r#"{"model":"m"}"#, &Refusal::MissingField("messages"));
    check(&of("{}"), &invalid("messages", "an array"));
    check(&of("[]"), &invalid("messages", "at least one message"));
    check(&of("[1]"), &invalid("messages[]", "an object"));
    check(&of("[{}]"), &Refusal::MissingField("messages[].role"));
    check(&of(r#"[{"role":"tool"}]"#), &Refusal::MissingField("messages[].tool_call_id"));
    let role = invalid("messages[].role", "a role such as user or assistant");
    check(&of(r#"[{"role":"wizard"}]"#), &role);
    let content = invalid("messages[].content", "a string or an array");
    check(&of(r#"[{"role":"user","content":7}]"#), &content);
    let part = Refusal::MissingField("messages[].content[].text");
    check(&of(r#"[{"role":"user","content":[{"type":"text"}]}]"#), &part);
    check(&with(r#""temperature":"hot""#), &invalid("temperature", "a number"));
    check(&with(r#""n":0"#), &invalid("n", "a whole number above zero"));
    check(&with(r#""stop":[1]"#), &invalid("stop", "a string or an array of strings"));
    check(&with(r#""stream":"yes""#), &invalid("stream", "true or false"));
    let tool = Refusal::MissingField("tools[].function.name");
    check(&with(r#""tools":[{"type":"function","function":{}}]"#), &tool);
    assert!(matches!(request::read(b"[]"), Err(Refusal::InvalidJson(_))));
    assert!(matches!(request::read(b"\xff{}"), Err(Refusal::InvalidJson(_))));
}

#[test]
fn recorded_requests_come_back_whole() {
    for exchange in exchanges("/chat/completions") {
        let Exchange { id, request: body, .. } = exchange;
        // A request that the provider refused for its messages is refused here too.
        if body["messages"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let mut expected = body.clone();
        if expected["tool_choice"] == "any" {
            expected["tool_choice"] = json!("required");
        }
        let written = rewritten(&body);
        assert_eq!(lost(&expected, &written), Vec::<String>::new(), "{id}");
        assert_eq!(rewritten(&written), written, "{id}");
    }
}

#[test]
fn what_is_written_means_what_was_read() {
    for exchange in exchanges("/chat/completions") {
        let Exchange { id, request: body, .. } = exchange;
        if body["messages"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let (text, again) = (body.to_string(), rewritten(&body).to_string());
        let before = request::read(text.as_bytes()).unwrap();
        let after = request::read(again.as_bytes()).unwrap();
        assert_eq!(meaning(before), meaning(after), "{id}");
    }
}

/// Takes away how it was written.
fn meaning(mut conversation: Conversation<'_>) -> String {
    conversation.reasoning.written = None;
    // Asked for in every stream.
    conversation.stream_usage = conversation.stream;
    conversation.extras.sort_by(|a, b| a.0.cmp(&b.0));
    format!("{conversation:?}")
}
