//! What conversations can hold, as the table of `docs/dialects.md` names it.

use tollgate_core::dialect::chat::message::{MediaKind, Part, PartKind, Role, Source};
use tollgate_core::dialect::chat::{Conversation, Effort, Format, ToolChoice, ToolKind};

/// Something that a request can hold.
pub(crate) struct Item {
    pub(crate) name: &'static str,
    pub(crate) is_in: fn(&Conversation<'_>) -> bool,
}

const fn item(name: &'static str, is_in: fn(&Conversation<'_>) -> bool) -> Item {
    Item { name, is_in }
}

pub(crate) const ITEMS: &[Item] = &[
    item("system or developer prompt", |it| {
        it.messages.iter().any(|message| matches!(message.role, Role::System | Role::Developer))
    }),
    item("several parts in a message", |it| {
        it.messages.iter().any(|message| message.parts.len() > 1)
    }),
    item("image in base64", |it| has_media(it, MediaKind::Image, is_inline)),
    item("image by URL", |it| {
        has_media(it, MediaKind::Image, |source| matches!(source, Source::Url { .. }))
    }),
    item("audio", |it| has_media(it, MediaKind::Audio, |_| true)),
    item("PDF or other document", |it| has_media(it, MediaKind::Document, |_| true)),
    item("functions", |it| {
        it.tools.iter().any(|tool| matches!(tool.kind, ToolKind::Function { .. }))
    }),
    item("tool calls", |it| has(it, |part| matches!(part, PartKind::ToolCall(_)))),
    item("parallel tool calls", |it| {
        it.messages.iter().any(|message| {
            let calls =
                message.parts.iter().filter(|part| matches!(part.kind, PartKind::ToolCall(_)));
            calls.count() > 1
        })
    }),
    item("tool results", |it| has(it, |part| matches!(part, PartKind::ToolResult(_)))),
    item("`tool_choice`: none, required or one tool", |it| {
        matches!(
            it.tool_choice,
            Some(ToolChoice::None | ToolChoice::Required | ToolChoice::Tool(_))
        )
    }),
    item("parallel calls switched off", |it| it.parallel_tool_calls == Some(false)),
    item("JSON mode", |it| matches!(it.format, Some(Format::Json))),
    item("JSON schema", |it| matches!(it.format, Some(Format::Schema { .. }))),
    item("stop sequences", |it| !it.sampling.stop.is_empty()),
    item("seed", |it| it.sampling.seed.is_some()),
    item("several answers (`n`)", |it| it.sampling.n.is_some_and(|n| n > 1)),
    item("log probabilities", |it| it.sampling.logprobs == Some(true)),
    item("temperature", |it| it.sampling.temperature.is_some()),
    item("`top_p`", |it| it.sampling.top_p.is_some()),
    item("`top_k`", |it| it.sampling.top_k.is_some()),
    item("frequency or presence penalty", |it| {
        it.sampling.frequency_penalty.is_some() || it.sampling.presence_penalty.is_some()
    }),
    item("longest answer", |it| it.max_tokens.is_some()),
    item("reasoning effort or budget", |it| {
        it.reasoning.as_effort().is_some_and(|effort| effort != Effort::None)
    }),
    item("reasoning switched off", |it| it.reasoning.as_budget() == Some(0)),
    item("earlier thoughts", |it| has(it, |part| matches!(part, PartKind::Reasoning(_)))),
    item("their signatures", |it| {
        has(it, |part| match part {
            PartKind::Reasoning(thought) => {
                thought.signature.is_some() || thought.encrypted.is_some()
            }
            PartKind::ToolCall(call) => call.signature.is_some(),
            _ => false,
        })
    }),
    item("cache marks", |it| {
        let in_parts = it.messages.iter().flat_map(|message| &message.parts);
        in_parts.clone().any(|part| part.cache.is_some())
            || it.tools.iter().any(|tool| tool.cache.is_some())
    }),
    item("service tier", |it| it.service_tier.is_some()),
    item("end user", |it| it.user.is_some()),
    item("metadata", |it| it.metadata.is_some()),
    item("earlier refusals", |it| has(it, |part| matches!(part, PartKind::Refusal(_)))),
    item("prefilled answer", |it| {
        it.messages.last().is_some_and(|message| message.role == Role::Assistant)
    }),
];

fn has(conversation: &Conversation<'_>, wanted: impl Fn(&PartKind<'_>) -> bool) -> bool {
    conversation.messages.iter().flat_map(|it| &it.parts).any(|part| in_part(part, &wanted))
}

fn in_part(part: &Part<'_>, wanted: &dyn Fn(&PartKind<'_>) -> bool) -> bool {
    wanted(&part.kind)
        || matches!(&part.kind, PartKind::ToolResult(result)
            if result.parts.iter().any(|part| in_part(part, wanted)))
}

fn has_media(
    conversation: &Conversation<'_>,
    kind: MediaKind,
    wanted: fn(&Source<'_>) -> bool,
) -> bool {
    has(
        conversation,
        |part| matches!(part, PartKind::Media(media) if media.kind == kind && wanted(&media.source)),
    )
}

fn is_inline(source: &Source<'_>) -> bool {
    matches!(source, Source::Base64 { .. })
}
