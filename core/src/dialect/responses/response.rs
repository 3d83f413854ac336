//! Whole answers.

use std::borrow::Cow;

use super::frame::{Frame, Outcome};
use super::item::Item;
use super::output::{self, Output, Status};
use super::usage;
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Answer, Choice, Finish, FinishReason, ReplyTo};
use crate::dialect::chat::{Part, PartKind, WRITTEN, written};
use crate::json::node::{Node, Text};
use crate::json::scan::Malformed;
use crate::json::write::Writer;

/// Reads an answer.
///
/// # Errors
/// When it is not JSON, or has no output.
pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    of_node(Node::object(body)?)
}

fn of_node(body: Node<'_>) -> Result<Answer<'_>, Malformed> {
    let mut answer = Answer::of(Dialect::Responses);
    let (mut output, mut status, mut details) = (None, None, None);
    for (name, value) in body.members() {
        match &*name {
            "id" => answer.id = value.text(),
            "model" => answer.model = value.text(),
            "created_at" => answer.created = value.u64(),
            "output" => output = Some(value).filter(|value| value.is_array()),
            "status" => status = value.string(),
            "incomplete_details" => details = Some(value),
            "usage" => answer.usage = usage::read(value),
            "service_tier" => answer.service_tier = value.text(),
            _ => {}
        }
    }
    let output = output.ok_or(Malformed { at: 0, what: "expected a response with output" })?;
    let (parts, logprobs) = parts(output);
    let finish = finish(status.as_deref(), details, &parts);
    answer.choices.push(Choice { parts, finish, logprobs });
    answer.extras.push((Cow::Borrowed(WRITTEN), body));
    Ok(answer)
}

/// Reads items of output, and how likely the tokens were, as the chat dialect writes it.
fn parts(output: Node<'_>) -> (Vec<Part<'_>>, Option<Cow<'_, [u8]>>) {
    let mut parts = Vec::new();
    let (mut signature, mut likely) = (None, Vec::new());
    for node in output.items() {
        let item = Item::read(node);
        match item.kind.as_deref() {
            Some("message") => {
                item.content.into_iter().flat_map(Node::items).for_each(|content| {
                    let logprobs = content.get("logprobs").map(Node::raw).unwrap_or_default();
                    output::append(&mut likely, elements(logprobs));
                });
                parts.extend(item.said());
            }
            Some("reasoning") => {
                let (thoughts, proof) = item.thoughts();
                parts.extend(thoughts);
                signature = proof;
            }
            Some(kind @ ("function_call" | "custom_tool_call")) => {
                let call = item.call(kind == "custom_tool_call", signature.take());
                parts.extend(call.or_else(|| item.other()));
            }
            _ => parts.extend(item.other()),
        }
    }
    let likely = (!likely.is_empty()).then(|| as_in_chat(&likely));
    (parts, likely)
}

/// Returns what stands in an array.
pub(super) fn elements(array: &[u8]) -> &[u8] {
    let inner = array.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    inner.unwrap_or_default().trim_ascii()
}

/// Writes how likely tokens were as the chat dialect does.
pub(super) fn as_in_chat(elements: &[u8]) -> Cow<'static, [u8]> {
    let mut writer = Writer::default();
    writer.object(|it| {
        output::list(elements, it.key("content"));
        it.key("refusal").null();
    });
    Cow::Owned(writer.into_bytes())
}

fn finish<'a>(
    status: Option<&str>,
    details: Option<Node<'a>>,
    parts: &[Part<'a>],
) -> Option<Finish<'a>> {
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
    let reason = reason(status, details, calls)?;
    Some(Finish { reason, stop_sequence: None })
}

/// Returns why an answer ended, in neutral terms.
pub(super) fn reason(
    status: Option<&str>,
    details: Option<Node<'_>>,
    calls: bool,
) -> Option<FinishReason> {
    let cut = details.and_then(|details| details.get("reason")?.string());
    match (status?, cut.as_deref()) {
        ("completed" | "complete", _) if calls => Some(FinishReason::ToolCalls),
        ("completed" | "complete", _) => Some(FinishReason::Stop),
        ("incomplete", Some("max_output_tokens")) => Some(FinishReason::Length),
        ("incomplete", Some("content_filter")) => Some(FinishReason::ContentFilter),
        ("in_progress" | "queued", _) => None,
        _ => Some(FinishReason::Other),
    }
}

/// Writes an answer for a client.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let mut writer = Writer::default();
    match written(&answer.extras).filter(|_| answer.origin == Dialect::Responses) {
        Some(body) => again(body, to, &mut writer),
        None => anew(answer, to, &mut writer),
    }
    writer.into_bytes()
}

/// Writes what a provider of this dialect wrote, under the name that the client knows.
fn again(body: Node<'_>, to: &ReplyTo, it: &mut Writer) {
    it.object(|it| {
        for (name, value) in body.members() {
            match &*name {
                "model" => it.key("model").string(&to.model),
                _ => it.key(&name).node(value),
            }
        }
    });
}

fn anew(answer: &Answer<'_>, to: &ReplyTo, it: &mut Writer) {
    let empty = Choice { parts: Vec::new(), finish: None, logprobs: None };
    // Clients of this dialect cannot ask for several answers.
    let choice = answer.choices.first().unwrap_or(&empty);
    let reason = choice.finish.as_ref().map(|finish| finish.reason);
    let outcome = Outcome::of(reason, output::refuses(&choice.parts));
    let outputs = output::collect(choice, to);
    let mut items = Vec::new();
    for (index, item) in outputs.iter().enumerate() {
        let cut = index + 1 == outputs.len() && matches!(outcome, Outcome::Incomplete(_));
        output::append(&mut items, &bytes(item, cut));
    }
    let tier = answer.service_tier.as_ref().map(Text::decoded);
    let frame = Frame {
        id: &format!("resp_{}", to.id),
        created: answer.created.unwrap_or(to.created),
        model: &to.model,
        outcome: &outcome,
        output: &items,
        usage: answer.usage.as_ref(),
        service_tier: tier.as_deref().filter(|tier| is_tier(tier)),
    };
    frame.write(it);
}

fn bytes(item: &Output, cut: bool) -> Vec<u8> {
    let mut writer = Writer::default();
    item.write(if cut { Status::Incomplete } else { Status::Completed }, &mut writer);
    writer.into_bytes()
}

/// Tells whether a tier has a name that this dialect knows.
fn is_tier(name: &str) -> bool {
    matches!(name, "auto" | "default" | "flex" | "scale" | "priority")
}
