//! Anthropic's Messages.

use super::Sign;
use super::traces::{is_spent, says_something};
use crate::json::node::Node;

/// Reads an event or a whole answer.
pub(super) fn read(node: Node<'_>) -> Sign {
    let Some(kind) = node.get("type").and_then(Node::string) else {
        // No answer of this dialect; a gateway in between perhaps.
        let speaks = ["error", "message", "detail"].iter().any(|name| node.get(name).is_some());
        return if speaks { Sign::Error } else { Sign::Nothing };
    };
    match &*kind {
        "error" => Sign::Error,
        "content_block_start" => read_block(node.get("content_block")),
        "content_block_delta" => read_block(node.get("delta")),
        "message_delta" => {
            let stop = node.get("delta").and_then(|delta| delta.get("stop_reason"));
            read_stop(stop, node.get("usage"))
        }
        "message_stop" => Sign::End,
        "message" => {
            if node.get("content").is_some_and(says_something) {
                return Sign::Content;
            }
            read_stop(node.get("stop_reason"), node.get("usage"))
        }
        _ => Sign::Nothing,
    }
}

/// A block says something when it begins with a call, or when its text goes on.
fn read_block(block: Option<Node<'_>>) -> Sign {
    if block.is_some_and(says_something) { Sign::Content } else { Sign::Nothing }
}

fn read_stop(stop: Option<Node<'_>>, usage: Option<Node<'_>>) -> Sign {
    match stop.and_then(Node::string).as_deref() {
        None | Some("end_turn" | "tool_use" | "") => {}
        // `max_tokens`, `refusal`, `stop_sequence`, `pause_turn`, …
        Some(_) => return Sign::Content,
    }
    if usage.is_some_and(is_spent) { Sign::Spent } else { Sign::Nothing }
}
