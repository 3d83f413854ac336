//! Images, sound and files as parts of content.

use crate::dialect::Dialect;
use crate::dialect::chat::{Media, MediaKind, Source};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Reads a part of type `input_image`, `input_file` or `input_audio`. `None`: it is something
/// else, or names no content.
pub(super) fn read<'a>(part: Node<'a>, kind: &str) -> Option<Media<'a>> {
    let (mut url, mut file, mut data, mut sound) = (None, None, None, None);
    let (mut name, mut detail) = (None, None);
    for (key, value) in part.members() {
        match &*key {
            "image_url" | "file_url" => url = value.text(),
            "file_id" => file = value.text(),
            "file_data" => data = value.text(),
            "input_audio" => sound = Some(value),
            "filename" => name = value.text(),
            "detail" => detail = value.text(),
            _ => {}
        }
    }
    let (kind, source) = match kind {
        "input_image" => (MediaKind::Image, url.map(address).or(file.map(Source::File))?),
        "input_file" => {
            let source = data.map(inline).or(url.map(address)).or(file.map(Source::File));
            (MediaKind::Document, source?)
        }
        "input_audio" => (MediaKind::Audio, self::sound(sound?)?),
        _ => return None,
    };
    Some(Media { kind, source, name, detail })
}

fn sound(node: Node<'_>) -> Option<Source<'_>> {
    let data = node.get("data")?.text()?;
    let format = node.get("format")?.string()?;
    let mime = match &*format {
        "mp3" => Text::of("audio/mpeg"),
        other => Text::of(&format!("audio/{other}")),
    };
    Some(Source::Base64 { mime, data })
}

/// Reads a URL, or the content that a data URI holds.
fn address(url: Text<'_>) -> Source<'_> {
    match data_uri(&url) {
        Some(source) => source,
        None => Source::Url { url, mime: None },
    }
}

/// Reads `file_data`: a data URI, or base64 alone.
fn inline(data: Text<'_>) -> Source<'_> {
    match data_uri(&data) {
        Some(source) => source,
        None => Source::Base64 { mime: Text::default(), data },
    }
}

/// Takes `data:<mime>;base64,<data>` apart.
fn data_uri<'a>(uri: &Text<'a>) -> Option<Source<'a>> {
    let rest = uri.as_escaped().strip_prefix(b"data:")?;
    let comma = memchr::memchr(b',', rest)?;
    let mime = rest.get(..comma)?.strip_suffix(b";base64")?;
    let start = b"data:".len() + comma + 1;
    let end = uri.as_escaped().len();
    Some(Source::Base64 {
        mime: Text::escaped(mime.to_vec()),
        data: uri.clone().slice(start..end)?,
    })
}

/// Writes a part of content. `false`: this dialect cannot say it, and nothing was written.
pub(super) fn write(media: &Media<'_>, origin: Dialect, it: &mut Writer) -> bool {
    if !can_write(media, origin) {
        return false;
    }
    match (media.kind, &media.source) {
        (_, Source::Text(text)) => it.object(|it| {
            it.key("type").string("input_text");
            it.key("text").text(text);
        }),
        (MediaKind::Image, source) => it.object(|it| {
            it.key("type").string("input_image");
            it.key("detail").string(detail(media.detail.as_ref()));
            self::source(source, "image_url", "image_url", "image/png", it);
        }),
        (_, source) => it.object(|it| {
            it.key("type").string("input_file");
            self::source(source, "file_url", "file_data", "application/pdf", it);
            match (&media.name, source) {
                (Some(name), _) => it.key("filename").text(name),
                // Files that come without a name are refused.
                (None, Source::Base64 { .. }) => it.key("filename").string("document.pdf"),
                (None, _) => {}
            }
        }),
    }
    true
}

fn can_write(media: &Media<'_>, origin: Dialect) -> bool {
    match (media.kind, &media.source) {
        // Sound is not among the parts that the API takes, though its types have a name for it.
        (MediaKind::Video | MediaKind::Audio, _) => false,
        (_, Source::File(_)) => {
            matches!(origin, Dialect::Responses | Dialect::OpenAi | Dialect::Completions)
        }
        _ => true,
    }
}

fn source(source: &Source<'_>, url_key: &str, data_key: &str, usual: &str, it: &mut Writer) {
    match source {
        Source::Base64 { mime, data } => {
            let usual = Text::of(usual);
            let mime = if mime.is_empty() { &usual } else { mime };
            let (scheme, base64) = (Text::of("data:"), Text::of(";base64,"));
            it.key(data_key).texts([&scheme, mime, &base64, data]);
        }
        Source::Url { url, .. } => it.key(url_key).text(url),
        Source::File(id) => it.key("file_id").text(id),
        Source::Text(_) => {}
    }
}

/// Returns how closely to look, which official types require to be said.
fn detail(detail: Option<&Text<'_>>) -> &'static str {
    let detail = detail.map(|detail| detail.decoded().to_ascii_lowercase()).unwrap_or_default();
    match &*detail {
        "original" => "original",
        other if other.ends_with("low") => "low",
        other if other.ends_with("high") => "high",
        _ => "auto",
    }
}
