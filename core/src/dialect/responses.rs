//! OpenAI's Responses: items instead of messages, and a stream of events about them.
//!
//! [`seal`] tells how thoughts of other providers survive a client's round trip; [`stream`] what
//! its writer remembers of an answer.

use super::Dialect;
use super::chat::{Conversation, PartKind};
use crate::json::node::Node;

pub mod count;
pub mod error;
pub mod request;
pub mod response;
pub mod seal;
pub mod stream;
pub mod usage;

mod frame;
mod item;
mod media;
mod output;

/// Returns the field by which a request needs what its provider remembers of earlier ones. Such a
/// request makes no sense to any other provider: refuse it there.
pub fn needs_memory(conversation: &Conversation<'_>) -> Option<&'static str> {
    if conversation.origin != Dialect::Responses {
        return None;
    }
    let named = ["previous_response_id", "conversation", "prompt"];
    let set = |name: &&str| {
        conversation.extras.iter().any(|(key, value)| key == name && !value.is_null())
    };
    let background = conversation
        .extras
        .iter()
        .any(|(key, value)| key == "background" && value.bool() == Some(true));
    let mut parts = conversation.messages.iter().flat_map(|message| &message.parts);
    let refers = |kind: &PartKind<'_>| matches!(kind, PartKind::Other(Dialect::Responses, node) if is_reference(*node));
    named
        .into_iter()
        .find(set)
        .or_else(|| background.then_some("background"))
        .or_else(|| parts.any(|part| refers(&part.kind)).then_some("input[].item_reference"))
}

/// Tells whether an item only names another; its type may be left out.
fn is_reference(item: Node<'_>) -> bool {
    match item.get("type").and_then(Node::string) {
        Some(kind) => kind == "item_reference",
        None => item.get("id").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_only_its_provider_can_answer() {
        let check = |members: &str, expected: Option<&str>| {
            let body = format!(r#"{{"model":"m",{members}}}"#);
            let conversation = request::read(body.as_bytes()).unwrap();
            assert_eq!(needs_memory(&conversation), expected, "{members}");
        };
        check(r#""input":"hi","store":true,"background":false"#, None);
        check(r#""input":"hi","previous_response_id":null"#, None);
        check(r#""input":"hi","previous_response_id":"resp_1""#, Some("previous_response_id"));
        check(r#""input":"hi","conversation":{"id":"conv_1"}"#, Some("conversation"));
        check(r#""prompt":{"id":"pmpt_1"}"#, Some("prompt"));
        check(r#""input":"hi","background":true"#, Some("background"));
        let reference = Some("input[].item_reference");
        check(r#""input":[{"type":"item_reference","id":"msg_1"}]"#, reference);
        check(r#""input":[{"id":"msg_1"},{"role":"user","content":"hi"}]"#, reference);
    }
}
