//! Whole chat answers.

use serde_json::{Value, json};
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::openai::chat::response;

use super::reply_to;
use crate::cases;
use crate::recordings::{exchanges, lost};

fn rewritten(body: &Value) -> Value {
    let text = body.to_string();
    let answer = response::read(text.as_bytes()).unwrap();
    serde_json::from_slice(&response::write(&answer, &reply_to())).unwrap()
}

#[test]
fn cases_come_back_as_reviewed() {
    for case in cases::of("openai") {
        let Some(body) = case.file("response.json") else { continue };
        let mut answer = response::read(&body).unwrap();
        let own: Value = serde_json::from_slice(&response::write(&answer, &reply_to())).unwrap();
        let shown = format!("{answer:#?}");
        answer.origin = Dialect::Gemini;
        let other: Value = serde_json::from_slice(&response::write(&answer, &reply_to())).unwrap();
        case.shows("answer", &format!("{shown}\n\n{own:#}\n\nfrom another: {other:#}"));
    }
}

#[test]
fn what_has_no_choices_is_no_answer() {
    for body in
        [&br#"{"error":{"message":"no"}}"#[..], b"{}", b"[]", b"", b"{\"choices\":[\"\xff\"]}"]
    {
        assert!(response::read(body).is_err(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn recorded_answers_come_back_whole() {
    for exchange in exchanges("/chat/completions") {
        if exchange.is_stream() || exchange.status != 200 {
            continue;
        }
        let id = &exchange.id;
        let body = without_indices(serde_json::from_str(&exchange.answer).unwrap());
        let mut written = rewritten(&body);

        assert_eq!(written["model"], "our-model", "{id}");
        for (before, after) in choices(&body).zip(choices(&written)) {
            for name in ["content", "refusal", "reasoning", "reasoning_content"] {
                let is_text = before["message"][name].as_str().is_some_and(|it| !it.is_empty());
                assert!(!is_text || before["message"][name] == after["message"][name], "{id}");
            }
            assert_eq!(
                lost(&before["message"]["tool_calls"], &after["message"]["tool_calls"]).len(),
                0,
                "{id}"
            );
            assert_eq!(before["finish_reason"], after["finish_reason"], "{id}");
        }
        for name in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            assert_eq!(body["usage"][name], written["usage"][name], "{id}");
        }
        assert_eq!(rewritten(&written), written, "{id}");
        // Costs and times that providers tell of usage have no place in it.
        let mut body = body;
        body["model"] = json!("our-model");
        body["usage"] = Value::Null;
        written["usage"] = Value::Null;
        assert_eq!(lost(&body, &written), Vec::<String>::new(), "{id}");
    }
}

/// Takes away the indices of calls, which some providers have in whole answers too.
fn without_indices(mut body: Value) -> Value {
    for choice in body["choices"].as_array_mut().into_iter().flatten() {
        for call in choice["message"]["tool_calls"].as_array_mut().into_iter().flatten() {
            call.as_object_mut().unwrap().remove("index");
        }
    }
    body
}

fn choices(body: &Value) -> impl Iterator<Item = &Value> {
    body["choices"].as_array().into_iter().flatten()
}
