//! A request to `/v1/messages`.

use crate::dialect::chat::{Conversation, Dropped, Towards};
use crate::json::write::Writer;
use crate::refusal::Refusal;

mod fields;
mod ids;
mod reading;
mod sampling;
mod schema;
mod thinking;
mod tools;
mod turns;

pub(super) use reading::read_members;

/// Reads a client's request.
///
/// # Errors
/// When it is not JSON, or a field is missing or of the wrong kind.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let conversation = read_members(body)?;
    if conversation.max_tokens.is_none() {
        return Err(Refusal::MissingField("max_tokens"));
    }
    Ok(conversation)
}

/// Writes a request for a provider, and notes what it cannot carry.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let turns = turns::plan(conversation, dropped);
    let thinking = thinking::decide(conversation, towards, turns.lack_proof(), dropped);
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("model").string(towards.model);
        it.key("max_tokens").number(thinking.max_tokens);
        it.key("stream").bool(conversation.stream);
        turns.write(conversation, it);
        tools::write(conversation, it, dropped);
        thinking.write(conversation, it);
        sampling::write(conversation, towards, thinking.is_on(), it, dropped);
        fields::write(conversation, it, dropped);
    });
    writer.into_bytes()
}

/// Returns the `max_tokens` that the written request has: the client's, the model's, or a default
/// with room for the thoughts that were asked for.
pub fn output_cap(conversation: &Conversation<'_>, towards: Towards<'_>) -> u64 {
    thinking::decide(conversation, towards, false, &mut Dropped::default()).max_tokens
}

#[cfg(test)]
mod tests;
