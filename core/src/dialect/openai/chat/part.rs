//! Parts of a message's content, in requests and in answers.

use super::media;
use super::thought;
use crate::dialect::Dialect;
use crate::dialect::chat::{Extras, Media, MediaKind, Part, PartKind, Source, WRITTEN};
use crate::dialect::checked::invalid;
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

/// Reads a content: a text, an array of parts, or null. Empty texts are no parts.
///
/// # Errors
/// When it is something else, or a part lacks what it must have.
pub(super) fn read_content<'a>(
    content: Node<'a>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Refusal> {
    if let Some(text) = content.text() {
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        return Ok(());
    }
    if !content.is_array() {
        return Err(invalid("messages[].content", "a string or an array"));
    }
    for item in content.items() {
        parts.push(read(item)?);
    }
    Ok(())
}

/// Reads one part. What is not known is kept as it is.
///
/// # Errors
/// When it lacks what its type must have.
pub(super) fn read(node: Node<'_>) -> Result<Part<'_>, Refusal> {
    if let Some(text) = node.text() {
        return Ok(Part::text(text));
    }
    if !node.is_object() {
        return Err(invalid("messages[].content[]", "an object"));
    }
    let (mut kind, mut payload, mut cache) = (None, None, None);
    let mut others: Extras<'_> = Vec::new();
    for (name, value) in node.members() {
        match &*name {
            "type" => kind = value.string(),
            "cache_control" => cache = Some(value).filter(|value| !value.is_null()),
            "text" | "image_url" | "video_url" | "input_audio" | "file" | "refusal"
            | "thinking" => payload = Some(value),
            // A member without a name says nothing, and must not be taken for what was written.
            "" => {}
            _ => others.push((name, value)),
        }
    }
    let known = match (kind.as_deref(), payload) {
        (Some(kind), Some(payload)) => of_type(kind, payload)?,
        (Some(kind @ ("text" | "image_url" | "input_audio" | "file" | "refusal")), None) => {
            return Err(Refusal::MissingField(payload_name(kind)));
        }
        (Some(_), None) => None,
        (None, _) => return Err(Refusal::MissingField("messages[].content[].type")),
    };
    let Some(known) = known else { return Ok(Part::new(PartKind::Other(Dialect::OpenAi, node))) };
    let mut extras = others;
    extras.push((WRITTEN.into(), node));
    Ok(Part { kind: known, cache, extras })
}

fn payload_name(kind: &str) -> &'static str {
    match kind {
        "text" => "messages[].content[].text",
        "image_url" => "messages[].content[].image_url",
        "input_audio" => "messages[].content[].input_audio",
        "file" => "messages[].content[].file",
        _ => "messages[].content[].refusal",
    }
}

/// Returns `None` for a type that is not known.
fn of_type<'a>(kind: &str, payload: Node<'a>) -> Result<Option<PartKind<'a>>, Refusal> {
    Ok(Some(match kind {
        "text" | "input_text" | "output_text" => {
            let wrong = || invalid("messages[].content[].text", "a string");
            PartKind::Text(payload.text().ok_or_else(wrong)?)
        }
        "refusal" => {
            let wrong = || invalid("messages[].content[].refusal", "a string");
            PartKind::Refusal(payload.text().ok_or_else(wrong)?)
        }
        "image_url" => {
            let wrong = invalid("messages[].content[].image_url", "an object with a url");
            PartKind::Media(linked(MediaKind::Image, payload).ok_or(wrong)?)
        }
        "video_url" => {
            let wrong = invalid("messages[].content[].video_url", "an object with a url");
            PartKind::Media(linked(MediaKind::Video, payload).ok_or(wrong)?)
        }
        "input_audio" => {
            let wrong = invalid("messages[].content[].input_audio", "an object with data");
            PartKind::Media(sound(payload).ok_or(wrong)?)
        }
        "file" => match file(payload) {
            Some(media) => PartKind::Media(media),
            None => return Ok(None),
        },
        "thinking" => PartKind::Reasoning(thought::of_thinking(payload)),
        _ => return Ok(None),
    }))
}

/// Reads `{"url": …}`; some clients send the address alone.
pub(super) fn linked(kind: MediaKind, payload: Node<'_>) -> Option<Media<'_>> {
    let (mut url, mut detail) = (Some(payload), None);
    if payload.is_object() {
        url = None;
        for (name, value) in payload.members() {
            match &*name {
                "url" => url = Some(value),
                "detail" => detail = value.text(),
                _ => {}
            }
        }
    }
    Some(Media { kind, source: media::source(url?)?, name: None, detail })
}

fn sound(payload: Node<'_>) -> Option<Media<'_>> {
    let data = payload.get("data")?;
    let format = payload.get("format").and_then(Node::string);
    let mime = match format.as_deref() {
        Some("mp3") => "audio/mpeg".to_owned(),
        Some(format) => format!("audio/{format}"),
        None => "audio/wav".to_owned(),
    };
    let source = media::base64(data, Text::of(&mime))?;
    Some(Media { kind: MediaKind::Audio, source, name: None, detail: None })
}

/// Reads an uploaded or enclosed file. `None`: neither.
fn file(payload: Node<'_>) -> Option<Media<'_>> {
    let (mut id, mut data, mut name) = (None, None, None);
    for (key, value) in payload.members() {
        match &*key {
            "file_id" => id = value.text(),
            "file_data" => data = Some(value).filter(|value| !value.is_null()),
            "filename" => name = value.text(),
            _ => {}
        }
    }
    let source = match data {
        Some(data) => media::file_data(data)?,
        None => Source::File(id?),
    };
    let kind = match &source {
        Source::Base64 { mime, .. } => media::kind_of(mime),
        Source::Url { .. } | Source::File(_) | Source::Text(_) => MediaKind::Document,
    };
    Some(Media { kind, source, name, detail: None })
}
