//! What all dialects have in common: where something is said, what was spent, what is an error.

use crate::json::node::Node;

/// Fewer tokens than this go into ending an answer that has nothing to say.
const TOKENS_OF_AN_END: u64 = 5;
/// Deeper, nothing is said.
const DEPTH: usize = 8;

/// Members that say nothing by themselves.
const SILENT: &[&str] = &[
    "type",
    "id",
    "call_id",
    "index",
    "role",
    "status",
    "phase",
    "format",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "annotations",
    "cache_control",
    "logprobs",
];

/// Tells whether anything is said in a value: a text that is not empty, wherever it stands.
pub(super) fn says_something(value: Node<'_>) -> bool {
    says(value, DEPTH)
}

fn says(value: Node<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return true };
    if let Some(text) = value.text() {
        return !text.is_empty();
    }
    value.items().any(|item| says(item, deeper))
        || value
            .members()
            .any(|(key, value)| !SILENT.contains(&key.as_ref()) && says(value, deeper))
}

/// Tells whether a list has something in it.
pub(super) fn is_filled(value: Node<'_>) -> bool {
    value.items().next().is_some()
}

/// Tells whether the value of a member `error` is one: providers also write null or nothing.
pub(super) fn is_error(value: Node<'_>) -> bool {
    match value.text() {
        Some(text) => !text.is_empty(),
        None => value.members().next().is_some(),
    }
}

/// Tells whether tokens were spent on what is not shown: thoughts, or more than an end takes.
pub(super) fn is_spent(usage: Node<'_>) -> bool {
    usage.members().any(|(key, value)| match &*key {
        "reasoning_tokens" | "thoughtsTokenCount" | "total_thought_tokens" => {
            value.u64().is_some_and(|tokens| tokens > 0)
        }
        "completion_tokens" | "output_tokens" | "candidatesTokenCount" => {
            value.u64().is_some_and(|tokens| tokens >= TOKENS_OF_AN_END)
        }
        "completion_tokens_details" | "output_tokens_details" => is_spent(value),
        _ => false,
    })
}
