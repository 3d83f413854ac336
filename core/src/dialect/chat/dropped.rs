//! What a request asked for and its provider's dialect cannot carry.

use std::borrow::Cow;

use super::{Conversation, Extras, Field, WRITTEN};
use crate::dialect::Dialect;
use crate::json::node::Node;

/// Fields that were left out, each once, by the name the client's dialect has for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped {
    fields: Vec<Cow<'static, str>>,
}

/// A hostile request may have any number of unknown fields; this many are named.
const MOST: usize = 32;

impl Dropped {
    /// Notes a field.
    pub fn note(&mut self, field: impl Into<Cow<'static, str>>) {
        let field = field.into();
        if self.fields.len() < MOST && !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// Notes a field that is set.
    pub fn note_if(&mut self, is_set: bool, field: &'static str) {
        if is_set {
            self.note(field);
        }
    }

    /// Notes a wish that is set, by the name that the client's dialect has for it.
    pub fn note_field(&mut self, is_set: bool, field: Field, origin: Dialect) {
        self.note_if(is_set, field.name(origin));
    }

    /// Notes extras of another dialect than the one that is written, below `place` such as
    /// `messages[]`. Their names are the client's: cut to what a header can hold.
    pub fn note_extras(
        &mut self,
        conversation: &Conversation<'_>,
        to: Dialect,
        place: &str,
        extras: &Extras<'_>,
    ) {
        if conversation.origin != to {
            self.note_members(place, extras);
        }
    }

    /// Notes extras that are not written, below `place`.
    pub fn note_members(&mut self, place: &str, extras: &Extras<'_>) {
        for (name, value) in extras {
            if value.is_null() || name == WRITTEN || is_default(name, *value) {
                continue;
            }
            let plain = name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c));
            let name: String = plain.take(64).collect();
            self.note(if place.is_empty() { name } else { format!("{place}.{name}") });
        }
    }

    /// Returns the fields.
    pub fn fields(&self) -> &[Cow<'static, str>] {
        &self.fields
    }
}

/// Tells whether a member says what every dialect does anyway: SDKs ask for text in so many
/// words.
fn is_default(name: &str, value: Node<'_>) -> bool {
    let is_text = |value: Node<'_>| {
        value.string().is_some_and(|modality| modality.eq_ignore_ascii_case("text"))
    };
    match name {
        "modalities" | "generationConfig.responseModalities" => value.items().all(is_text),
        "generationConfig.responseMimeType" => value.string().is_some_and(|it| it == "text/plain"),
        // Nothing is kept anywhere unless the client wants it kept.
        "store" | "background" => value.bool() == Some(false),
        // Padding of a stream against eavesdroppers; whether usage is told has a field.
        "stream_options" => value
            .members()
            .all(|(name, _)| matches!(&*name, "include_usage" | "include_obfuscation")),
        "truncation" => value.string().is_some_and(|how| how == "disabled"),
        // Both are written wherever there are some.
        "include" => value.items().all(|wanted| {
            let wanted = wanted.string().unwrap_or_default();
            matches!(&*wanted, "reasoning.encrypted_content" | "message.output_text.logprobs")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_for_what_is_done_anyway_is_not_dropped() {
        let mut conversation = Conversation::of(Dialect::OpenAi);
        let extras = [
            ("modalities", r#"["text"]"#),
            ("store", "true"),
            ("background", "false"),
            ("include", r#"["reasoning.encrypted_content"]"#),
            ("x", "null"),
        ];
        conversation.extras =
            extras.map(|(name, value)| (name.into(), Node::trusted(value.as_bytes()))).to_vec();

        let mut dropped = Dropped::default();
        dropped.note_extras(&conversation, Dialect::Gemini, "", &conversation.extras);

        assert_eq!(dropped.fields(), ["store"]);
    }
}
