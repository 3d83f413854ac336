//! OpenAI's chat completions, legacy completions and vectors, and what is compatible with them.

use super::Sign;
use super::traces::{is_error, is_filled, is_spent, says_something};
use crate::json::node::Node;

/// Reads a chunk or a whole answer.
pub(super) fn read(node: Node<'_>) -> Sign {
    let mut spent = false;
    let (mut content, mut is_answer, mut bare) = (false, false, false);
    for (key, value) in node.members() {
        match &*key {
            "error" if is_error(value) => return Sign::Error,
            "choices" => {
                is_answer = true;
                for choice in value.items() {
                    match read_choice(choice) {
                        Sign::Content => content = true,
                        Sign::Error => return Sign::Error,
                        Sign::Nothing | Sign::Spent | Sign::End | Sign::SpentEnd => {}
                    }
                }
            }
            "data" => content |= is_filled(value),
            "usage" => spent = is_spent(value),
            "object" if value.text().is_some_and(|object| object == "error") => return Sign::Error,
            "object" | "id" => is_answer = true,
            "message" | "detail" | "msg" => bare |= says_something(value),
            _ => {}
        }
    }
    match (content, spent) {
        (true, _) => Sign::Content,
        // A gateway in between has something to say.
        (false, _) if bare && !is_answer => Sign::Error,
        (false, true) => Sign::Spent,
        (false, false) => Sign::Nothing,
    }
}

fn read_choice(choice: Node<'_>) -> Sign {
    let mut content = false;
    for (key, value) in choice.members() {
        match &*key {
            "delta" | "message" | "text" => content |= says_something(value),
            "finish_reason" => match value.string().as_deref() {
                Some("error") => return Sign::Error,
                Some(reason) => content |= is_reason(reason),
                None => {}
            },
            "error" if is_error(value) => return Sign::Error,
            _ => {}
        }
    }
    if content { Sign::Content } else { Sign::Nothing }
}

/// Tells whether a reason to stop explains why there is no content.
fn is_reason(finish: &str) -> bool {
    !matches!(
        finish,
        "" | "stop"
            | "eos"
            | "end_turn"
            | "tool_calls"
            | "function_call"
            | "abort"
            // DeepSeek ran out of machines.
            | "insufficient_system_resource"
    )
}
