//! A request to `/api/chat`.

use super::options;
use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Towards};
use crate::dialect::checked;
use crate::json::write::Writer;
use crate::refusal::Refusal;

mod messages;
mod tools;

pub(super) use messages::{said, write_call};

/// Reads a client's request. It is streamed unless it says otherwise.
///
/// # Errors
/// When it is not JSON, or a field is missing or of the wrong kind.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let mut conversation = begin(Dialect::Ollama);
    let mut messages = None;
    for (name, value) in checked::body(body)?.members().filter(|(_, value)| !value.is_null()) {
        match &*name {
            "messages" => messages = Some(value),
            "tools" => conversation.tools = tools::read(value)?,
            _ if options::take(&mut conversation, &name, value)? => {}
            _ => conversation.extras.push((name, value)),
        }
    }
    if conversation.model.is_empty() {
        return Err(Refusal::MissingField("model"));
    }
    conversation.messages = messages.map(messages::read).transpose()?.unwrap_or_default();
    Ok(conversation)
}

/// Begins a conversation with what this API does when it is not told.
pub(super) fn begin<'a>(dialect: Dialect) -> Conversation<'a> {
    let mut conversation = Conversation::of(dialect);
    (conversation.stream, conversation.stream_usage) = (true, true);
    conversation
}

/// Tells whether a request only asks for the model to be loaded: nothing is said in it.
pub fn only_loads(conversation: &Conversation<'_>) -> bool {
    conversation.messages.is_empty()
}

/// Writes a request for a provider, and notes what it cannot carry.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("model").string(towards.model);
        it.key("stream").bool(conversation.stream);
        it.key("messages").array(|it| messages::write(conversation, it, dropped));
        tools::write(conversation, it, dropped);
        options::write(conversation, towards, it, dropped);
    });
    writer.into_bytes()
}

#[cfg(test)]
mod tests;
