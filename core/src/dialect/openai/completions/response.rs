//! Whole answers, written for clients of legacy completions.

use super::logprobs;
use crate::dialect::chat::PartKind;
use crate::dialect::chat::answer::{Answer, Choice, FinishReason, ReplyTo};
use crate::dialect::openai::chat::{finish, usage};
use crate::json::write::Writer;

/// Writes an answer. Calls of tools and thoughts have no place in it.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        match &answer.id {
            Some(id) => it.key("id").text(id),
            None => it.key("id").string(&format!("cmpl-{}", to.id)),
        }
        it.key("object").string("text_completion");
        it.key("created").number(answer.created.unwrap_or(to.created));
        it.key("model").string(&to.model);
        it.key("choices").array(|it| {
            for (index, choice) in (0_u64..).zip(&answer.choices) {
                write_choice(it, index, choice);
            }
        });
        if let Some(usage) = &answer.usage {
            usage::write(it.key("usage"), usage);
        }
    });
    writer.into_bytes()
}

fn write_choice(it: &mut Writer, index: u64, choice: &Choice<'_>) {
    let texts = choice.parts.iter().filter_map(|part| match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => Some(text),
        PartKind::Media(_)
        | PartKind::Reasoning(_)
        | PartKind::ToolCall(_)
        | PartKind::ToolResult(_)
        | PartKind::Other(..) => None,
    });
    it.object(|it| {
        it.key("text").texts(texts);
        it.key("index").number(index);
        it.key("logprobs");
        match &choice.logprobs {
            Some(told) => logprobs::write(it, told, &mut 0),
            None => it.null(),
        }
        match &choice.finish {
            Some(finish) => it.key("finish_reason").string(word(finish.reason)),
            None => it.key("finish_reason").null(),
        }
    });
}

/// Returns the word for why it ended; there are no tools to call.
pub(super) fn word(reason: FinishReason) -> &'static str {
    match finish::word(reason) {
        "tool_calls" => "stop",
        word => word,
    }
}
