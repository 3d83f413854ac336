//! What the simulated model says: tokens of ordinary shape, in an endless row.

use serde_json::Value;

use crate::script::Script;

/// The tokens of one answer and why it ended there.
pub(super) struct Generation {
    pub(super) tokens: Vec<&'static str>,
    pub(super) finish_reason: &'static str,
}

impl Generation {
    /// Generates what a request asks for: the usual answer, cut at the request's limit.
    pub(super) fn of(body: &Value, script: &Script) -> Self {
        let limit = ["max_completion_tokens", "max_tokens"]
            .iter()
            .find_map(|field| body.get(*field).and_then(Value::as_u64))
            .filter(|_| !script.uncapped);
        let wanted = script.tokens.unwrap_or(USUAL_LENGTH);
        let (length, finish_reason) = match limit {
            Some(limit) if limit < wanted => (limit, "length"),
            _ => (wanted, "stop"),
        };
        let mut tokens = take(length);
        if let Some(size) = script.size {
            let mut bytes: usize = tokens.iter().map(|token| token.len()).sum();
            let row = WORDS.iter().cycle().skip(tokens.len() % WORDS.len());
            for token in row {
                if bytes >= size {
                    break;
                }
                bytes += token.len();
                tokens.push(token);
            }
        }
        Self { tokens, finish_reason }
    }

    pub(super) fn count(&self) -> u64 {
        self.tokens.len().try_into().unwrap_or(u64::MAX)
    }

    pub(super) fn text(&self) -> String {
        self.tokens.concat()
    }
}

/// Invents arguments for a tool: a value for every required property.
pub(super) fn arguments(function: &Value) -> String {
    let properties = function.pointer("/parameters/properties");
    let required = function.pointer("/parameters/required").and_then(Value::as_array);
    let mut arguments = serde_json::Map::new();
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let kind = properties.and_then(|all| all.get(name)).and_then(|one| one.get("type"));
        let value = match kind.and_then(Value::as_str) {
            Some("integer" | "number") => Value::from(7),
            Some("boolean") => Value::from(true),
            Some("array") => Value::Array(Vec::new()),
            Some("object") => Value::Object(serde_json::Map::new()),
            _ => Value::from("Paris"),
        };
        arguments.insert(name.to_owned(), value);
    }
    Value::Object(arguments).to_string()
}

fn take(length: u64) -> Vec<&'static str> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    WORDS.iter().copied().cycle().take(length).collect()
}

const USUAL_LENGTH: u64 = 16;

/// Tokens with everything that is hard to pass on: quotes, backslashes, line ends, letters of
/// two to four bytes.
const WORDS: &[&str] = &[
    "Hello",
    "!",
    " I",
    " am",
    " a",
    " simulated",
    " model",
    ",",
    " and",
    " each",
    " of",
    " these",
    " is",
    " one",
    " token",
    ".",
    "\n\n",
    "It",
    " says",
    " \"quote\"",
    ",",
    " back\\slash",
    ",",
    " naïve",
    ",",
    " 日本語",
    ",",
    " 🦀",
    ",",
    " </script>",
    " data: [DONE]",
    "\t",
    "end",
    ".",
];
