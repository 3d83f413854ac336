//! A whole answer of `/v1/messages`.

use super::block::read as read_block;
use super::block::write::{self as block, Besides};
use super::{media, stop, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Answer, Choice, ReplyTo};
use crate::dialect::chat::{Part, PartKind};
use crate::dialect::members::Members;
use crate::json::node::{Node, Text};
use crate::json::scan::Malformed;
use crate::json::write::Writer;

/// Reads a provider's answer.
///
/// # Errors
/// When it is not a JSON object.
pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut members = Members::of(Node::object(body)?);
    let mut answer = Answer::of(Dialect::Anthropic);
    members.take("type");
    members.take("role");
    answer.id = members.take_text("id");
    answer.model = members.take_text("model");
    let parts = members.take("content").map(read_block::content).unwrap_or_default();
    let reason = members.take("stop_reason");
    let finish = reason.and_then(|reason| stop::read(reason, members.take("stop_sequence")));
    let usage = members.take("usage");
    answer.usage = usage.and_then(usage::read);
    answer.extras = members.rest();
    if let (Some(finish), Some(reason)) = (&finish, reason)
        && reason.string().as_deref() != Some(stop::name(Some(finish.reason), false, false))
    {
        answer.extras.push(("stop_reason".into(), reason));
    }
    if let Some(usage) = usage {
        let mut others = Members::of(usage);
        answer.service_tier = others.take_text("service_tier");
        for name in usage::COUNTS {
            others.take(name);
        }
        others.rest_below("usage.", &mut answer.extras);
    }
    answer.choices.push(Choice { parts, finish, logprobs: None });
    Ok(answer)
}

/// Writes an answer for a client: the first, where several were asked for.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let is_own = answer.origin == Dialect::Anthropic;
    let choice = answer.choices.first();
    let parts = choice.map(|choice| &*choice.parts).unwrap_or_default();
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let mut writer = Writer::default();
    writer.object(|it| {
        write_id(answer.id.as_ref(), to, it);
        it.key("type").string("message");
        it.key("role").string("assistant");
        it.key("model").string(&to.model);
        it.key("content").array(|it| write_parts(parts, is_own, to, it));
        let reason = answer.extra("stop_reason").filter(|_| is_own);
        match (reason, finish) {
            (Some(reason), _) => it.key("stop_reason").node(reason),
            (None, None) => it.key("stop_reason").null(),
            (None, Some(finish)) => {
                let has = |is: fn(&PartKind<'_>) -> bool| parts.iter().any(|part| is(&part.kind));
                let called = has(|kind| matches!(kind, PartKind::ToolCall(_)));
                let refused = has(|kind| matches!(kind, PartKind::Refusal(_)));
                let name = stop::name(Some(finish.reason), called, refused);
                it.key("stop_reason").string(name);
            }
        }
        match finish.and_then(|finish| finish.stop_sequence.as_ref()) {
            Some(sequence) => it.key("stop_sequence").text(sequence),
            None => it.key("stop_sequence").null(),
        }
        it.key("usage").object(|it| write_usage(answer, is_own, it));
        for (name, value) in answer.extras.iter().filter(|_| is_own) {
            if !name.is_empty() && !name.contains('.') && name != "stop_reason" {
                it.key(name).node(*value);
            }
        }
    });
    writer.into_bytes()
}

/// Writes the provider's id of an answer, or ours.
pub(super) fn write_id(id: Option<&Text<'_>>, to: &ReplyTo, writer: &mut Writer) {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => writer.key("id").text(id),
        None => writer.key("id").string(&format!("msg_{}", to.id)),
    }
}

fn write_usage(answer: &Answer<'_>, is_own: bool, writer: &mut Writer) {
    // Clients add usage up without asking whether it is there.
    usage::write_members(&answer.usage.unwrap_or_default(), writer);
    if !is_own {
        return;
    }
    if let Some(tier) = &answer.service_tier {
        writer.key("service_tier").text(tier);
    }
    for (name, value) in &answer.extras {
        if let Some(name) = name.strip_prefix("usage.") {
            writer.key(name).node(*value);
        }
    }
}

fn write_parts(parts: &[Part<'_>], is_own: bool, to: &ReplyTo, writer: &mut Writer) {
    let mut calls = 0;
    for part in parts {
        let besides = Besides { cache: None, extras: is_own.then_some(&part.extras) };
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => {
                if !text.is_empty() {
                    block::text(text, besides, writer);
                }
            }
            PartKind::Reasoning(thought) => block::thought(thought, besides, writer),
            PartKind::ToolCall(call) => {
                if let Some(signature) = &call.signature {
                    block::call_proof(signature, writer);
                }
                let id = call_id(&call.id, to, calls);
                calls += 1;
                let input = call.arguments.to_object();
                block::tool_use(&id, &call.name, &input, besides, writer);
            }
            PartKind::Media(medium) => block::text(&media::as_text(medium), besides, writer),
            PartKind::Other(Dialect::Anthropic, node) => writer.node(*node),
            PartKind::Other(..) | PartKind::ToolResult(_) => {}
        }
    }
}

/// Returns a call's id; clients of this dialect need one.
pub(super) fn call_id<'t>(id: &Text<'t>, to: &ReplyTo, index: u32) -> Text<'t> {
    if id.is_empty() { Text::of(&format!("toolu_{}{index}", to.id)) } else { id.clone() }
}
