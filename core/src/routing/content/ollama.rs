//! Ollama's `/api/chat`, `/api/generate` and vectors.

use super::Sign;
use super::traces::{is_error, is_filled, says_something};
use crate::json::node::Node;

/// Fewer tokens than this go into ending an answer that has nothing to say.
const TOKENS_OF_AN_END: u64 = 5;

/// Reads a line or a whole answer.
pub(super) fn read(node: Node<'_>) -> Sign {
    let (mut done, mut spent, mut content) = (false, false, false);
    for (key, value) in node.members() {
        match &*key {
            "error" if is_error(value) => return Sign::Error,
            // A gateway in between has something to say.
            "message" | "detail" if value.text().is_some() => return Sign::Error,
            "message" | "response" | "thinking" => content |= says_something(value),
            "embeddings" | "embedding" => content |= is_filled(value),
            "done" => done = value.bool() == Some(true),
            // `load` answers a request without a prompt.
            "done_reason" => {
                let reason = value.string();
                content |= reason.is_some_and(|why| matches!(&*why, "length" | "load" | "unload"));
            }
            "eval_count" => spent = value.u64().is_some_and(|tokens| tokens >= TOKENS_OF_AN_END),
            _ => {}
        }
    }
    match (content, done) {
        (true, _) => Sign::Content,
        (false, true) if spent => Sign::SpentEnd,
        (false, true) => Sign::End,
        (false, false) => Sign::Nothing,
    }
}
