//! Why an answer ended, in the words of chat completions.

use crate::dialect::chat::answer::{Finish, FinishReason};
use crate::json::node::Node;

/// Reads a `finish_reason`, with the words that compatible providers have beside OpenAI's. `None`:
/// it has not ended.
pub(super) fn read(reason: Node<'_>) -> Option<Finish<'_>> {
    let reason = match &*reason.string()? {
        "stop" | "eos" | "end_turn" | "eos_token" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "length" | "model_length" | "max_tokens" | "model_context_window_exceeded" => {
            FinishReason::Length
        }
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        // `sensitive` is Z.ai's.
        "content_filter" | "sensitive" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Other,
    };
    Some(Finish { reason, stop_sequence: None })
}

/// Returns OpenAI's word.
pub(in crate::dialect::openai) fn word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        // Anthropic's `refusal` is a filter that stepped in; a refusal of OpenAI's is a message.
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}
