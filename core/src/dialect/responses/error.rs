//! Errors. Their shape is that of OpenAI's other dialects; those in mid-stream are events.

use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Reads a provider's error answer.
pub fn read(status: u16, body: &[u8]) -> Failure {
    let error = Node::object(body).ok().and_then(|body| body.get("error"));
    of_error(status, error.unwrap_or(Node::trusted(b"{}")))
}

/// Reads an error object, wherever it stands. Its status is 0 in streams, which have none.
pub(super) fn of_error(status: u16, error: Node<'_>) -> Failure {
    let (mut message, mut kind, mut code, mut param) = (None, None, None, None);
    for (name, value) in error.members() {
        match &*name {
            "message" => message = value.string(),
            "type" => kind = value.string(),
            "code" => code = value.string(),
            "param" => param = value.string(),
            _ => {}
        }
    }
    let names = [code.as_deref(), kind.as_deref()];
    let kind = match names.into_iter().flatten().find_map(named) {
        Some(kind) => kind,
        None if status == 0 => FailureKind::Server,
        None => FailureKind::of_status(status),
    };
    let status = if status == 0 { kind.status() } else { status };
    let message = message.filter(|text| !text.is_empty() && !tells_secrets(status, text));
    Failure {
        status,
        kind,
        message: message.map_or_else(|| usual(kind).to_owned(), Into::into),
        code: code.map(Into::into),
        param: param.map(Into::into),
        retry_after: None,
    }
}

/// Returns the kind that a `code` or `type` stands for.
fn named(name: &str) -> Option<FailureKind> {
    Some(match name {
        "insufficient_quota" | "billing_hard_limit_reached" => FailureKind::Quota,
        "rate_limit_exceeded" | "rate_limit_error" | "requests" | "tokens" => {
            FailureKind::RateLimit
        }
        "invalid_api_key" | "authentication_error" => FailureKind::Authentication,
        "permission_error" | "permission_denied" => FailureKind::Permission,
        "model_not_found" | "not_found_error" => FailureKind::NotFound,
        "server_is_overloaded" | "slow_down" | "overloaded_error" | "service_unavailable_error" => {
            FailureKind::Overloaded
        }
        "context_length_exceeded"
        | "invalid_prompt"
        | "invalid_image"
        | "invalid_image_format"
        | "invalid_image_url"
        | "image_too_large"
        | "image_content_policy_violation" => FailureKind::InvalidRequest,
        "server_error" | "internal_error" => FailureKind::Server,
        _ => return None,
    })
}

/// Tells whether a message may speak of the credential that the gateway has for the provider.
fn tells_secrets(status: u16, message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    let about = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    status == 401
        || about(&["sk-", "bearer"])
        || (status == 403 && about(&["key", "token", "credential"]))
}

fn usual(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest => "The provider refused the request.",
        FailureKind::Authentication | FailureKind::Permission => {
            "The provider refused the gateway's credential. Tell the gateway's admin."
        }
        FailureKind::NotFound => "The provider has no such model.",
        FailureKind::TooLarge => "The request is too large for the provider.",
        FailureKind::RateLimit => "The provider has had too many requests. Try again later.",
        FailureKind::Quota => "The provider's quota is used up. Tell the gateway's admin.",
        FailureKind::Overloaded => "The provider has no capacity now. Try again later.",
        FailureKind::Timeout => "The provider did not answer in time.",
        FailureKind::Server => "The provider failed.",
    }
}

/// Writes an error answer.
pub fn write(failure: &Failure) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| write_error(failure, it.key("error")));
    writer.into_bytes()
}

/// Writes an error object.
pub(super) fn write_error(failure: &Failure, it: &mut Writer) {
    it.object(|it| {
        it.key("message").string(&failure.message);
        it.key("type").string(type_of(failure.kind));
        for (name, value) in [("param", &failure.param), ("code", &failure.code)] {
            match value {
                Some(value) => it.key(name).string(value),
                None => it.key(name).null(),
            }
        }
    });
}

fn type_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::NotFound | FailureKind::TooLarge => {
            "invalid_request_error"
        }
        FailureKind::Authentication => "authentication_error",
        FailureKind::Permission => "permission_error",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Quota => "insufficient_quota",
        FailureKind::Overloaded => "service_unavailable_error",
        FailureKind::Timeout => "api_error",
        FailureKind::Server => "server_error",
    }
}

/// Returns the code that a response in mid-stream fails with: of those that official types name,
/// and a few that the API sends besides. Codex tells by them that trying again is in vain.
pub(super) fn code_in_stream(failure: &Failure) -> &str {
    const KNOWN: [&str; 4] =
        ["context_length_exceeded", "insufficient_quota", "usage_not_included", "invalid_prompt"];
    if let Some(code) = failure.code.as_deref().filter(|code| KNOWN.contains(code)) {
        return code;
    }
    match failure.kind {
        FailureKind::RateLimit => "rate_limit_exceeded",
        FailureKind::Quota => "insufficient_quota",
        FailureKind::InvalidRequest | FailureKind::TooLarge | FailureKind::NotFound => {
            "invalid_prompt"
        }
        FailureKind::Authentication
        | FailureKind::Permission
        | FailureKind::Overloaded
        | FailureKind::Timeout
        | FailureKind::Server => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_providers_answer() {
        let check = |status, body: &str, kind, message: &str| {
            let failure = read(status, body.as_bytes());
            assert_eq!((failure.status, failure.kind), (status, kind), "{body}");
            assert_eq!(failure.message, message, "{body}");
        };
        let quota = r#"{"error":{"message":"Pay.","type":"insufficient_quota","code":null}}"#;
        check(429, quota, FailureKind::Quota, "Pay.");
        let long = r#"{"error":{"message":"Long.","code":"context_length_exceeded"}}"#;
        check(400, long, FailureKind::InvalidRequest, "Long.");
        check(529, "<html>", FailureKind::Overloaded, usual(FailureKind::Overloaded));
    }

    #[test]
    fn never_tells_of_credentials() {
        let bodies = [
            (401, "Incorrect API key provided: abc***xyz."),
            (403, "This token may not be used."),
            (400, "You sent sk-secret."),
        ];
        for (status, message) in bodies {
            let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
            let written = String::from_utf8(write(&read(status, body.as_bytes()))).unwrap();
            assert!(!written.contains(message), "{written}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let failure = Failure {
            status: 400,
            kind: FailureKind::InvalidRequest,
            message: "No \"x\".".to_owned(),
            code: Some("context_length_exceeded".to_owned()),
            param: Some("input".to_owned()),
            retry_after: None,
        };

        assert_eq!(read(400, &write(&failure)), failure);
    }
}
