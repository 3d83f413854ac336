//! Errors: `{"type":"error","error":{"type":…,"message":…}}`
//! (<https://docs.claude.com/en/api/errors>).

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

/// Reads the member `error`, of an answer or of an event.
pub(super) fn read_error(status: u16, error: Option<Node<'_>>) -> Failure {
    let name = error.and_then(|error| error.get("type")?.string());
    let message = error.and_then(|error| error.get("message")?.string()).unwrap_or_default();
    let is_credit = message.contains("credit balance is too low");
    let kind = match name.as_deref() {
        _ if is_credit => FailureKind::Quota,
        Some(name) => kind_named(name).unwrap_or(FailureKind::of_status(status)),
        None => FailureKind::of_status(status),
    };
    let status = if status == 200 { kind.status() } else { status };
    let is_too_long = message.starts_with("prompt is too long");
    let message = match kind {
        FailureKind::Authentication | FailureKind::Permission => {
            "The provider refused the gateway's credential.".to_owned()
        }
        FailureKind::Quota => "The gateway's account at the provider is out of credit.".to_owned(),
        FailureKind::InvalidRequest
        | FailureKind::NotFound
        | FailureKind::TooLarge
        | FailureKind::RateLimit
        | FailureKind::Overloaded
        | FailureKind::Timeout
        | FailureKind::Server => match message.chars().take(LONGEST).collect::<String>() {
            empty if empty.is_empty() => format!("The provider answered with status {status}."),
            message => message,
        },
    };
    let code = is_too_long.then(|| "context_length_exceeded".to_owned());
    Failure { status, kind, message, code, param: None, retry_after: None }
}

/// Writes an error for a client.
pub fn write(failure: &Failure) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("type").string("error");
        it.key("error").object(|it| {
            it.key("type").string(name(failure.kind));
            it.key("message").string(&failure.message);
        });
    });
    writer.into_bytes()
}

fn kind_named(name: &str) -> Option<FailureKind> {
    Some(match name {
        "invalid_request_error" => FailureKind::InvalidRequest,
        "authentication_error" => FailureKind::Authentication,
        "permission_error" => FailureKind::Permission,
        "billing_error" => FailureKind::Quota,
        "not_found_error" => FailureKind::NotFound,
        "request_too_large" => FailureKind::TooLarge,
        "rate_limit_error" => FailureKind::RateLimit,
        "timeout_error" => FailureKind::Timeout,
        "overloaded_error" => FailureKind::Overloaded,
        "api_error" => FailureKind::Server,
        _ => return None,
    })
}

fn name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest => "invalid_request_error",
        FailureKind::Authentication => "authentication_error",
        FailureKind::Permission => "permission_error",
        FailureKind::Quota => "billing_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::TooLarge => "request_too_large",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Server => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &str, message: &str) -> Vec<u8> {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#).into()
    }

    #[test]
    fn every_kind_comes_back_the_same() {
        for kind in [
            FailureKind::InvalidRequest,
            FailureKind::NotFound,
            FailureKind::TooLarge,
            FailureKind::RateLimit,
            FailureKind::Overloaded,
            FailureKind::Timeout,
            FailureKind::Server,
        ] {
            let (status, message) = (kind.status(), "why".to_owned());
            let failure =
                Failure { status, kind, message, code: None, param: None, retry_after: None };
            assert_eq!(read(status, &write(&failure)), failure);
        }
    }

    #[test]
    fn keeps_our_credential_to_itself() {
        for (status, kind) in [(401, "authentication_error"), (403, "permission_error")] {
            let failure = read(status, &body(kind, "invalid x-api-key sk-ant-123"));

            assert!(!failure.message.contains("sk-ant"), "{}", failure.message);
        }
        let credit = "Your credit balance is too low to access the Anthropic API";
        assert_eq!(read(400, &body("invalid_request_error", credit)).kind, FailureKind::Quota);
    }

    #[test]
    fn understands_what_is_no_error_of_this_dialect() {
        assert_eq!(read(502, b"<html>").kind, FailureKind::Server);
        assert_eq!(read(529, b"").kind, FailureKind::Overloaded);
        let long = read(400, &body("invalid_request_error", "prompt is too long: 2 > 1"));
        assert_eq!(long.code.as_deref(), Some("context_length_exceeded"));
    }
}
