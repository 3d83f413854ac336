//! Why an answer ended, by Anthropic's names.

use crate::dialect::chat::answer::{Finish, FinishReason};
use crate::json::node::Node;

/// Reads `stop_reason` and `stop_sequence`.
pub(super) fn read<'a>(reason: Node<'a>, sequence: Option<Node<'a>>) -> Option<Finish<'a>> {
    let reason = match &*reason.string()? {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Pause,
        _ => FinishReason::Other,
    };
    Some(Finish { reason, stop_sequence: sequence.and_then(Node::text) })
}

/// Returns the name of a reason. Providers that say no more than that the answer is complete may
/// have called tools all the same.
pub(super) fn name(
    reason: Option<FinishReason>,
    called_tools: bool,
    refused: bool,
) -> &'static str {
    match reason {
        Some(FinishReason::StopSequence) => "stop_sequence",
        Some(FinishReason::Length) => "max_tokens",
        Some(FinishReason::ToolCalls) => "tool_use",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "refusal",
        Some(FinishReason::Pause) => "pause_turn",
        _ if refused => "refusal",
        _ if called_tools => "tool_use",
        Some(FinishReason::Stop | FinishReason::MalformedToolCall | FinishReason::Other) | None => {
            "end_turn"
        }
    }
}
