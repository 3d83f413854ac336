//! A whole answer of `/api/chat`.

use super::line::{self, Api, Last, Said};
use super::request::{said, write_call};
use super::{image, logprobs, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Answer, Choice, Finish, ReplyTo};
use crate::dialect::chat::{PartKind, Source};
use crate::dialect::instant::unix_seconds;
use crate::dialect::members::Members;
use crate::json::node::Node;
use crate::json::scan::Malformed;
use crate::json::write::Writer;

/// Reads a provider's answer.
///
/// # Errors
/// When it is not a JSON object.
pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut members = Members::of(Node::object(body)?);
    let mut answer = Answer::of(Dialect::Ollama);
    answer.model = members.take_text("model");
    let created = members.take("created_at").and_then(Node::string);
    answer.created = created.and_then(|text| unix_seconds(&text)).and_then(|at| at.try_into().ok());
    let message = members.take("message").map(Members::of);
    let parts = message.and_then(|mut message| said(&mut message).ok()).unwrap_or_default();
    let called = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
    let reason = members.take("done_reason").and_then(Node::string);
    let is_done = members.take("done").and_then(Node::bool) != Some(false);
    let finish = is_done
        .then(|| Finish { reason: line::reason(reason.as_deref(), called), stop_sequence: None });
    let count = |node: Option<Node<'_>>| node.and_then(Node::u64);
    let (input, output) = (members.take("prompt_eval_count"), members.take("eval_count"));
    answer.usage = usage::read(count(input), count(output));
    let logprobs = members.take("logprobs").and_then(logprobs::read).map(Into::into);
    answer.extras = members.rest();
    answer.choices.push(Choice { parts, finish, logprobs });
    Ok(answer)
}

/// Writes an answer for a client: the first, where several were asked for.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    whole(Api::Chat, answer, to)
}

/// Writes the answer to a request that only asks for the model to be loaded.
pub fn write_loaded(to: &ReplyTo) -> Vec<u8> {
    loaded(Api::Chat, to)
}

pub(super) fn loaded(api: Api, to: &ReplyTo) -> Vec<u8> {
    let mut writer = Writer::default();
    api.loaded(to, &mut writer);
    writer.into_bytes()
}

pub(super) fn whole(api: Api, answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let choice = answer.choices.first();
    let parts = choice.map(|choice| &*choice.parts).unwrap_or_default();
    let links: Vec<_> = parts.iter().map(|part| image::link(&part.kind)).collect();
    let mut told = Said::default();
    for (part, link) in parts.iter().zip(&links) {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => told.text.push(text),
            PartKind::Reasoning(thought) => told.thinking.extend(&thought.text),
            PartKind::ToolCall(call) => {
                let mut json = Writer::default();
                write_call(&call.id, &call.name, &call.arguments.to_object(), &mut json);
                told.calls.push(json.into_bytes());
            }
            PartKind::Media(media) => match (link, &media.source) {
                (Some(link), _) => told.text.push(link),
                (None, Source::Base64 { data, .. }) => told.images.push(data),
                (None, _) => {}
            },
            PartKind::ToolResult(_) | PartKind::Other(..) => {}
        }
    }
    told.logprobs = choice.and_then(|choice| choice.logprobs.as_deref());
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let reason = finish.map(|finish| finish.reason);
    let last = Last { reason, usage: answer.usage.unwrap_or_default() };
    let mut writer = Writer::default();
    api.line(to, answer.created.unwrap_or(to.created), &told, Some(last), &mut writer);
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::chat::answer::FinishReason;

    const ANSWER: &[u8] = br#"{"model":"m","created_at":"2025-02-19T00:00:00.123Z",
        "message":{"role":"assistant","content":"Let me","thinking":"hm","images":["iVBO"],
        "tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]},
        "logprobs":[{"token":"Let","logprob":-0.5}],
        "done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":3,"eval_count":4}"#;

    fn to() -> ReplyTo {
        ReplyTo { model: "ours".to_owned(), created: 7, ..ReplyTo::default() }
    }

    #[test]
    fn comes_back_the_same() {
        let answer = read(ANSWER).unwrap();
        let written: Value = serde_json::from_slice(&write(&answer, &to())).unwrap();

        let expected: Value = serde_json::from_slice(ANSWER).unwrap();
        for name in ["message", "logprobs", "done", "done_reason", "prompt_eval_count"] {
            assert_eq!(written[name], expected[name], "{name}");
        }
        assert_eq!(written["created_at"], "2025-02-19T00:00:00Z");
        assert_eq!(written["model"], "ours");
        assert_eq!(written["eval_count"], 4);
        let finish = answer.choices[0].finish.as_ref().unwrap();
        assert_eq!(finish.reason, FinishReason::ToolCalls);
    }

    #[test]
    fn an_answer_that_says_nothing_is_one_too() {
        let answer = read(b"{}").unwrap();
        let written: Value = serde_json::from_slice(&write(&answer, &to())).unwrap();
        assert_eq!(written["message"], json!({"role": "assistant", "content": ""}));
        assert!(read(b"[]").is_err());

        let loaded: Value = serde_json::from_slice(&write_loaded(&to())).unwrap();
        assert_eq!(loaded["done_reason"], "load");
    }
}
