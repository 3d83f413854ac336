//! Writes what needs no decision, and notes wishes that this dialect has no words for.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Format};
use crate::json::node::{Node, Number, Text};
use crate::json::write::Writer;

/// Writes stop sequences, metadata, service tier and extras.
pub(super) fn write(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let origin = conversation.origin;
    write_stop(conversation, writer, dropped);
    write_metadata(conversation, writer, dropped);
    if let Some(tier) = &conversation.service_tier {
        match &*tier.decoded() {
            _ if origin == Dialect::Anthropic => writer.key("service_tier").text(tier),
            "auto" => writer.key("service_tier").string("auto"),
            "default" | "standard" | "standard_only" => {
                writer.key("service_tier").string("standard_only");
            }
            _ => dropped.note_field(true, Field::ServiceTier, origin),
        }
    }
    if origin == Dialect::Anthropic {
        for (name, value) in &conversation.extras {
            if !name.contains('.') && !name.is_empty() {
                writer.key(name).node(*value);
            }
        }
    }
    note_others(conversation, dropped);
}

fn write_stop(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let is_kept = |text: &&Text<'_>| {
        // The API refuses those that consist of white space.
        conversation.origin == Dialect::Anthropic || !text.decoded().trim().is_empty()
    };
    let kept: Vec<_> = conversation.sampling.stop.iter().filter(is_kept).collect();
    if !kept.is_empty() {
        writer.key("stop_sequences").array(|it| kept.iter().for_each(|text| it.text(text)));
    }
    let lost = kept.len() < conversation.sampling.stop.len();
    dropped.note_field(lost, Field::Stop, conversation.origin);
}

fn write_metadata(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let others = below(conversation, "metadata.");
    if conversation.user.is_some() || !others.is_empty() {
        writer.key("metadata").object(|it| {
            if let Some(user) = &conversation.user {
                it.key("user_id").text(user);
            }
            for (name, value) in others {
                it.key(name).node(value);
            }
        });
    }
    dropped.note_field(conversation.metadata.is_some(), Field::Metadata, conversation.origin);
}

/// Returns extras of this dialect that stood in another member, such as `metadata.`.
pub(super) fn below<'c, 'a>(
    conversation: &'c Conversation<'a>,
    owner: &str,
) -> Vec<(&'c str, Node<'a>)> {
    if conversation.origin != Dialect::Anthropic {
        return Vec::new();
    }
    let inner =
        |(name, value): &'c (Cow<'a, str>, _)| name.strip_prefix(owner).map(|name| (name, *value));
    conversation.extras.iter().filter_map(inner).collect()
}

fn note_others(conversation: &Conversation<'_>, dropped: &mut Dropped) {
    let (origin, sampling) = (conversation.origin, &conversation.sampling);
    let is_wish =
        |number: Option<Number<'_>>| number.is_some_and(|number| number.f64() != Some(0.0));
    dropped.note_field(is_wish(sampling.frequency_penalty), Field::FrequencyPenalty, origin);
    dropped.note_field(is_wish(sampling.presence_penalty), Field::PresencePenalty, origin);
    // There is no JSON without a schema here; who asks for it says so in the prompt as well.
    dropped.note_field(matches!(conversation.format, Some(Format::Json)), Field::Format, origin);
    dropped.note_field(sampling.seed.is_some(), Field::Seed, origin);
    dropped.note_field(sampling.n.is_some_and(|n| n > 1), Field::Choices, origin);
    dropped.note_field(sampling.logprobs == Some(true), Field::Logprobs, origin);
    dropped.note_field(sampling.top_logprobs.is_some_and(|n| n > 0), Field::TopLogprobs, origin);
    dropped.note_extras(conversation, Dialect::Anthropic, "", &conversation.extras);
}
