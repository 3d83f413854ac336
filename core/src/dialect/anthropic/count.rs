//! `/v1/messages/count_tokens`: a request like any other, answered with a number.

use crate::dialect::chat::Conversation;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads a request. Unlike one for an answer it needs no `max_tokens`.
///
/// # Errors
/// When it is not JSON, or a field is missing or of the wrong kind.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    super::request::read_members(body)
}

/// Writes the answer.
pub fn write(input_tokens: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| it.key("input_tokens").number(input_tokens));
    writer.into_bytes()
}

/// Reads a provider's answer.
pub fn read_answer(body: &[u8]) -> Option<u64> {
    Node::object(body).ok()?.get("input_tokens")?.u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_without_a_cap() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

        assert!(read(body).is_ok());
        assert_eq!(write(14), br#"{"input_tokens":14}"#);
        assert_eq!(read_answer(&write(14)), Some(14));
        assert_eq!(read_answer(b"oops"), None);
    }
}
