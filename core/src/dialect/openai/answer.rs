//! What an answer says about itself, streamed or not: usage, id, error, and how much text.

use crate::json::scan::{Array, Object};
use crate::json::text;
use crate::price::TokenUsage;
use crate::usage;

/// Bytes of English text or JSON per token, for estimates.
pub const BYTES_PER_TOKEN: u64 = 4;

/// Facts collected while an answer passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The provider's own figures, the last that came.
    pub usage: Option<TokenUsage>,
    /// The provider's figures of a stream that is not over: the input is all of it, the output
    /// only some.
    pub partial: Option<TokenUsage>,
    /// The answer's `id`.
    pub id: Option<String>,
    /// `code`, else `type`, of an `error` in the answer.
    pub error_code: Option<String>,
    /// Bytes of generated text, for an estimate when no usage comes.
    pub output_bytes: u64,
}

impl Facts {
    /// Takes the raw value of `usage`; null and nonsense change nothing.
    pub fn take_usage(&mut self, value: &[u8]) {
        if let Some(usage) = usage::parse(value) {
            self.usage = Some(usage);
        }
    }

    /// Returns how many tokens of output have come, as far as they can be counted here.
    pub fn output_tokens(&self) -> u64 {
        self.output_bytes.div_ceil(BYTES_PER_TOKEN)
    }

    /// Takes the raw value of `id`, once.
    pub fn take_id(&mut self, value: &[u8]) {
        if self.id.is_none() {
            self.id = text::string_value(value).map(|id| shortened(&id, 128));
        }
    }

    /// Takes the raw value of `error`.
    pub fn take_error(&mut self, value: &[u8]) {
        for name in ["code", "type"] {
            if self.error_code.is_none() {
                self.error_code = member(value, name).and_then(code);
            }
        }
        if self.error_code.is_none() && value != b"null" && !value.is_empty() {
            self.error_code = Some("provider_error".to_owned());
        }
    }

    /// Counts the text in the raw value of `choices`.
    pub fn take_choices(&mut self, choices: &[u8]) {
        for at in Array::open(choices) {
            let choice = choices.get(at).unwrap_or_default();
            let mut object = Object::open(choice).ok();
            while let Some(Ok(Some(found))) = object.as_mut().map(Object::next_member) {
                let value = choice.get(found.value).unwrap_or_default();
                match choice.get(found.key).unwrap_or_default() {
                    b"delta" | b"message" => self.output_bytes += generated(value),
                    b"text" => self.output_bytes += string_bytes(value),
                    _ => {}
                }
            }
        }
    }
}

/// Returns the raw value of the last member called `name`.
pub fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut members = Object::open(object).ok()?;
    let mut found = None;
    while let Ok(Some(member)) = members.next_member() {
        if text::means(object.get(member.key).unwrap_or_default(), name) {
            found = object.get(member.value);
        }
    }
    found
}

/// Bytes that a model generated in a delta or message: all its strings but the role, and what is
/// in tool calls.
fn generated(delta: &[u8]) -> u64 {
    let mut bytes = 0;
    let mut object = Object::open(delta).ok();
    while let Some(Ok(Some(found))) = object.as_mut().map(Object::next_member) {
        let value = delta.get(found.value).unwrap_or_default();
        bytes += match delta.get(found.key).unwrap_or_default() {
            b"role" => 0,
            b"tool_calls" => value.len() as u64 / 2,
            _ => string_bytes(value),
        };
    }
    bytes
}

fn string_bytes(value: &[u8]) -> u64 {
    if value.starts_with(b"\"") { value.len().saturating_sub(2) as u64 } else { 0 }
}

/// Codes are strings with most providers and numbers with some.
fn code(value: &[u8]) -> Option<String> {
    match value.first()? {
        b'"' => text::string_value(value).map(|code| shortened(&code, 64)),
        b'0'..=b'9' => Some(shortened(&String::from_utf8_lossy(value), 64)),
        _ => None,
    }
}

fn shortened(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_generated_text() {
        let mut facts = Facts::default();
        facts.take_choices(br#"[{"index":0,"delta":{"role":"assistant","content":"abcd"}}]"#);
        facts.take_choices(br#"[{"text":"xy","logprobs":null}]"#);
        facts.take_choices(br#"[{"delta":{"content":null,"reasoning":"123"}}]"#);
        facts.take_choices(b"null");

        assert_eq!(facts.output_bytes, 9);
    }

    #[test]
    fn finds_the_code_of_an_error() {
        let code = |error: &str| {
            let mut facts = Facts::default();
            facts.take_error(error.as_bytes());
            facts.error_code
        };

        assert_eq!(code(r#"{"code":"x","type":"y"}"#).as_deref(), Some("x"));
        assert_eq!(code(r#"{"code":null,"type":"y"}"#).as_deref(), Some("y"));
        assert_eq!(code(r#"{"code":429}"#).as_deref(), Some("429"));
        assert_eq!(code(r#""text""#).as_deref(), Some("provider_error"));
        assert_eq!(code("null"), None);
    }
}
