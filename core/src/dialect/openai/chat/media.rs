//! Images, sounds, documents and films: data URIs, addresses and ids of files.

use crate::dialect::chat::{Media, MediaKind, Source};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Longest part of a data URI before its comma.
const LONGEST_HEAD: usize = 256;

/// Takes an address, which may be a data URI.
pub(super) fn source(url: Node<'_>) -> Option<Source<'_>> {
    let text = url.text()?;
    let Some((mime, data)) = data_uri(url) else {
        return Some(Source::Url { url: text, mime: None });
    };
    Some(Source::Base64 { mime, data })
}

/// Takes what is base64 or a data URI.
pub(super) fn base64<'a>(data: Node<'a>, mime: Text<'a>) -> Option<Source<'a>> {
    Some(match data_uri(data) {
        Some((mime, data)) => Source::Base64 { mime, data },
        None => Source::Base64 { mime, data: data.text()? },
    })
}

/// Takes the content of a file: a data URI, an address (`OpenRouter`) or bare base64.
pub(super) fn file_data(data: Node<'_>) -> Option<Source<'_>> {
    let is_url = data.raw().get(1..5).is_some_and(|start| start.eq_ignore_ascii_case(b"http"));
    if is_url { source(data) } else { base64(data, Text::of("application/pdf")) }
}

/// Returns type and content of a data URI in base64.
fn data_uri(url: Node<'_>) -> Option<(Text<'_>, Text<'_>)> {
    let inner = url.raw().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !inner.get(..5)?.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    if memchr::memchr(b'\\', inner).is_none() {
        let (mime, data) = halves(inner)?;
        return Some((Text::escaped(mime), Text::escaped(data)));
    }
    let decoded = url.string()?;
    let (mime, data) = halves(decoded.as_bytes())?;
    let text = |bytes| Some(Text::of(std::str::from_utf8(bytes).ok()?));
    Some((text(mime)?, text(data)?))
}

fn halves(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = uri.get(5..uri.len().min(LONGEST_HEAD))?;
    let comma = head.iter().position(|byte| *byte == b',')?;
    let head = head.get(..comma)?;
    let (rest, encoding) = head.split_at_checked(head.len().checked_sub(7)?)?;
    if !encoding.eq_ignore_ascii_case(b";base64") {
        return None;
    }
    let mime = rest.split(|byte| *byte == b';').next().filter(|mime| !mime.is_empty());
    Some((mime.unwrap_or(b"text/plain"), uri.get(5 + comma + 1..)?))
}

/// Returns the name that `input_audio.format` has for a type.
pub(super) fn audio_format(mime: &Text<'_>) -> String {
    let mime = mime.decoded().to_ascii_lowercase();
    let sub = mime.split(';').next().unwrap_or_default();
    let sub = sub.strip_prefix("audio/").unwrap_or(sub);
    match sub {
        "mpeg" | "mpga" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        "x-flac" => "flac",
        other => other,
    }
    .to_owned()
}

/// Tells a sound's type by how its base64 begins; answers do not say it.
pub(super) fn audio_mime(data: &Text<'_>) -> Text<'static> {
    let known: [(&[u8], &str); 5] = [
        (b"UklGR", "audio/wav"),
        (b"T2dnUw", "audio/ogg"),
        (b"ZkxhQw", "audio/flac"),
        (b"SUQz", "audio/mpeg"),
        (b"//", "audio/mpeg"),
    ];
    let data = data.as_escaped();
    let found = known.iter().find(|(start, _)| data.starts_with(start));
    Text::of(found.map_or("audio/pcm", |(_, mime)| mime))
}

/// Returns what kind of medium a type is; a document when it is none of the others.
pub(super) fn kind_of(mime: &Text<'_>) -> MediaKind {
    let mime = mime.decoded();
    match mime.split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Tells whether a user's message can have it.
pub(super) fn is_sayable(media: &Media<'_>) -> bool {
    match (media.kind, &media.source) {
        (_, Source::Base64 { .. } | Source::Text(_)) => true,
        (kind, Source::Url { .. }) => matches!(kind, MediaKind::Image | MediaKind::Video),
        (kind, Source::File(_)) => matches!(kind, MediaKind::Image | MediaKind::Document),
    }
}

/// Writes a medium as a part of a user's message; nothing if it is not sayable.
pub(super) fn write(it: &mut Writer, media: &Media<'_>) {
    match (media.kind, &media.source) {
        (MediaKind::Image, Source::Url { .. } | Source::Base64 { .. }) => {
            link(it, "image_url", media);
        }
        (MediaKind::Video, Source::Url { .. } | Source::Base64 { .. }) => {
            link(it, "video_url", media);
        }
        (MediaKind::Audio, Source::Base64 { mime, data }) => tagged(it, "input_audio", |it| {
            it.key("data").text(data);
            it.key("format").string(&audio_format(mime));
        }),
        (MediaKind::Document, Source::Base64 { mime, data }) => tagged(it, "file", |it| {
            match &media.name {
                Some(name) => it.key("filename").text(name),
                // OpenAI wants a name with content.
                None => it.key("filename").string("document.pdf"),
            }
            it.key("file_data");
            data_url(it, mime, data);
        }),
        (MediaKind::Document | MediaKind::Image, Source::File(id)) => {
            tagged(it, "file", |it| it.key("file_id").text(id));
        }
        (_, Source::Text(text)) => written_out(it, media.name.as_ref(), text),
        (MediaKind::Audio | MediaKind::Document, Source::Url { .. })
        | (MediaKind::Audio | MediaKind::Video, Source::File(_)) => {}
    }
}

/// Writes a document that is text as text, under its title.
fn written_out(it: &mut Writer, title: Option<&Text<'_>>, text: &Text<'_>) {
    it.object(|it| {
        it.key("type").string("text");
        let mut whole = Text::default();
        if let Some(title) = title {
            whole.push(title);
            whole.push(&Text::of("\n\n"));
        }
        whole.push(text);
        it.key("text").text(&whole);
    });
}

/// Writes a part that points to a medium.
pub(super) fn link(it: &mut Writer, name: &str, media: &Media<'_>) {
    tagged(it, name, |it| {
        match &media.source {
            Source::Base64 { mime, data } => {
                it.key("url");
                data_url(it, mime, data);
            }
            Source::Url { url, .. } => it.key("url").text(url),
            Source::File(_) | Source::Text(_) => {}
        }
        if let Some(detail) = &media.detail {
            it.key("detail").text(detail);
        }
    });
}

fn tagged(it: &mut Writer, name: &str, fill: impl FnOnce(&mut Writer)) {
    it.object(|it| {
        it.key("type").string(name);
        it.key(name).object(fill);
    });
}

fn data_url(it: &mut Writer, mime: &Text<'_>, data: &Text<'_>) {
    it.texts([&Text::of("data:"), mime, &Text::of(";base64,"), data]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64_of(url: &str) -> Option<(String, String)> {
        let json = format!("\"{url}\"");
        match source(Node::trusted(json.as_bytes()))? {
            Source::Base64 { mime, data } => {
                Some((mime.decoded().into_owned(), data.decoded().into_owned()))
            }
            Source::Url { .. } | Source::File(_) | Source::Text(_) => None,
        }
    }

    #[test]
    fn reads_data_uris_in_base64_alone() {
        let png = Some(("image/png".to_owned(), "aGk/".to_owned()));
        assert_eq!(base64_of("data:image/png;base64,aGk/"), png);
        assert_eq!(base64_of("DATA:image/png;name=x;BASE64,aGk/"), png);
        assert_eq!(base64_of(r"data:image\/png;base64,aGk\/"), png);
        for other in ["data:image/png,x", "data:", "data:;base64", "https://x/data:;base64,", ""] {
            assert_eq!(base64_of(other), None, "{other}");
        }
    }

    #[test]
    fn knows_sounds_by_their_first_bytes() {
        assert_eq!(audio_mime(&Text::of("T2dnUwACAAAA")), "audio/ogg");
        assert_eq!(audio_format(&Text::of("audio/mpeg")), "mp3");
    }
}
