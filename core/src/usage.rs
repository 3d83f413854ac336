//! Token usage as providers report it, in the shapes that OpenAI-compatible ones have.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::price::TokenUsage;

/// Reads a `usage` object. `None` when it is null, not an object, or names no token count.
///
/// Counts may be missing, null or written as floats; strings and other kinds count as missing.
/// The `prompt_cache_hit_tokens` of `DeepSeek` and the names of the Responses API are understood too.
pub fn parse(raw: &[u8]) -> Option<TokenUsage> {
    let wire: Wire = serde_json::from_slice::<Option<Wire>>(raw).ok()??;
    wire.prompt.0.or(wire.completion.0).or(wire.total.0)?;
    let input = wire.prompt.0.unwrap_or(0);
    let output = wire.completion.0.unwrap_or(0);
    let prompt = wire.prompt_details.unwrap_or_default();
    let completion = wire.completion_details.unwrap_or_default();
    Some(TokenUsage {
        input,
        output,
        total: wire.total.0.unwrap_or(input.saturating_add(output)),
        cached_input: prompt.cached.0.or(wire.cache_hit.0).unwrap_or(0),
        cache_write: prompt.cache_write.0.unwrap_or(0),
        reasoning: completion.reasoning.0.unwrap_or(0),
        audio_input: prompt.audio.0.unwrap_or(0),
        audio_output: completion.audio.0.unwrap_or(0),
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    #[serde(rename = "prompt_tokens", alias = "input_tokens")]
    prompt: Count,
    #[serde(rename = "completion_tokens", alias = "output_tokens")]
    completion: Count,
    #[serde(rename = "total_tokens")]
    total: Count,
    #[serde(rename = "prompt_cache_hit_tokens")]
    cache_hit: Count,
    #[serde(
        rename = "prompt_tokens_details",
        alias = "input_tokens_details",
        deserialize_with = "lenient"
    )]
    prompt_details: Option<PromptDetails>,
    #[serde(
        rename = "completion_tokens_details",
        alias = "output_tokens_details",
        deserialize_with = "lenient"
    )]
    completion_details: Option<CompletionDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PromptDetails {
    #[serde(rename = "cached_tokens")]
    cached: Count,
    #[serde(rename = "cache_write_tokens")]
    cache_write: Count,
    #[serde(rename = "audio_tokens")]
    audio: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CompletionDetails {
    #[serde(rename = "reasoning_tokens")]
    reasoning: Count,
    #[serde(rename = "audio_tokens")]
    audio: Count,
}

/// A count that never fails to parse.
#[derive(Default, Clone, Copy)]
struct Count(Option<u64>);

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyNumber {
    Whole(u64),
    Float(f64),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match AnyNumber::deserialize(deserializer)? {
            AnyNumber::Whole(count) => Some(count),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast saturates, and negative counts are refused before it"
            )]
            AnyNumber::Float(count) if count >= 0.0 => Some(count as u64),
            AnyNumber::Float(_) | AnyNumber::Other(_) => None,
        }))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Good(T),
    Other(IgnoredAny),
}

fn lenient<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Ok(match Lenient::deserialize(d)? {
        Lenient::Good(value) => Some(value),
        Lenient::Other(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_openai_usage_with_details() {
        let raw = br#"{"prompt_tokens":48,"completion_tokens":14,"total_tokens":62,
            "prompt_tokens_details":{"cached_tokens":40,"audio_tokens":1},
            "completion_tokens_details":{"reasoning_tokens":7,"audio_tokens":2,"x":[]}}"#;

        let expected = TokenUsage {
            input: 48,
            output: 14,
            total: 62,
            cached_input: 40,
            cache_write: 0,
            reasoning: 7,
            audio_input: 1,
            audio_output: 2,
        };
        assert_eq!(parse(raw), Some(expected));
    }

    #[test]
    fn is_lenient_about_kinds() {
        let raw = br#"{"prompt_tokens":3.0,"completion_tokens":null,"prompt_tokens_details":null,
            "completion_tokens_details":"none","prompt_cache_hit_tokens":2}"#;

        let usage = parse(raw).unwrap();

        assert_eq!((usage.input, usage.output, usage.total, usage.cached_input), (3, 0, 3, 2));
    }

    #[test]
    fn tells_missing_usage() {
        for raw in
            [&b"null"[..], b"", b"{}", b"7", b"[]", br#"{"cost":1}"#, br#"{"prompt_tokens":"#]
        {
            assert_eq!(parse(raw), None, "{}", String::from_utf8_lossy(raw));
        }
    }
}
