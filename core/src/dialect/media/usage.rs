//! `usage` of answers that are no conversations.

use tollgate_proto::v1::Endpoint;

use super::makes_images;
use crate::json::node::Node;
use crate::price::{TokenUsage, Units};
use crate::usage;

/// Reads a `usage` object: tokens, or a duration, and which of the tokens were images.
pub fn read(endpoint: Endpoint, raw: &[u8]) -> (Option<TokenUsage>, Units) {
    let mut units = Units::default();
    let Ok(object) = Node::object(raw) else { return (None, units) };
    if let Some(ms) = object.get("seconds").and_then(|node| ms(node.raw())) {
        units.audio_input_ms = ms;
    }
    let mut tokens = usage::parse(raw);
    let detail = |names: &[&str], class: &str| {
        names.iter().find_map(|name| object.get(name)?.get(class)?.u64())
    };
    if let Some(tokens) = &mut tokens {
        if makes_images(endpoint) {
            let inputs = ["input_tokens_details", "input_token_details"];
            units.image_input_tokens = detail(&inputs, "image_tokens").unwrap_or(0);
            let made = detail(&["output_tokens_details"], "image_tokens");
            units.image_output_tokens = made.unwrap_or(tokens.output);
        } else if endpoint == Endpoint::Speech {
            tokens.audio_output = tokens.output;
        }
    }
    (tokens, units)
}

/// Reads seconds, whole or not, as milliseconds.
pub fn ms(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok()?.trim().trim_matches('"');
    let seconds: f64 = text.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and the cast saturates"
    )]
    Some((seconds * 1_000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tokens_of_images() {
        let raw = br#"{"input_tokens":50,"output_tokens":1056,"total_tokens":1106,
            "input_tokens_details":{"text_tokens":10,"image_tokens":40}}"#;

        let (tokens, units) = read(Endpoint::ImagesEdits, raw);

        assert_eq!(tokens.unwrap().total, 1_106);
        assert_eq!((units.image_input_tokens, units.image_output_tokens), (40, 1_056));
    }

    #[test]
    fn reads_both_forms_of_a_transcription() {
        let tokens = br#"{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59,
            "input_token_details":{"text_tokens":0,"audio_tokens":14}}"#;

        let (tokens, _) = read(Endpoint::Transcriptions, tokens);
        let (none, units) = read(Endpoint::Transcriptions, br#"{"type":"duration","seconds":9}"#);

        assert_eq!((tokens.unwrap().audio_input, none), (14, None));
        assert_eq!(units.audio_input_ms, 9_000);
    }

    #[test]
    fn reads_seconds() {
        assert_eq!(ms(b"12.5"), Some(12_500));
        assert_eq!(ms(b"\"3.25\""), Some(3_250));
        assert_eq!((ms(b"-1"), ms(b"null"), ms(b"NaN")), (None, None, None));
    }
}
