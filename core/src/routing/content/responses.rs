//! OpenAI's Responses.

use super::Sign;
use super::traces::{is_error, is_filled, is_spent, says_something};
use crate::json::node::Node;

/// Reads an event or a whole answer.
pub(super) fn read(node: Node<'_>) -> Sign {
    let Some(kind) = node.get("type").and_then(Node::string) else { return read_answer(node, "") };
    match &*kind {
        "error" | "response.failed" => Sign::Error,
        "response.incomplete" => Sign::Content,
        "response.completed" => {
            node.get("response").map_or(Sign::End, |answer| read_answer(answer, "completed"))
        }
        "response.output_item.added" => {
            if node.get("item").is_some_and(is_call) {
                Sign::Content
            } else {
                Sign::Nothing
            }
        }
        _ if kind.ends_with(".delta") => {
            if node.get("delta").is_some_and(says_something) {
                Sign::Content
            } else {
                Sign::Nothing
            }
        }
        _ if kind.ends_with(".partial_image") => Sign::Content,
        _ => Sign::Nothing,
    }
}

/// Reads a whole answer, or what a stream ends with. Vectors are those of OpenAI.
fn read_answer(answer: Node<'_>, status: &str) -> Sign {
    let (mut content, mut spent, mut failed) = (false, false, false);
    let mut status = status.to_owned();
    for (key, value) in answer.members() {
        match &*key {
            "error" => failed |= is_error(value),
            "status" => status = value.string().unwrap_or_default().into_owned(),
            "output" => content |= value.items().any(|item| is_call(item) || is_said(item)),
            "data" => content |= is_filled(value),
            "usage" => spent = is_spent(value),
            _ => {}
        }
    }
    match status.as_str() {
        _ if failed => Sign::Error,
        "failed" => Sign::Error,
        _ if content => Sign::Content,
        // It stopped for a reason, or works in the background.
        "incomplete" | "queued" | "in_progress" | "cancelled" => Sign::Content,
        _ if spent => Sign::SpentEnd,
        _ => Sign::End,
    }
}

/// Tells whether an item is something done, and neither a message nor a thought.
fn is_call(item: Node<'_>) -> bool {
    let kind = item.get("type").and_then(Node::string);
    kind.is_some_and(|kind| !matches!(&*kind, "message" | "reasoning"))
}

fn is_said(item: Node<'_>) -> bool {
    item.get("content").is_some_and(says_something)
        || item.get("summary").is_some_and(says_something)
}
