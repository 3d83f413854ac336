//! Token usage as providers report it, in the shapes that OpenAI-compatible ones have.

use crate::json::scan::Object;
use crate::json::text;
use crate::price::TokenUsage;

/// Reads a `usage` object. `None` when it is null, not an object, or names no token count.
///
/// Counts may be missing, null or written as floats; strings and other kinds count as missing.
/// `prompt_cache_hit_tokens` of `DeepSeek` and the names of the Responses API and of the Realtime
/// API are understood too.
pub fn parse(raw: &[u8]) -> Option<TokenUsage> {
    let (mut input, mut output, mut total, mut cache_hit) = (None, None, None, None);
    let mut details = Details::default();
    for_each_member(raw, |key, value| match key {
        "prompt_tokens" | "input_tokens" => input = count(value),
        "completion_tokens" | "output_tokens" => output = count(value),
        "total_tokens" => total = count(value),
        "prompt_cache_hit_tokens" => cache_hit = count(value),
        "prompt_tokens_details" | "input_tokens_details" | "input_token_details" => {
            details.take_input(value);
        }
        "completion_tokens_details" | "output_tokens_details" | "output_token_details" => {
            details.take_output(value);
        }
        _ => {}
    })?;
    input.or(output).or(total)?;
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    Some(TokenUsage {
        input,
        output,
        total: total.unwrap_or(input.saturating_add(output)),
        cached_input: details.cached.or(cache_hit).unwrap_or(0),
        cache_write: details.cache_write.unwrap_or(0),
        reasoning: details.reasoning.unwrap_or(0),
        audio_input: details.audio_input(),
        audio_output: details.audio_output.unwrap_or(0),
    })
}

#[derive(Default)]
struct Details {
    cached: Option<u64>,
    cache_write: Option<u64>,
    audio_input: Option<u64>,
    /// Of the audio; it counts as cached.
    cached_audio: Option<u64>,
    reasoning: Option<u64>,
    audio_output: Option<u64>,
}

impl Details {
    fn audio_input(&self) -> u64 {
        self.audio_input.unwrap_or(0).saturating_sub(self.cached_audio.unwrap_or(0))
    }

    fn take_input(&mut self, raw: &[u8]) {
        for_each_member(raw, |key, value| match key {
            "cached_tokens" => self.cached = count(value),
            "cache_write_tokens" => self.cache_write = count(value),
            "audio_tokens" => self.audio_input = count(value),
            "cached_tokens_details" => self.take_cached(value),
            _ => {}
        });
    }

    fn take_cached(&mut self, raw: &[u8]) {
        for_each_member(raw, |key, value| {
            if key == "audio_tokens" {
                self.cached_audio = count(value);
            }
        });
    }

    fn take_output(&mut self, raw: &[u8]) {
        for_each_member(raw, |key, value| match key {
            "reasoning_tokens" => self.reasoning = count(value),
            "audio_tokens" => self.audio_output = count(value),
            _ => {}
        });
    }
}

/// Visits the members of an object. `None` when it is none, or broken.
fn for_each_member(raw: &[u8], mut visit: impl FnMut(&str, &[u8])) -> Option<()> {
    let mut object = Object::open(raw).ok()?;
    while let Some(member) = object.next_member().ok()? {
        let key = text::decode(raw.get(member.key)?);
        visit(&key, raw.get(member.value)?);
    }
    Some(())
}

/// Reads a count. Negative ones and what is no number count as missing.
fn count(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    let count: f64 = text.parse().ok().filter(|count| *count >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and the cast saturates"
    )]
    Some(count as u64)
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
    fn reads_the_usage_of_realtime_sessions() {
        let raw = br#"{"total_tokens":253,"input_tokens":132,"output_tokens":121,
            "input_token_details":{"text_tokens":82,"audio_tokens":50,"cached_tokens":64,
                "cached_tokens_details":{"text_tokens":44,"audio_tokens":20}},
            "output_token_details":{"text_tokens":30,"audio_tokens":91}}"#;

        let expected = TokenUsage {
            input: 132,
            output: 121,
            total: 253,
            cached_input: 64,
            audio_input: 30,
            audio_output: 91,
            ..TokenUsage::default()
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
