//! A part of a content, read.

use crate::dialect::Dialect;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{Extras, Media, MediaKind, Part, PartKind, Source, WRITTEN};
use crate::dialect::gemini::member::{camel, each, set};
use crate::json::node::{Node, Text};

/// Reads a part.
pub(in crate::dialect::gemini) fn read(node: Node<'_>) -> Part<'_> {
    let mut members = Members::default();
    for (key, value) in set(node) {
        match &*camel(&key) {
            "text" => members.text = value.text(),
            "inlineData" => members.inline = Some(value),
            "fileData" => members.file = Some(value),
            "functionCall" => members.call = Some(value),
            "functionResponse" => members.result = Some(value),
            "thought" => members.thought = value.bool(),
            "thoughtSignature" => members.signature = value.text(),
            _ => members.extras.push((key, value)),
        }
    }
    members.into_part(node)
}

#[derive(Default)]
struct Members<'a> {
    text: Option<Text<'a>>,
    inline: Option<Node<'a>>,
    file: Option<Node<'a>>,
    call: Option<Node<'a>>,
    result: Option<Node<'a>>,
    thought: Option<bool>,
    signature: Option<Text<'a>>,
    extras: Extras<'a>,
}

impl<'a> Members<'a> {
    fn into_part(mut self, node: Node<'a>) -> Part<'a> {
        let mut incomplete = false;
        let kind = if let Some(call) = self.call {
            PartKind::ToolCall(tool_call(call, self.signature.take(), &mut incomplete))
        } else if let Some(result) = self.result {
            // What a result says to others is not all that was written.
            incomplete = true;
            PartKind::ToolResult(tool_result(result))
        } else if let Some(file) = self.file {
            PartKind::Media(file_data(file))
        } else if let Some(inline) = self.inline {
            match inline_data(inline) {
                Some(media) => PartKind::Media(media),
                None => PartKind::Other(Dialect::Gemini, node),
            }
        } else if let Some(text) = self.text.take() {
            match (self.thought, self.signature.is_some()) {
                (Some(true), _) => PartKind::Reasoning(Thought {
                    text: Some(text).filter(|text| !text.is_empty()),
                    signature: self.signature.take(),
                    ..Thought::default()
                }),
                // Nothing but a proof: of no meaning to others.
                (_, true) if text.is_empty() => PartKind::Other(Dialect::Gemini, node),
                _ => PartKind::Text(text),
            }
        } else {
            PartKind::Other(Dialect::Gemini, node)
        };
        let mut part = Part::new(kind);
        if matches!(part.kind, PartKind::Other(..)) {
            return part;
        }
        part.extras = self.extras;
        if incomplete || self.thought == Some(false) || self.signature.is_some() {
            part.extras.push((WRITTEN.into(), node));
        }
        part
    }
}

fn tool_call<'a>(
    node: Node<'a>,
    signature: Option<Text<'a>>,
    incomplete: &mut bool,
) -> ToolCall<'a> {
    let mut call = ToolCall {
        id: Text::default(),
        name: Text::default(),
        arguments: Arguments::Json(Node::trusted(b"{}")),
        signature,
        custom: false,
    };
    for (key, value) in set(node) {
        match &*camel(&key) {
            "id" => call.id = value.text().unwrap_or_default(),
            "name" => call.name = value.text().unwrap_or_default(),
            "args" => call.arguments = Arguments::Json(value),
            _ => *incomplete = true,
        }
    }
    call
}

fn tool_result(node: Node<'_>) -> ToolResult<'_> {
    let mut result =
        ToolResult { id: Text::default(), name: None, parts: Vec::new(), is_error: false };
    let mut media = Vec::new();
    for (key, value) in set(node) {
        match &*camel(&key) {
            "id" => result.id = value.text().unwrap_or_default(),
            "name" => result.name = value.text(),
            "response" => {
                let (text, is_error) = said(value);
                result.parts.push(Part::text(text));
                result.is_error = is_error;
            }
            "parts" => media = each(value).map(read).collect(),
            _ => {}
        }
    }
    result.parts.append(&mut media);
    result
}

/// Returns what a tool said, and whether it is an error. The members `output` and `error` have
/// these meanings by convention; any other response is text as a whole.
fn said(response: Node<'_>) -> (Text<'_>, bool) {
    let mut members = response.members();
    let (Some((key, value)), None) = (members.next(), members.next()) else {
        return (Text::of_json(response.raw()), false);
    };
    match (&*key, value.text()) {
        ("output", Some(text)) => (text, false),
        ("error", Some(text)) => (text, true),
        ("error", None) => (Text::of_json(value.raw()), true),
        _ => (Text::of_json(response.raw()), false),
    }
}

fn inline_data(node: Node<'_>) -> Option<Media<'_>> {
    let (mut mime, mut data, mut name) = (None, None, None);
    for (key, value) in set(node) {
        match &*camel(&key) {
            "mimeType" => mime = value.text(),
            "data" => data = value.text().map(standard_base64),
            "displayName" => name = value.text(),
            _ => {}
        }
    }
    let mime = mime.unwrap_or_else(|| Text::of("application/octet-stream"));
    let kind = kind_of(&mime.decoded());
    Some(Media { kind, source: Source::Base64 { mime, data: data? }, name, detail: None })
}

/// Writes base64 in the usual alphabet: Gemini takes, and its clients send, that of URLs too, which
/// others refuse.
fn standard_base64(text: Text<'_>) -> Text<'_> {
    if !text.as_escaped().iter().any(|byte| matches!(byte, b'-' | b'_')) {
        return text;
    }
    let usual = text.as_escaped().iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    Text::escaped(usual.collect::<Vec<u8>>())
}

fn file_data(node: Node<'_>) -> Media<'_> {
    let (mut mime, mut url, mut name) = (None, Text::default(), None);
    for (key, value) in set(node) {
        match &*camel(&key) {
            "mimeType" => mime = value.text(),
            "fileUri" => url = value.text().unwrap_or_default(),
            "displayName" => name = value.text(),
            _ => {}
        }
    }
    let kind = match &mime {
        Some(mime) => kind_of(&mime.decoded()),
        None => kind_at(&url.decoded()),
    };
    Media { kind, source: Source::Url { url, mime }, name, detail: None }
}

fn kind_of(mime: &str) -> MediaKind {
    match mime.split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Guesses by an address: without a type, films are the usual thing there.
fn kind_at(url: &str) -> MediaKind {
    let end = url.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match &*end {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "heic" => MediaKind::Image,
        "mp3" | "wav" | "flac" | "ogg" | "aac" => MediaKind::Audio,
        "mp4" | "mov" | "webm" | "mpeg" | "avi" => MediaKind::Video,
        _ if url.contains("youtube.com/") || url.contains("youtu.be/") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}
