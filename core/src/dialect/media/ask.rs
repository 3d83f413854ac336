//! What a request for images, speech or a transcript asks for: the most that it can cost.

use tollgate_proto::v1::Endpoint;

use super::file::SoundFile;
use super::sound::Length;
use super::{hears, makes_images};
use crate::json::node::Node;
use crate::price::Units;

/// What is asked for, at worst.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// The most of each unit.
    pub units: Units,
    /// The most input tokens.
    pub input_tokens: u64,
    /// The most output tokens.
    pub output_tokens: u64,
    /// Bytes of text that go in.
    pub text_bytes: u64,
    /// The length of the sound stands in the file itself.
    pub is_exact: bool,
    /// What the sound most likely lasts, in milliseconds; [`Units::audio_input_ms`] is the most.
    pub likely_ms: u64,
    /// The sound itself, where all of the form is here.
    pub file: Option<Box<SoundFile>>,
}

impl Ask {
    /// Reads a JSON body. `None`: nothing but tokens is paid for.
    pub fn of(endpoint: Endpoint, body: &[u8]) -> Option<Self> {
        if endpoint == Endpoint::Speech {
            return Some(Self::speech(body));
        }
        makes_images(endpoint).then(|| {
            let body = Node::trusted(body);
            let text = |name| body.get(name).and_then(Node::string).unwrap_or_default();
            let number = |name| body.get(name).and_then(Node::u64);
            let fields = Pictures {
                count: number("n"),
                partial: number("partial_images"),
                low: text("quality") == "low",
                medium: text("quality") == "medium",
            };
            Self::images(&fields, text("prompt").len() as u64, 0)
        })
    }

    fn speech(body: &[u8]) -> Self {
        let body = Node::trusted(body);
        let input = body.get("input").and_then(Node::string).unwrap_or_default();
        let style = body.get("instructions").and_then(Node::string).unwrap_or_default();
        let characters = input.chars().count() as u64;
        let most_ms = characters.saturating_mul(SLOWEST_MS);
        let text_bytes = input.len().saturating_add(style.len()) as u64;
        Self {
            units: Units { characters, audio_output_ms: most_ms, ..Units::default() },
            input_tokens: text_bytes,
            output_tokens: most_ms.saturating_mul(SPOKEN_TOKENS) / 1_000,
            text_bytes,
            likely_ms: characters.saturating_mul(LIKELY_MS),
            is_exact: false,
            file: None,
        }
    }

    /// Images out of a prompt and of so many files.
    pub(crate) fn images(fields: &Pictures, prompt_bytes: u64, files: u64) -> Self {
        let count = fields.count.unwrap_or(1).max(1);
        let most = if fields.low {
            408
        } else if fields.medium {
            1_584
        } else {
            6_240
        };
        let partial = fields.partial.unwrap_or(0).min(3) * PARTIAL_TOKENS;
        let most: u64 = most + partial;
        Self {
            units: Units { images: count, ..Units::default() },
            input_tokens: prompt_bytes.saturating_add(files.saturating_mul(FILE_TOKENS)),
            output_tokens: count.saturating_mul(most),
            text_bytes: prompt_bytes,
            ..Self::default()
        }
    }

    /// Sound of this length.
    pub(crate) fn sound(length: &Length, prompt_bytes: u64) -> Self {
        let Length { likely_ms, most_ms, is_exact } = *length;
        Self {
            units: Units { audio_input_ms: most_ms, ..Units::default() },
            input_tokens: (most_ms.saturating_mul(HEARD_TOKENS) / 1_000)
                .saturating_add(prompt_bytes),
            output_tokens: MOST_WRITTEN,
            text_bytes: prompt_bytes,
            is_exact,
            likely_ms,
            file: None,
        }
    }

    /// Tells whether the answer's tokens are bounded by what is asked, and not by the model.
    pub fn bounds_output(endpoint: Endpoint) -> bool {
        !hears(endpoint)
    }
}

/// What a request says of the images that it wants.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// `n`.
    pub(crate) count: Option<u64>,
    /// `partial_images`.
    pub(crate) partial: Option<u64>,
    /// `quality` is `low`: at most 408 tokens. `medium`: 1,584. Else 6,240.
    /// <https://platform.openai.com/docs/guides/image-generation#cost-and-latency>
    pub(crate) low: bool,
    /// As above.
    pub(crate) medium: bool,
}

/// A partial image costs so many tokens (same source).
const PARTIAL_TOKENS: u64 = 100;
/// No image that is given counts more, at high fidelity.
const FILE_TOKENS: u64 = 7_000;
/// No speech is slower: milliseconds a character.
const SLOWEST_MS: u64 = 300;
/// Most speech is about as fast.
const LIKELY_MS: u64 = 65;
/// Tokens a second of sound that is made.
const SPOKEN_TOKENS: u64 = 25;
/// Tokens a second of sound that is heard.
const HEARD_TOKENS: u64 = 10;
/// Tokens of a transcript, when its model does not say how long it can be.
const MOST_WRITTEN: u64 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_n_images_of_the_quality_that_is_named() {
        let of = |body: &str| Ask::of(Endpoint::ImagesGenerations, body.as_bytes()).unwrap();

        let many = of(r#"{"prompt":"cat","n":3,"quality":"low","partial_images":2}"#);
        let plain = of(r#"{"prompt":"cat"}"#);

        assert_eq!((many.units.images, many.output_tokens), (3, 3 * 608));
        assert_eq!((plain.units.images, plain.output_tokens), (1, 6_240));
    }

    #[test]
    fn speech_is_counted_in_scalar_values() {
        let ask = Ask::of(Endpoint::Speech, r#"{"input":"né\u00e9 👋🏽"}"#.as_bytes()).unwrap();

        assert_eq!(ask.units.characters, 6);
    }
}
