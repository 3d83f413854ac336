//! Reads content blocks.

use super::{CALL_PROOF, FOREIGN_DATA};
use crate::dialect::Dialect;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{Media, MediaKind, Part, PartKind, Source};
use crate::dialect::members::Members;
use crate::json::node::{Node, Text};

/// Reads content: a text, or blocks.
pub(in super::super) fn content(content: Node<'_>) -> Vec<Part<'_>> {
    match content.text() {
        Some(text) => vec![Part::text(text)],
        None => with_call_proofs(content.items().map(block).collect()),
    }
}

/// Reads a block; one that is not understood is kept as it is.
fn block(node: Node<'_>) -> Part<'_> {
    let mut members = Members::of(node);
    let kind = members.take_text("type");
    let kind = kind.as_ref().map(Text::decoded);
    let understood = match kind.as_deref() {
        Some("text") => members.take_text("text").map(PartKind::Text),
        Some("image") => media(MediaKind::Image, &mut members),
        Some("document") => media(MediaKind::Document, &mut members),
        Some("thinking") => thinking(&mut members),
        Some("redacted_thinking") => members.take_text("data").map(redacted),
        Some("tool_use") => tool_use(&mut members),
        Some("tool_result") => tool_result(&mut members),
        _ => None,
    };
    match understood {
        Some(kind) => {
            let cache = members.take("cache_control");
            Part { kind, cache, extras: members.rest() }
        }
        None => Part::new(PartKind::Other(Dialect::Anthropic, node)),
    }
}

fn thinking<'a>(members: &mut Members<'a>) -> Option<PartKind<'a>> {
    let text = members.take_text("thinking")?;
    let signature = members.take_text("signature").filter(|signature| !signature.is_empty());
    Some(PartKind::Reasoning(Thought { text: Some(text), signature, ..Thought::default() }))
}

fn redacted(data: Text<'_>) -> PartKind<'_> {
    let foreign = data.as_escaped().strip_prefix(FOREIGN_DATA.as_bytes());
    let colon = |rest: &[u8]| rest.iter().position(|byte| *byte == b':');
    let parts = foreign.and_then(|rest| {
        let (id, data) = rest.split_at_checked(colon(rest)?)?;
        Some((Text::escaped(id.to_vec()), Text::escaped(data.get(1..)?.to_vec())))
    });
    PartKind::Reasoning(match parts {
        Some((id, data)) => Thought { encrypted: Some(data), id: Some(id), ..Thought::default() },
        None => Thought { encrypted: Some(data), ..Thought::default() },
    })
}

fn tool_use<'a>(members: &mut Members<'a>) -> Option<PartKind<'a>> {
    Some(PartKind::ToolCall(ToolCall {
        id: members.take_text("id")?,
        name: members.take_text("name")?,
        arguments: Arguments::Json(members.take("input").unwrap_or(Node::trusted(b"{}"))),
        signature: None,
        custom: false,
    }))
}

fn tool_result<'a>(members: &mut Members<'a>) -> Option<PartKind<'a>> {
    Some(PartKind::ToolResult(ToolResult {
        id: members.take_text("tool_use_id")?,
        name: None,
        parts: members.take("content").map(content).unwrap_or_default(),
        is_error: members.take("is_error").and_then(Node::bool).unwrap_or(false),
    }))
}

fn media<'a>(kind: MediaKind, members: &mut Members<'a>) -> Option<PartKind<'a>> {
    let source = source(members.take("source")?)?;
    let name = if kind == MediaKind::Document { members.take_text("title") } else { None };
    Some(PartKind::Media(Media { kind, source, name, detail: None }))
}

/// Reads a source. Documents that consist of blocks are none of those that others know.
fn source(node: Node<'_>) -> Option<Source<'_>> {
    let mut members = Members::of(node);
    let kind = members.take_text("type")?;
    Some(match &*kind.decoded() {
        "base64" => Source::Base64 {
            mime: members.take_text("media_type")?,
            data: members.take_text("data")?,
        },
        "url" => Source::Url { url: members.take_text("url")?, mime: None },
        "file" => Source::File(members.take_text("file_id")?),
        "text" => Source::Text(members.take_text("data")?),
        _ => return None,
    })
}

/// Gives proofs of tool calls, which travel as thinking blocks, back to their calls.
fn with_call_proofs(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let mut kept: Vec<Part<'_>> = Vec::with_capacity(parts.len());
    let mut proof = None;
    for mut part in parts {
        match &mut part.kind {
            PartKind::Reasoning(thought) => {
                if let Some(found) = call_proof(thought) {
                    proof = Some(found);
                    continue;
                }
            }
            PartKind::ToolCall(call) => call.signature = proof.take(),
            PartKind::Text(_)
            | PartKind::Refusal(_)
            | PartKind::Media(_)
            | PartKind::ToolResult(_)
            | PartKind::Other(..) => {}
        }
        kept.push(part);
    }
    kept
}

fn call_proof(thought: &Thought<'_>) -> Option<Text<'static>> {
    let signature = thought.signature.as_ref()?.as_escaped();
    signature.strip_prefix(CALL_PROOF.as_bytes()).map(|proof| Text::escaped(proof.to_vec()))
}
