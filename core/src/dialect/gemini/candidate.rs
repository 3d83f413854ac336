//! A candidate: one of the answers, whole.

use super::member::{camel, each, set};
use super::{finish, logprobs, parts};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Choice, Finish};
use crate::dialect::chat::{Extras, Part, PartKind, written};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Reads the candidate at this place; what only Gemini knows goes to the extras of the answer.
pub(super) fn read<'a>(node: Node<'a>, at: usize, extras: &mut Extras<'a>) -> Choice<'a> {
    let mut choice = Choice { parts: Vec::new(), finish: None, logprobs: None };
    let mut reason = None;
    for (key, value) in set(node) {
        match &*camel(&key) {
            "content" => choice.parts = content(value),
            "finishReason" => reason = Some(value),
            "index" => {}
            name => {
                if name == "logprobsResult" {
                    choice.logprobs = logprobs::read(value).map(Into::into);
                }
                extras.push((place(at, name).into(), value));
            }
        }
    }
    let has_calls = choice.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
    if let Some((node, name)) = reason.and_then(|node| Some((node, node.string()?))) {
        let reason = finish::read(&name, has_calls);
        if finish::write(reason) != name {
            extras.push((place(at, "finishReason").into(), node));
        }
        choice.finish = Some(Finish { reason, stop_sequence: None });
    }
    choice
}

/// Writes a candidate; `extras` are those of the answer, when it is Gemini's own.
pub(super) fn write(choice: &Choice<'_>, at: usize, extras: Option<&Extras<'_>>, out: &mut Writer) {
    out.object(|out| {
        out.key("content").object(|out| {
            out.key("parts");
            write_parts(&choice.parts, extras.is_some(), out);
            out.key("role").string("model");
        });
        let prefix = place(at, "");
        let own = extras.into_iter().flatten();
        let own: Vec<_> =
            own.filter_map(|(name, value)| Some((name.strip_prefix(&*prefix)?, *value))).collect();
        let has = |wanted: &str| own.iter().any(|(name, _)| *name == wanted);
        if let Some(finish) = choice.finish.as_ref().filter(|_| !has("finishReason")) {
            out.key("finishReason").string(finish::write(finish.reason));
        }
        out.key("index").number(i128::try_from(at).unwrap_or(0));
        if let Some(openai) = choice.logprobs.as_ref().filter(|_| !has("logprobsResult")) {
            out.key("logprobsResult");
            logprobs::write(openai, out);
        }
        for (name, value) in own {
            out.key(name).node(value);
        }
    });
}

/// Names a member of a candidate among the extras of the answer.
pub(super) fn place(at: usize, name: &str) -> String {
    format!("{PLACE}{at}].{name}")
}

/// How the extras of candidates begin.
pub(super) const PLACE: &str = "candidates[";

/// Reads what is said, but for text that says nothing.
fn content(node: Node<'_>) -> Vec<Part<'_>> {
    let all = set(node).filter(|(key, _)| key == "parts").flat_map(|(_, parts)| each(parts));
    let parts = all.filter(|part| part.is_object()).map(parts::read);
    parts.filter(|part| !matches!(&part.kind, PartKind::Text(text) if text.is_empty())).collect()
}

fn write_parts(parts: &[Part<'_>], own: bool, out: &mut Writer) {
    let mut all = Writer::default();
    all.array(|out| parts.iter().for_each(|part| write_part(part, own, out)));
    let all = all.into_bytes();
    if all == b"[]" {
        out.raw(NOTHING);
    } else {
        out.raw(&all);
    }
}

fn write_part(part: &Part<'_>, own: bool, out: &mut Writer) {
    let none = Extras::new();
    let extras = if own { &part.extras } else { &none };
    if let Some(whole) = written(extras) {
        out.node(whole);
        return;
    }
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => {
            if !text.is_empty() {
                parts::text(out, text, extras);
            }
        }
        PartKind::Reasoning(thought) => {
            let is_signed = thought.signature.as_ref().is_some_and(parts::can_sign);
            if is_signed || thought.text.as_ref().is_some_and(|text| !text.is_empty()) {
                parts::thought(out, thought, extras);
            }
        }
        PartKind::ToolCall(call) => parts::call(out, call, call.signature.as_ref(), extras),
        PartKind::Media(media) => parts::media(out, media, extras),
        PartKind::Other(Dialect::Gemini, node) => out.node(*node),
        PartKind::ToolResult(_) | PartKind::Other(..) => {}
    }
}

/// Parts that say nothing: clients look at the first.
pub(super) const NOTHING: &[u8] = br#"[{"text":""}]"#;
