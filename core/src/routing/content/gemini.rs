//! Gemini's `generateContent` and vectors.

use super::Sign;
use super::traces::{is_error, is_filled, is_spent, says_something};
use crate::dialect::chat::answer::FinishReason;
use crate::dialect::gemini::finish;
use crate::json::node::Node;

/// Reads a chunk or a whole answer.
pub(super) fn read(node: Node<'_>) -> Sign {
    let (mut content, mut spent) = (false, false);
    for (key, value) in node.members() {
        match &*key {
            "error" if is_error(value) => return Sign::Error,
            "candidates" => content |= value.items().any(is_answer),
            // The prompt was blocked.
            "promptFeedback" | "prompt_feedback" => {
                content |= ["blockReason", "block_reason"]
                    .iter()
                    .any(|name| value.get(name).is_some_and(says_something));
            }
            "embeddings" | "predictions" => content |= is_filled(value),
            "embedding" => content |= value.get("values").is_some_and(is_filled),
            "usageMetadata" | "usage_metadata" => spent = is_spent(value),
            _ => {}
        }
    }
    match (content, spent) {
        (true, _) => Sign::Content,
        (false, true) => Sign::Spent,
        (false, false) => Sign::Nothing,
    }
}

fn is_answer(candidate: Node<'_>) -> bool {
    candidate.members().any(|(key, value)| match &*key {
        "content" => value.get("parts").is_some_and(says_something),
        "finishReason" | "finish_reason" => value.string().is_some_and(|reason| is_reason(&reason)),
        _ => false,
    })
}

/// Tells whether a reason to stop explains why there is no content. Calls that the model got wrong
/// and `OTHER` explain nothing.
fn is_reason(finish: &str) -> bool {
    // An unsupported language, which clients of other dialects have no word for.
    finish == "LANGUAGE"
        || matches!(finish::read(finish, false), FinishReason::Length | FinishReason::ContentFilter)
}
