//! Writes content blocks.

use super::{CALL_PROOF, FOREIGN_DATA};
use crate::dialect::chat::message::Thought;
use crate::dialect::chat::{Extras, Media, MediaKind, Source};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// What a block may have besides its own members.
#[derive(Default, Clone, Copy)]
pub(in super::super) struct Besides<'c, 'a> {
    /// `cache_control`.
    pub(in super::super) cache: Option<Node<'a>>,
    /// Members that only this dialect knows.
    pub(in super::super) extras: Option<&'c Extras<'a>>,
}

impl Besides<'_, '_> {
    fn write(self, writer: &mut Writer) {
        if let Some(cache) = self.cache {
            writer.key("cache_control").node(cache);
        }
        for (name, value) in self.extras.into_iter().flatten() {
            if !name.is_empty() {
                writer.key(name).node(*value);
            }
        }
    }
}

/// Writes a text.
pub(in super::super) fn text(text: &Text<'_>, besides: Besides<'_, '_>, writer: &mut Writer) {
    writer.object(|it| {
        it.key("type").string("text");
        it.key("text").text(text);
        besides.write(it);
    });
}

/// Writes a thought; an empty signature stands for none.
pub(in super::super) fn thought(
    thought: &Thought<'_>,
    besides: Besides<'_, '_>,
    writer: &mut Writer,
) {
    if thought.text.is_some() || thought.signature.is_some() {
        writer.object(|it| {
            it.key("type").string("thinking");
            it.key("thinking").texts(&thought.text);
            it.key("signature").texts(&thought.signature);
            besides.write(it);
        });
    }
    if let Some(data) = &thought.encrypted {
        writer.object(|it| {
            it.key("type").string("redacted_thinking");
            it.key("data").text(&redacted(data, thought.id.as_ref()));
            if thought.text.is_none() {
                besides.write(it);
            }
        });
    }
}

/// Returns the data of redacted thinking; that of other providers goes by the id of its item.
pub(in super::super) fn redacted<'t>(data: &Text<'t>, id: Option<&Text<'_>>) -> Text<'t> {
    let Some(id) = id else { return data.clone() };
    let mut marked = Text::of(FOREIGN_DATA);
    marked.push(id);
    marked.push(&Text::of(":"));
    marked.push(data);
    marked
}

/// Writes another provider's proof of the tool call that follows.
pub(in super::super) fn call_proof(signature: &Text<'_>, writer: &mut Writer) {
    let mut marked = Text::of(CALL_PROOF);
    marked.push(signature);
    let text = Some(Text::default());
    let proof = Thought { text, signature: Some(marked), ..Thought::default() };
    thought(&proof, Besides::default(), writer);
}

/// Writes a call of a tool; `input` is a JSON object.
pub(in super::super) fn tool_use(
    id: &Text<'_>,
    name: &Text<'_>,
    input: &[u8],
    besides: Besides<'_, '_>,
    writer: &mut Writer,
) {
    writer.object(|it| {
        it.key("type").string("tool_use");
        it.key("id").text(id);
        it.key("name").text(name);
        it.key("input").raw(input);
        besides.write(it);
    });
}

/// Writes the result of a tool, whose blocks `content` writes.
pub(in super::super) fn tool_result(
    id: &Text<'_>,
    is_error: bool,
    besides: Besides<'_, '_>,
    writer: &mut Writer,
    content: impl FnOnce(&mut Writer),
) {
    writer.object(|it| {
        it.key("type").string("tool_result");
        it.key("tool_use_id").text(id);
        it.key("content").array(content);
        it.key("is_error").bool(is_error);
        besides.write(it);
    });
}

/// Writes an image or a document.
pub(in super::super) fn media(media: &Media<'_>, besides: Besides<'_, '_>, writer: &mut Writer) {
    let is_document = media.kind == MediaKind::Document;
    writer.object(|it| {
        it.key("type").string(if is_document { "document" } else { "image" });
        it.key("source").object(|it| source(&media.source, it));
        if let Some(name) = media.name.as_ref().filter(|_| is_document) {
            it.key("title").text(name);
        }
        besides.write(it);
    });
}

fn source(source: &Source<'_>, writer: &mut Writer) {
    match source {
        Source::Base64 { mime, data } => {
            writer.key("type").string("base64");
            writer.key("media_type").text(mime);
            writer.key("data").text(data);
        }
        Source::Url { url, .. } => {
            writer.key("type").string("url");
            writer.key("url").text(url);
        }
        Source::File(id) => {
            writer.key("type").string("file");
            writer.key("file_id").text(id);
        }
        Source::Text(text) => {
            writer.key("type").string("text");
            writer.key("media_type").string("text/plain");
            writer.key("data").text(text);
        }
    }
}
