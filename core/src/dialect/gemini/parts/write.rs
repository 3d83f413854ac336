//! A part of a content, written.

use crate::dialect::chat::message::{Arguments, Thought, ToolCall};
use crate::dialect::chat::{Extras, Media, MediaKind, Source};
use crate::dialect::gemini::member::write_extras;
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Writes text.
pub(in crate::dialect::gemini) fn text(out: &mut Writer, text: &Text<'_>, extras: &Extras<'_>) {
    out.object(|it| {
        it.key("text").text(text);
        write_extras(it, extras);
    });
}

/// Writes what the model thought.
pub(in crate::dialect::gemini) fn thought(
    out: &mut Writer,
    thought: &Thought<'_>,
    extras: &Extras<'_>,
) {
    out.object(|it| {
        it.key("text").text(thought.text.as_ref().unwrap_or(&Text::default()));
        it.key("thought").bool(true);
        sign(it, thought.signature.as_ref());
        write_extras(it, extras);
    });
}

/// Writes a call of a tool.
pub(in crate::dialect::gemini) fn call(
    out: &mut Writer,
    call: &ToolCall<'_>,
    signature: Option<&Text<'_>>,
    extras: &Extras<'_>,
) {
    out.object(|it| {
        it.key("functionCall").object(|it| {
            if !call.id.is_empty() {
                it.key("id").text(&call.id);
            }
            it.key("name").text(&call.name);
            it.key("args");
            arguments(it, &call.arguments);
        });
        sign(it, signature);
        write_extras(it, extras);
    });
}

fn arguments(out: &mut Writer, arguments: &Arguments<'_>) {
    match arguments {
        Arguments::Json(node) if node.is_object() => out.node(*node),
        other @ (Arguments::Json(_) | Arguments::Text(_)) => out.raw(&other.to_object()),
    }
}

fn sign(out: &mut Writer, signature: Option<&Text<'_>>) {
    if let Some(signature) = signature.filter(|signature| can_sign(signature)) {
        out.key("thoughtSignature").text(signature);
    }
}

/// Tells whether a signature can stand where base64 must: that of another dialect may not.
pub(in crate::dialect::gemini) fn can_sign(signature: &Text<'_>) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let decoded = signature.decoded();
    !decoded.is_empty() && decoded.as_bytes().iter().all(is_base64)
}

/// Writes a medium; extras are those of its part. Sources that Gemini cannot reach are left out:
/// see [`source_kind`].
pub(in crate::dialect::gemini) fn media(out: &mut Writer, media: &Media<'_>, extras: &Extras<'_>) {
    match &media.source {
        Source::Base64 { mime, data } => out.object(|it| {
            it.key("inlineData").object(|it| {
                it.key("mimeType").text(mime);
                it.key("data").text(data);
            });
            write_extras(it, extras);
        }),
        Source::Url { url, mime } => out.object(|it| {
            it.key("fileData").object(|it| {
                if let Some(mime) = mime {
                    it.key("mimeType").text(mime);
                } else if let Some(mime) = mime_at(&url.decoded(), media.kind) {
                    it.key("mimeType").string(mime);
                }
                it.key("fileUri").text(url);
            });
            write_extras(it, extras);
        }),
        Source::Text(content) => text(out, content, extras),
        Source::File(_) => {}
    }
}

/// Returns the client's name of a source that cannot be written.
pub(in crate::dialect::gemini) fn source_kind(media: &Media<'_>) -> Option<&'static str> {
    matches!(media.source, Source::File(_)).then_some("file_id")
}

/// Writes the answer of a tool: an object by itself, or text below the name that says what it is.
pub(in crate::dialect::gemini) fn spoken(out: &mut Writer, said: &str, is_error: bool) {
    let json = Some(said.trim()).filter(|text| text.starts_with('{'));
    let json = json.and_then(|text| Node::object(text.as_bytes()).ok());
    match (json, is_error) {
        (Some(object), false) => out.node(object),
        (Some(object), true) => out.object(|it| it.key("error").node(object)),
        (None, false) => out.object(|it| it.key("output").string(said)),
        (None, true) => out.object(|it| it.key("error").string(said)),
    }
}

/// Stands for a signature that nobody has, where Gemini wants one: documented for calls that it
/// did not make itself (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
pub(in crate::dialect::gemini) fn unclaimed() -> Text<'static> {
    Text::escaped(&b"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="[..])
}

fn mime_at(url: &str, kind: MediaKind) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let end = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    Some(match (&*end, kind) {
        ("png", _) => "image/png",
        ("gif", _) => "image/gif",
        ("webp", _) => "image/webp",
        ("pdf", _) => "application/pdf",
        ("txt", _) => "text/plain",
        ("mp3", _) => "audio/mp3",
        ("wav", _) => "audio/wav",
        ("mp4", _) => "video/mp4",
        ("jpg" | "jpeg", _) | (_, MediaKind::Image) => "image/jpeg",
        (_, MediaKind::Document | MediaKind::Audio | MediaKind::Video) => return None,
    })
}
