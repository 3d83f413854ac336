//! Calls of tools, in requests and in answers.

use crate::dialect::chat::message::{Arguments, ToolCall};
use crate::dialect::chat::{Part, PartKind, WRITTEN, written};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Reads an element of `tool_calls`. `None`: it names no tool.
pub(super) fn read(node: Node<'_>) -> Option<Part<'_>> {
    let (mut id, mut body, mut signature) = (Text::default(), None, None);
    let mut custom = false;
    for (name, value) in node.members() {
        match &*name {
            "id" => id = value.text().unwrap_or_default(),
            "function" => body = Some(value),
            "custom" => {
                custom = true;
                body = Some(value);
            }
            "extra_content" => signature = google_signature(value),
            _ => {}
        }
    }
    let (name, arguments) = named(body?)?;
    let call = ToolCall { id, name, arguments, signature, custom };
    let mut part = Part::new(PartKind::ToolCall(call));
    part.extras.push((WRITTEN.into(), node));
    Some(part)
}

/// Reads a legacy `function_call`, which has no id.
pub(super) fn read_legacy(node: Node<'_>) -> Option<Part<'_>> {
    let (name, arguments) = named(node)?;
    let id = Text::default();
    let call = ToolCall { id, name, arguments, signature: None, custom: false };
    Some(Part::new(PartKind::ToolCall(call)))
}

fn named(body: Node<'_>) -> Option<(Text<'_>, Arguments<'_>)> {
    let (mut name, mut arguments) = (None, Arguments::Text(Text::default()));
    for (key, value) in body.members() {
        match &*key {
            "name" => name = value.text(),
            "arguments" | "input" => arguments = given(value),
            _ => {}
        }
    }
    Some((name?, arguments))
}

/// Takes arguments as text, as they should be, or as the JSON that some providers send.
pub(super) fn given(value: Node<'_>) -> Arguments<'_> {
    match value.text() {
        Some(text) => Arguments::Text(text),
        None if value.is_null() => Arguments::Text(Text::default()),
        None => Arguments::Json(value),
    }
}

/// Reads the signature that Gemini's compatible API puts beside a call
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures#openai>).
pub(super) fn google_signature(extra_content: Node<'_>) -> Option<Text<'_>> {
    extra_content.get("google")?.get("thought_signature")?.text()
}

/// How a call is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// As it was read, if it was read from this dialect.
    pub(super) as_read: bool,
    /// Calls of tools that take free text are such, and not functions of one string.
    pub(super) custom: bool,
}

/// Writes an element of `tool_calls`.
pub(super) fn write(
    it: &mut Writer,
    part: &Part<'_>,
    call: &ToolCall<'_>,
    id: &Text<'_>,
    form: Form,
) {
    let custom = call.custom && form.custom;
    if let Some(node) = written(&part.extras)
        && form.as_read
        && custom == call.custom
    {
        return it.node(node);
    }
    it.object(|it| {
        it.key("id").text(id);
        let (kind, arguments) =
            if custom { ("custom", "input") } else { ("function", "arguments") };
        it.key("type").string(kind);
        it.key(kind).object(|it| {
            it.key("name").text(&call.name);
            let text = call.arguments.to_text();
            let wrapped = !custom && (call.custom || text.is_empty());
            let text = if wrapped { Text::of_json(&call.arguments.to_object()) } else { text };
            it.key(arguments).text(&text);
        });
        if let Some(signature) = &call.signature {
            it.key("extra_content");
            write_google_signature(it, signature);
        }
    });
}

/// Writes a signature where Gemini's compatible API has it.
pub(super) fn write_google_signature(it: &mut Writer, signature: &Text<'_>) {
    it.object(|it| {
        it.key("google").object(|it| it.key("thought_signature").text(signature));
    });
}

/// Writes the first piece of a call in a stream.
pub(super) fn begin(
    it: &mut Writer,
    index: u32,
    id: &Text<'_>,
    name: &Text<'_>,
    custom: bool,
    signature: Option<&Text<'_>>,
) {
    let (kind, member) = if custom { ("custom", "input") } else { ("function", "arguments") };
    it.array(|it| {
        it.object(|it| {
            it.key("index").number(index);
            it.key("id").text(id);
            it.key("type").string(kind);
            it.key(kind).object(|it| {
                it.key("name").text(name);
                it.key(member).string("");
            });
            if let Some(signature) = signature {
                write_google_signature(it.key("extra_content"), signature);
            }
        });
    });
}
