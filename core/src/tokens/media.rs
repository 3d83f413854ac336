//! Images, sound and files in a prompt: what they probably are in tokens, and what at most.
//!
//! `docs/tokens.md` has the providers' pages that the figures come from.

use super::Family;
use super::tally::members;
use crate::json::text;

/// What one member of a part holds that is no text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Media {
    kind: Kind,
    /// An image that is to be seen in low resolution.
    low: bool,
    /// How many bytes of base64 it has in the body; 0 when it is somewhere else.
    data: u64,
}

/// Tells whether a member of a part holds media, in any of the dialects.
pub(crate) fn is_media(key: &str) -> bool {
    let names = [
        "image_url",
        "image",
        "input_audio",
        "file",
        "source",
        "inlineData",
        "inline_data",
        "fileData",
        "file_data",
        "file_id",
    ];
    names.contains(&key)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    Image,
    Audio,
    #[default]
    File,
    Video,
}

impl Media {
    /// Reads the member of that name.
    pub(crate) fn read(key: &str, value: &[u8]) -> Self {
        let kind = match key {
            "image_url" | "image" => Kind::Image,
            "input_audio" => Kind::Audio,
            _ => Kind::File,
        };
        let mut media = Self { kind, ..Self::default() };
        media.look(key, value, DEPTH);
        media
    }

    /// Returns how many bytes of the body are surely no text.
    pub(crate) fn encoded(self) -> u64 {
        if matches!(self.kind, Kind::Image | Kind::Audio) { self.data } else { 0 }
    }

    /// Returns what it will probably be.
    pub(crate) fn likely(self) -> u64 {
        match self.kind {
            Kind::Image if self.low => 85,
            Kind::Image => 765,
            Kind::Audio => 10 + self.data / 3_000,
            Kind::File if self.data == 0 => 3_000,
            Kind::File | Kind::Video => 300 + self.data / 100,
        }
    }

    /// Returns what it will not exceed, as far as that is known.
    ///
    /// Images have documented maxima. Sound has a number of tokens a second, and no format of
    /// speech has less than 750 bytes a second. Nothing can be proved of files and videos: their
    /// length as written, which is far more than they ever were, stands for it.
    pub(crate) fn at_most(self, family: Family) -> u64 {
        match self.kind {
            Kind::Image => image_at_most(family, self.low),
            Kind::Audio if self.data > 0 => 64 + self.data / 16,
            Kind::Video | Kind::Audio | Kind::File if self.data == 0 => ELSEWHERE,
            Kind::Video | Kind::Audio | Kind::File => PAGE + self.data,
        }
    }

    fn look(&mut self, key: &str, value: &[u8], depth: u32) {
        if let Some(text) = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) {
            return self.look_at_text(key, text);
        }
        if depth > 0 {
            members(value).for_each(|(key, value)| self.look(&key, value, depth - 1));
        }
    }

    fn look_at_text(&mut self, key: &str, text: &[u8]) {
        let (mime, data) = match text.strip_prefix(b"data:") {
            Some(url) => {
                let comma = url.iter().take(128).position(|byte| *byte == b',').unwrap_or(0);
                url.split_at_checked(comma).unwrap_or((url, &[]))
            }
            None => (text.get(..text.len().min(16)).unwrap_or_default(), text),
        };
        let inline = mime.len() < text.len() || matches!(key, "data" | "file_data" | "bytes");
        // Text that only says it is an image is still read by a model as text.
        if inline && data.len() > SHORT && is_base64(data) {
            self.data += data.len() as u64;
        }
        let mime = text::decode(mime);
        match mime.split('/').next().unwrap_or_default() {
            "image" => self.kind = Kind::Image,
            "audio" => self.kind = Kind::Audio,
            "video" => self.kind = Kind::Video,
            "low" if key == "detail" => self.low = true,
            _ => {}
        }
    }
}

/// Tells whether bytes can be base64, with an escaped slash or the comma before it.
fn is_base64(data: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_,\\".contains(&byte);
    data.iter().fold(true, |all, byte| all & fits(*byte))
}

/// Returns the documented maximum of one image.
fn image_at_most(family: Family, low: bool) -> u64 {
    match family {
        // 85 and 170 for each of at most 8 tiles; the small models of the family have 1,536
        // patches at 2.46 each.
        Family::Gpt4o | Family::Cl100k => {
            if low {
                640
            } else {
                3_800
            }
        }
        // 2,833 and 5,667 for each tile.
        Family::Gpt4oMini | Family::Routed => {
            if low {
                2_833
            } else {
                48_169
            }
        }
        // Newer models see up to 2,576 pixels of the long edge.
        Family::Claude => 4_800,
        // 258 for each of at most 16 tiles.
        Family::Gemini => 4_200,
        // At most 10,000 patches, where a model of OpenAI sees images as they are.
        Family::Reasoning
        | Family::GptOss
        | Family::Llama
        | Family::Qwen
        | Family::Mistral
        | Family::DeepSeek
        | Family::Glm
        | Family::Cohere
        | Family::Other => 12_000,
    }
}

/// How deep a member is looked into.
const DEPTH: u32 = 2;
/// Shorter strings are names and addresses.
const SHORT: usize = 64;
/// A page that has nothing on it is still seen as an image.
const PAGE: u64 = 5_000;
/// A file of which nothing is known: what fits into a model.
const ELSEWHERE: u64 = 200_000;
