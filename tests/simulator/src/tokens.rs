//! The provider's own count of tokens.
//!
//! It is the truth that the gateway's ledger is compared with, so it must not be computed by the
//! gateway's code: a word is one token, and so is every other character that is not white space.
//! A message costs three tokens more than its text, and an answer is primed with three.

use serde_json::Value;

/// Counts the tokens of a text.
pub(crate) fn text(text: &str) -> u64 {
    let mut count = 0;
    let mut in_word = false;
    for character in text.chars() {
        if character.is_alphanumeric() {
            count += u64::from(!in_word);
            in_word = true;
        } else {
            count += u64::from(!character.is_whitespace());
            in_word = false;
        }
    }
    count
}

/// Counts the tokens of a chat prompt: its messages and its tools.
pub(crate) fn chat_prompt(messages: &[Value], tools: Option<&Value>) -> u64 {
    let messages: u64 = messages.iter().map(message).sum();
    let tools = tools.map_or(0, |tools| text(&tools.to_string()));
    PRIMING + messages + tools
}

/// Counts the tokens of a legacy prompt or of the input of an embedding: a text, several texts,
/// the tokens themselves, or several lists of tokens.
pub(crate) fn input(input: &Value) -> u64 {
    match input {
        Value::String(string) => text(string),
        Value::Array(items) => items.iter().map(self::input).sum(),
        Value::Number(_) => 1,
        Value::Null | Value::Bool(_) | Value::Object(_) => 0,
    }
}

fn message(message: &Value) -> u64 {
    let content = match message.get("content") {
        Some(Value::Array(parts)) => parts.iter().map(part).sum(),
        Some(Value::String(string)) => text(string),
        _ => 0,
    };
    let calls = message.get("tool_calls").map_or(0, |calls| text(&calls.to_string()));
    PER_MESSAGE + content + calls
}

fn part(part: &Value) -> u64 {
    part.get("text").and_then(Value::as_str).map_or(PER_IMAGE, text)
}

const PRIMING: u64 = 3;
const PER_MESSAGE: u64 = 3;
const PER_IMAGE: u64 = 85;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_words_and_signs() {
        assert_eq!(text("Hello, world!"), 4);
        assert_eq!(text("  "), 0);
        assert_eq!(text("naïve 日本語 🦀"), 3);
    }

    #[test]
    fn counts_messages_parts_and_tools() {
        let messages = [
            json!({ "role": "system", "content": "Be brief." }),
            json!({ "role": "user", "content": [{ "type": "text", "text": "Hi" }, { "type": "image_url" }] }),
        ];

        assert_eq!(chat_prompt(&messages, None), 3 + (3 + 3) + (3 + 1 + 85));
        assert!(chat_prompt(&messages, Some(&json!([{ "a": 1 }]))) > 98);
    }

    #[test]
    fn counts_every_form_of_input() {
        assert_eq!(input(&json!("two words")), 2);
        assert_eq!(input(&json!(["two words", "one"])), 3);
        assert_eq!(input(&json!([[1, 2], [3]])), 3);
    }
}
