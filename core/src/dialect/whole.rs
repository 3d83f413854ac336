//! A provider's whole answer for a client of any dialect: gathered, since it has to be read to
//! its end before it can be written, and errors too.

use super::Dialect;
use super::chat::answer::{Answer, ReplyTo};
use super::chat::failure::Failure;
use super::chat::message::{Part, PartKind};
use super::embeddings::{Encoding, Wanted};
use super::openai::answer::Facts;
use super::relay::passing::rename;
use crate::json::text;

/// Longer answers are given up: those of models have a few MiB at most, images among them.
pub const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// An answer as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The body.
    pub body: Vec<u8>,
    /// What it said about itself.
    pub facts: Facts,
}

/// How a client wants vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vectors {
    /// As numbers or as base64.
    pub encoding: Encoding,
    /// One alone, in the form that has one.
    pub is_single: bool,
}

/// Writes an answer for a client. `None`: it is no answer of the provider's dialect.
pub fn write(from: Dialect, to: Dialect, reply: &ReplyTo, body: &[u8]) -> Option<Written> {
    let answer = from.read_answer(body).ok()?;
    let facts = facts(&answer);
    let body =
        if from == to { renamed(from, reply, body) } else { to.write_answer(&answer, reply) };
    Some(Written { body, facts })
}

/// Writes vectors for a client: anew when `wanted` says how, else as they are.
pub fn write_vectors(
    from: Dialect,
    to: Dialect,
    reply: &ReplyTo,
    wanted: Option<Vectors>,
    body: &[u8],
) -> Option<Written> {
    let answer = from.read_vectors(body).ok()?;
    let facts = Facts { usage: answer.usage, ..Facts::default() };
    let body = match wanted {
        Some(Vectors { encoding, is_single }) => {
            to.write_vectors(&answer, Wanted { model: &reply.model, encoding, is_single })
        }
        None => renamed(from, reply, body),
    };
    Some(Written { body, facts })
}

fn renamed(dialect: Dialect, reply: &ReplyTo, body: &[u8]) -> Vec<u8> {
    rename(dialect, body, 0..body.len(), &text::encode(&reply.model)).apply(body)
}

/// Returns what an answer says about itself.
fn facts(answer: &Answer<'_>) -> Facts {
    let parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    Facts {
        usage: answer.usage.map(|usage| usage.tokens),
        id: answer.id.as_ref().map(|id| id.decoded().chars().take(128).collect()),
        output_bytes: parts.map(text_bytes).sum(),
        ..Facts::default()
    }
}

fn text_bytes(part: &Part<'_>) -> u64 {
    let bytes = match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => text.as_escaped().len(),
        PartKind::Reasoning(thought) => {
            thought.text.as_ref().map_or(0, |text| text.as_escaped().len())
        }
        PartKind::ToolCall(call) => call.arguments.to_text().as_escaped().len(),
        PartKind::Media(_) | PartKind::ToolResult(_) | PartKind::Other(..) => 0,
    };
    bytes as u64
}

/// Writes a provider's error for a client.
pub fn write_failure(from: Dialect, to: Dialect, status: u16, body: &[u8]) -> (Vec<u8>, Failure) {
    let failure = from.read_failure(status, body);
    (to.write_failure(&failure), failure)
}

/// Returns the error for an answer that is none of its dialect.
pub fn unreadable() -> Failure {
    Failure {
        code: Some("provider_error".to_owned()),
        ..Failure::of(502, "The provider's answer could not be understood.")
    }
}
