//! Images in answers, which this dialect has no block for.

use crate::dialect::chat::{Media, MediaKind, Source};
use crate::json::node::Text;

/// Returns what a client can show: a link in Markdown, with the image in it where it is here.
pub(super) fn as_text(media: &Media<'_>) -> Text<'static> {
    let is_image = media.kind == MediaKind::Image;
    let mut link = Text::of(if is_image { "![image](" } else { "[file](" });
    match &media.source {
        Source::Base64 { mime, data } => {
            link.push(&Text::of("data:"));
            link.push(mime);
            link.push(&Text::of(";base64,"));
            link.push(data);
        }
        Source::Url { url, .. } => link.push(url),
        Source::File(id) => link.push(id),
        Source::Text(text) => return text.clone().into_owned(),
    }
    link.push(&Text::of(")"));
    link
}
