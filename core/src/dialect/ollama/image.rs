//! Images: base64 without a word on what they are.

use crate::dialect::chat::{Media, MediaKind, Part, PartKind, Source};
use crate::json::node::{Node, Text};

/// Reads one of `images`. Some clients write a data URI.
pub(super) fn read(node: Node<'_>) -> Option<Part<'_>> {
    let text = node.text()?;
    let escaped = text.as_escaped();
    let after_comma = || escaped.iter().position(|byte| *byte == b',').map(|at| at + 1);
    let is_uri = escaped.starts_with(b"data:");
    let data = match after_comma().filter(|_| is_uri) {
        Some(at) => Text::escaped(escaped.get(at..)?.to_vec()),
        None => text,
    };
    let mime = Text::of(mime(&data));
    let source = Source::Base64 { mime, data };
    let media = Media { kind: MediaKind::Image, source, name: None, detail: None };
    Some(Part::new(PartKind::Media(media)))
}

/// Tells what an image is by how it begins.
fn mime(data: &Text<'_>) -> &'static str {
    let escaped = data.as_escaped().iter();
    let begin: Vec<u8> = escaped.filter(|byte| **byte != b'\\').take(6).copied().collect();
    match &*begin {
        [b'/', b'9', b'j', b'/', ..] => "image/jpeg",
        b"R0lGOD" => "image/gif",
        [b'U', b'k', b'l', b'G', ..] => "image/webp",
        _ => "image/png",
    }
}

/// Returns a link in Markdown to a medium that is elsewhere, or that is no image.
pub(super) fn link(kind: &PartKind<'_>) -> Option<Text<'static>> {
    let PartKind::Media(media) = kind else { return None };
    link_to(media)
}

/// Returns a link in Markdown to a medium that is elsewhere, or that is no image.
pub(super) fn link_to(media: &Media<'_>) -> Option<Text<'static>> {
    let target = match &media.source {
        Source::Base64 { .. } if media.kind == MediaKind::Image => return None,
        Source::Base64 { mime, data } => {
            let mut target = Text::of("data:");
            target.push(mime);
            target.push(&Text::of(";base64,"));
            target.push(data);
            target
        }
        Source::Url { url, .. } => url.clone().into_owned(),
        Source::File(id) => id.clone().into_owned(),
        Source::Text(text) => return Some(text.clone().into_owned()),
    };
    let mut link = Text::of(if media.kind == MediaKind::Image { "![image](" } else { "[file](" });
    link.push(&target);
    link.push(&Text::of(")"));
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(image: &str, expected_mime: &str, expected_data: &str) {
        let quoted = format!("\"{image}\"");
        let part = read(Node::trusted(quoted.as_bytes())).unwrap();
        let PartKind::Media(Media { source: Source::Base64 { mime, data }, .. }) = part.kind else {
            panic!("{image}")
        };
        assert_eq!(mime, expected_mime);
        assert_eq!(data, expected_data);
    }

    #[test]
    fn knows_images_by_their_first_bytes() {
        check("iVBORw0KGgo", "image/png", "iVBORw0KGgo");
        check(r"\/9j\/4AAQ", "image/jpeg", "/9j/4AAQ");
        check("R0lGODlh", "image/gif", "R0lGODlh");
        check("UklGRiQA", "image/webp", "UklGRiQA");
        check("data:image/png;base64,iVBO", "image/png", "iVBO");
        check("", "image/png", "");
    }
}
