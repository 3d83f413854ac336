//! The object around an answer's items, with every member that official SDKs require.

use super::output::list;
use super::usage;
use crate::dialect::chat::answer::{FinishReason, Usage};
use crate::json::write::Writer;

/// What is known of an answer besides its items. What the request asked for is not repeated: the
/// members that would say it hold the API's defaults.
pub(super) struct Frame<'f> {
    pub(super) id: &'f str,
    pub(super) created: u64,
    pub(super) model: &'f str,
    pub(super) outcome: &'f Outcome,
    /// Items with commas between them.
    pub(super) output: &'f [u8],
    pub(super) usage: Option<&'f Usage>,
    pub(super) service_tier: Option<&'f str>,
}

/// How an answer ended, if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    InProgress,
    Completed,
    /// For this reason.
    Incomplete(&'static str),
    Failed {
        code: String,
        message: String,
    },
}

impl Outcome {
    /// Returns what a reason of the model's means. It may have `refused` in so many words.
    pub(super) fn of(reason: Option<FinishReason>, refused: bool) -> Self {
        match reason {
            Some(FinishReason::Length) => Self::Incomplete("max_output_tokens"),
            Some(FinishReason::ContentFilter) => Self::Incomplete("content_filter"),
            Some(FinishReason::Refusal) if !refused => Self::Incomplete("content_filter"),
            Some(FinishReason::MalformedToolCall) => Self::Failed {
                code: "server_error".to_owned(),
                message: "The model made a tool call that cannot be read.".to_owned(),
            },
            Some(
                FinishReason::Stop
                | FinishReason::StopSequence
                | FinishReason::ToolCalls
                | FinishReason::Refusal
                | FinishReason::Pause
                | FinishReason::Other,
            )
            | None => Self::Completed,
        }
    }

    /// Returns the name, which is also that of the stream's last event.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Frame<'_> {
    pub(super) fn write(&self, it: &mut Writer) {
        it.object(|it| {
            it.key("id").string(self.id);
            it.key("object").string("response");
            it.key("created_at").number(self.created);
            it.key("status").string(self.outcome.name());
            it.key("background").bool(false);
            self.outcome(it);
            nulls(&["instructions", "max_output_tokens", "max_tool_calls"], it);
            it.key("model").string(self.model);
            list(self.output, it.key("output"));
            it.key("parallel_tool_calls").bool(true);
            nulls(&["previous_response_id", "prompt_cache_key"], it);
            it.key("reasoning").raw(br#"{"effort":null,"summary":null}"#);
            nulls(&["safety_identifier"], it);
            it.key("service_tier").string(self.service_tier.unwrap_or("default"));
            it.key("store").bool(false);
            nulls(&["temperature"], it);
            it.key("text").raw(br#"{"format":{"type":"text"}}"#);
            it.key("tool_choice").string("auto");
            it.key("tools").array(|_| {});
            it.key("top_logprobs").number(0);
            nulls(&["top_p"], it);
            it.key("truncation").string("disabled");
            match self.usage {
                Some(usage) => usage::write(usage, it.key("usage")),
                None => it.key("usage").null(),
            }
            nulls(&["user"], it);
            it.key("metadata").object(|_| {});
        });
    }

    fn outcome(&self, it: &mut Writer) {
        match self.outcome {
            Outcome::Failed { code, message } => it.key("error").object(|it| {
                it.key("code").string(code);
                it.key("message").string(message);
            }),
            Outcome::InProgress | Outcome::Completed | Outcome::Incomplete(_) => {
                it.key("error").null();
            }
        }
        match self.outcome {
            Outcome::Incomplete(reason) => it.key("incomplete_details").object(|it| {
                it.key("reason").string(reason);
            }),
            Outcome::InProgress | Outcome::Completed | Outcome::Failed { .. } => {
                it.key("incomplete_details").null();
            }
        }
    }
}

fn nulls(names: &[&str], it: &mut Writer) {
    for name in names {
        it.key(name).null();
    }
}
