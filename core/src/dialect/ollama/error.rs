//! Errors: `{"error":"…"}`.

use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Longest message that is passed on, in characters.
const LONGEST: usize = 2_000;

/// Reads a provider's error. What it says of its credential is about ours, and is not passed on.
pub fn read(status: u16, body: &[u8]) -> Failure {
    let error = Node::object(body).ok().and_then(|body| body.get("error"));
    read_error(status, error)
}

/// Reads the member `error`, of an answer or of a line of a stream.
pub(super) fn read_error(status: u16, error: Option<Node<'_>>) -> Failure {
    let text = error.and_then(|error| error.string().or_else(|| error.get("message")?.string()));
    let kind = FailureKind::of_status(status);
    let told: String = text.unwrap_or_default().chars().take(LONGEST).collect();
    let message = if matches!(kind, FailureKind::Authentication | FailureKind::Permission) {
        "The provider refused the gateway's credential.".to_owned()
    } else if told.is_empty() {
        format!("The provider answered with status {status}.")
    } else {
        told
    };
    Failure { status, kind, message, code: None, param: None, retry_after: None }
}

/// Writes an error for a client.
pub fn write(failure: &Failure) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| it.key("error").string(&failure.message));
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_on_what_is_no_secret() {
        let failure = read(404, br#"{"error":"model 'x' not found"}"#);
        assert_eq!(
            (failure.kind, &*failure.message),
            (FailureKind::NotFound, "model 'x' not found")
        );
        assert_eq!(write(&failure), br#"{"error":"model 'x' not found"}"#);

        let secret = read(401, br#"{"error":"bad key sk-123"}"#);
        assert!(!secret.message.contains("sk-123"));
        assert_eq!(read(500, b"oops").message, "The provider answered with status 500.");
        assert_eq!(read(400, br#"{"error":{"message":"m"}}"#).message, "m");
    }
}
