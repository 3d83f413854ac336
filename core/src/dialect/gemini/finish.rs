//! `finishReason`, both ways (<https://ai.google.dev/api/generate-content#FinishReason>).

use crate::dialect::chat::answer::FinishReason;

/// Reads a reason. Gemini says `STOP` when it called tools.
pub(crate) fn read(name: &str, has_calls: bool) -> FinishReason {
    match name {
        "STOP" if has_calls => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => FinishReason::MalformedToolCall,
        "CONTINUATION" => FinishReason::Pause,
        _ => FinishReason::Other,
    }
}

/// Writes a reason.
pub(super) fn write(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::ToolCalls => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter | FinishReason::Refusal => "SAFETY",
        FinishReason::MalformedToolCall => "MALFORMED_FUNCTION_CALL",
        FinishReason::Pause | FinishReason::Other => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for name in ["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "OTHER"] {
            assert_eq!(write(read(name, false)), name);
        }
        assert_eq!(read("STOP", true), FinishReason::ToolCalls);
        assert_eq!(read("SOMETHING_NEW", false), FinishReason::Other);
    }
}
