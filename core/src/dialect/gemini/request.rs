//! Requests for `generateContent` and `streamGenerateContent`.
//!
//! Reading takes what the API takes: names in camel and snake case, one value where a list could
//! stand, numbers in quotes. `model` and `stream` stand in the URL: who reads sets them.
//!
//! Gemini's own schemas (`parameters`, `responseSchema`) are read as they are; before a request
//! goes to another dialect, [`super::schema::plain`] makes JSON schemas of them.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Towards};
use crate::dialect::checked;
use crate::json::node::Node;
use crate::refusal::Refusal;

mod config;
mod contents;
mod history;
pub(in crate::dialect) mod thinking;
mod thoughts;
mod tools;
mod write;

use super::member::{camel, set};

/// Reads a request.
///
/// # Errors
/// When it is no JSON, or something that must be there is not, or is of the wrong kind.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    conversation(checked::body(body)?)
}

/// Writes a request, and notes what Gemini cannot carry.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    write::write(conversation, towards, dropped)
}

/// Reads an object that is known to be JSON.
pub(super) fn conversation(body: Node<'_>) -> Result<Conversation<'_>, Refusal> {
    let mut it = Conversation::of(Dialect::Gemini);
    it.stream_usage = true;
    let mut contents = None;
    for (key, value) in set(body) {
        match &*camel(&key) {
            "contents" => contents = Some(value),
            "systemInstruction" => it.messages.insert(0, contents::system(value)?),
            "tools" => tools::read(value, &mut it)?,
            "toolConfig" => tools::read_choice(key, value, &mut it)?,
            "generationConfig" => config::read(value, &mut it)?,
            "labels" => it.metadata = Some(value),
            "serviceTier" => it.service_tier = value.text().map(config::tier),
            "model" => {
                let name = value.string().unwrap_or_default();
                it.model = name.strip_prefix("models/").unwrap_or(&name).to_owned().into();
            }
            _ => it.extras.push((key, value)),
        }
    }
    contents::read(contents.ok_or(Refusal::MissingField("contents"))?, &mut it.messages)?;
    thoughts::join(&mut it.messages);
    Ok(it)
}

#[cfg(test)]
mod tests;
