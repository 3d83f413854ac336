//! Messages: one text each, with images, thoughts and calls beside it.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{
    Conversation, Dropped, Media, MediaKind, Message, Part, PartKind, Role, Source,
};
use crate::dialect::checked::invalid;
use crate::dialect::members::Members;
use crate::dialect::ollama::image;
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads `messages`.
pub(super) fn read(node: Node<'_>) -> Result<Vec<Message<'_>>, Refusal> {
    if !node.is_array() {
        return Err(invalid("messages", "an array"));
    }
    node.items().map(message).collect()
}

fn message(node: Node<'_>) -> Result<Message<'_>, Refusal> {
    let mut members = Members::of(node);
    let role = match members.take("role").and_then(Node::string).as_deref() {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => return Err(invalid("messages[].role", "'system', 'user', 'assistant' or 'tool'")),
    };
    let mut parts = said(&mut members)?;
    if role == Role::Tool {
        let result = ToolResult {
            id: members.take_text("tool_call_id").unwrap_or_default(),
            name: members.take_text("tool_name").or_else(|| members.take_text("name")),
            parts,
            is_error: false,
        };
        parts = vec![Part::new(PartKind::ToolResult(result))];
    }
    Ok(Message { role, parts, name: None, extras: members.rest() })
}

/// Reads thoughts, text, images and calls, of requests and answers.
pub(in super::super) fn said<'a>(members: &mut Members<'a>) -> Result<Vec<Part<'a>>, Refusal> {
    let mut parts = Vec::new();
    if let Some(text) = members.take_text("thinking").filter(|text| !text.is_empty()) {
        let thought = Thought { text: Some(text), ..Thought::default() };
        parts.push(Part::new(PartKind::Reasoning(thought)));
    }
    if let Some(content) = members.take("content") {
        let text = content.text().ok_or(invalid("messages[].content", "a string"))?;
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
    }
    if let Some(images) = members.take("images") {
        for image in images.items() {
            let wrong = || invalid("messages[].images", "an array of base64 strings");
            parts.push(image::read(image).ok_or_else(wrong)?);
        }
    }
    for call in members.take("tool_calls").into_iter().flat_map(Node::items) {
        parts.extend(tool_call(call));
    }
    Ok(parts)
}

fn tool_call(node: Node<'_>) -> Option<Part<'_>> {
    let mut function = Members::of(node.get("function")?);
    Some(Part::new(PartKind::ToolCall(ToolCall {
        id: node.get("id").and_then(Node::text).unwrap_or_default(),
        name: function.take_text("name")?,
        arguments: Arguments::Json(function.take("arguments").unwrap_or(Node::trusted(b"{}"))),
        signature: None,
        custom: false,
    })))
}

/// Writes `messages`, and notes what they cannot carry.
pub(super) fn write(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let mut calls = BTreeMap::new();
    for message in &conversation.messages {
        dropped.note_extras(conversation, Dialect::Ollama, "messages[]", &message.extras);
        dropped.note_if(message.name.is_some(), "messages[].name");
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let mut said = Said::default();
        for part in &message.parts {
            dropped.note_extras(
                conversation,
                Dialect::Ollama,
                "messages[].content[]",
                &part.extras,
            );
            if let PartKind::ToolResult(result) = &part.kind {
                write_result(result, &calls, writer, dropped);
            } else {
                said.take(part, dropped);
            }
        }
        calls.extend(said.calls.iter().map(|call| (call.id.as_escaped(), &call.name)));
        if message.role != Role::Tool {
            let own = conversation.origin == Dialect::Ollama;
            writer.object(|it| {
                it.key("role").string(role);
                said.write(it);
                for (name, value) in
                    message.extras.iter().filter(|(name, _)| own && !name.is_empty())
                {
                    it.key(name).node(*value);
                }
            });
        }
    }
}

/// Writes a tool's answer as a message of its own, by the name of the tool that was called.
fn write_result(
    result: &ToolResult<'_>,
    calls: &BTreeMap<&[u8], &Text<'_>>,
    writer: &mut Writer,
    dropped: &mut Dropped,
) {
    let mut said = Said::default();
    for part in &result.parts {
        said.take(part, dropped);
    }
    let called = calls.get(result.id.as_escaped()).copied().filter(|_| !result.id.is_empty());
    writer.object(|it| {
        it.key("role").string("tool");
        said.write(it);
        if let Some(name) = result.name.as_ref().or(called) {
            it.key("tool_name").text(name);
        }
        if !result.id.is_empty() {
            it.key("tool_call_id").text(&result.id);
        }
    });
}

/// What one message says, sorted by the member it goes into.
#[derive(Default)]
struct Said<'c, 'a> {
    texts: Vec<&'c Text<'a>>,
    thoughts: Vec<&'c Text<'a>>,
    images: Vec<&'c Text<'a>>,
    calls: Vec<&'c ToolCall<'a>>,
}

impl<'c, 'a> Said<'c, 'a> {
    fn take(&mut self, part: &'c Part<'a>, dropped: &mut Dropped) {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => self.texts.push(text),
            PartKind::Media(media) => self.take_media(media, dropped),
            PartKind::Reasoning(thought) => match &thought.text {
                Some(text) => self.thoughts.push(text),
                None => dropped.note("messages[].reasoning"),
            },
            PartKind::ToolCall(call) => self.calls.push(call),
            PartKind::ToolResult(_) | PartKind::Other(..) => dropped.note("messages[].content[]"),
        }
    }

    fn take_media(&mut self, media: &'c Media<'a>, dropped: &mut Dropped) {
        match (media.kind, &media.source) {
            (_, Source::Text(text)) => self.texts.push(text),
            (MediaKind::Image, Source::Base64 { data, .. }) => {
                let is_wish = media.detail.as_ref().is_some_and(|detail| detail != "auto");
                dropped.note_if(is_wish, "messages[].content[].detail");
                self.images.push(data);
            }
            (MediaKind::Image, Source::Url { .. }) => {
                dropped.note("messages[].content[].image_url");
            }
            (MediaKind::Audio, _) => dropped.note("messages[].content[].audio"),
            (MediaKind::Video, _) => dropped.note("messages[].content[].video"),
            (MediaKind::Image | MediaKind::Document, _) => {
                dropped.note("messages[].content[].file");
            }
        }
    }

    fn write(&self, writer: &mut Writer) {
        let line_end = Text::of("\n");
        let between = |index| (index > 0).then_some(&line_end);
        let lines = self.texts.iter().enumerate();
        writer
            .key("content")
            .texts(lines.flat_map(|(index, text)| between(index).into_iter().chain([*text])));
        if !self.thoughts.is_empty() {
            writer.key("thinking").texts(self.thoughts.iter().copied());
        }
        if !self.images.is_empty() {
            writer.key("images").array(|it| {
                for image in &self.images {
                    it.text(image);
                }
            });
        }
        if !self.calls.is_empty() {
            writer.key("tool_calls").array(|it| {
                for call in &self.calls {
                    write_call(&call.id, &call.name, &call.arguments.to_object(), it);
                }
            });
        }
    }
}

/// Writes a call of a tool, of requests and answers; `arguments` are a JSON object.
pub(in super::super) fn write_call(
    id: &Text<'_>,
    name: &Text<'_>,
    arguments: &[u8],
    writer: &mut Writer,
) {
    writer.object(|it| {
        if !id.is_empty() {
            it.key("id").text(id);
        }
        it.key("function").object(|it| {
            it.key("name").text(name);
            it.key("arguments").raw(arguments);
        });
    });
}
