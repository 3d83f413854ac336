//! Errors in the form of `google.rpc.Status` (<https://cloud.google.com/apis/design/errors>).

use super::member::{each, find, set};
use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Reads an error of a provider. What it says about a credential is replaced: it may quote ours.
pub fn read(status: u16, body: &[u8]) -> Failure {
    let mut failure = Failure {
        status,
        kind: FailureKind::of_status(status),
        message: String::new(),
        code: None,
        param: None,
        retry_after: None,
    };
    // A stream that never began fails as an array of one.
    let trimmed = body.trim_ascii();
    let inner = trimmed.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let node = Node::object(inner.unwrap_or(trimmed)).ok();
    if let Some(error) = node.and_then(|node| find(node, "error")) {
        take(error, &mut failure);
    }
    if is_credential(&failure) {
        if failure.kind != FailureKind::Permission {
            failure.kind = FailureKind::Authentication;
        }
        failure.message = "The provider refused the gateway's credential.".into();
        failure.param = None;
    } else if failure.message.is_empty() {
        failure.message = "The provider failed without saying why.".into();
    }
    failure
}

/// Writes an error for a client.
pub fn write(failure: &Failure) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("error").object(|out| {
            out.key("code").number(failure.status);
            out.key("message").string(&failure.message);
            out.key("status").string(status_name(failure.kind, failure.status));
            let mut details = Writer::default();
            details.array(|out| write_details(failure, out));
            let details = details.into_bytes();
            if details != b"[]" {
                out.key("details").raw(&details);
            }
        });
    });
    out.into_bytes()
}

fn take(error: Node<'_>, failure: &mut Failure) {
    let mut name = None;
    for (key, value) in set(error) {
        match &*key {
            "code" => {
                let code = value.u64().and_then(|code| u16::try_from(code).ok());
                if let Some(code) = code.filter(|code| (400..600).contains(code)) {
                    // Errors in mid-stream have no other status.
                    if !(400..600).contains(&failure.status) {
                        failure.status = code;
                        failure.kind = FailureKind::of_status(code);
                    }
                }
            }
            "message" => failure.message = cut(&value.string().unwrap_or_default(), 8_192),
            "status" => name = value.string(),
            "details" => each(value).for_each(|detail| take_detail(detail, failure)),
            _ => {}
        }
    }
    if let Some(name) = name {
        failure.kind = kind_of(&name).unwrap_or(failure.kind);
        failure.code.get_or_insert_with(|| cut(&name, 128));
    }
    if !(400..600).contains(&failure.status) {
        failure.status = failure.kind.status();
    }
}

fn take_detail(detail: Node<'_>, failure: &mut Failure) {
    let kind = detail.get("@type").and_then(Node::string).unwrap_or_default();
    match kind.rsplit('.').next().unwrap_or_default() {
        "RetryInfo" => failure.retry_after = find(detail, "retryDelay").and_then(seconds),
        "ErrorInfo" => {
            let reason = find(detail, "reason").and_then(Node::string);
            failure.code = reason.map(|reason| cut(&reason, 128));
        }
        "BadRequest" => {
            let first = find(detail, "fieldViolations").and_then(|all| each(all).next());
            let field = first.and_then(|first| find(first, "field")).and_then(Node::string);
            failure.param = field.map(|field| cut(&field, 256));
        }
        _ => {}
    }
}

/// Reads a duration such as `"12.5s"`, rounded up.
fn seconds(node: Node<'_>) -> Option<u64> {
    let text = node.string()?;
    let (whole, fraction) = match text.strip_suffix('s')?.split_once('.') {
        Some((whole, fraction)) => (whole.to_owned(), fraction.bytes().any(|digit| digit != b'0')),
        None => (text.strip_suffix('s')?.to_owned(), false),
    };
    whole.parse::<u64>().ok()?.checked_add(u64::from(fraction))
}

/// Tells whether the provider speaks of the gateway's credential.
fn is_credential(failure: &Failure) -> bool {
    let is_reason = failure.code.as_deref().is_some_and(|code| code.starts_with("API_KEY"));
    let message = failure.message.to_ascii_lowercase();
    matches!(failure.kind, FailureKind::Authentication | FailureKind::Permission)
        || matches!(failure.status, 401 | 403)
        || is_reason
        || message.contains("api key")
        || message.contains("api_key")
}

fn kind_of(name: &str) -> Option<FailureKind> {
    Some(match name {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => FailureKind::InvalidRequest,
        "UNAUTHENTICATED" => FailureKind::Authentication,
        "PERMISSION_DENIED" => FailureKind::Permission,
        "NOT_FOUND" => FailureKind::NotFound,
        "RESOURCE_EXHAUSTED" => FailureKind::RateLimit,
        "UNAVAILABLE" => FailureKind::Overloaded,
        "DEADLINE_EXCEEDED" => FailureKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => FailureKind::Server,
        _ => return None,
    })
}

fn status_name(kind: FailureKind, status: u16) -> &'static str {
    match kind {
        FailureKind::InvalidRequest if status == 422 => "FAILED_PRECONDITION",
        FailureKind::InvalidRequest | FailureKind::TooLarge => "INVALID_ARGUMENT",
        FailureKind::Authentication => "UNAUTHENTICATED",
        FailureKind::Permission => "PERMISSION_DENIED",
        FailureKind::NotFound => "NOT_FOUND",
        FailureKind::RateLimit | FailureKind::Quota => "RESOURCE_EXHAUSTED",
        FailureKind::Overloaded => "UNAVAILABLE",
        FailureKind::Timeout => "DEADLINE_EXCEEDED",
        FailureKind::Server => "INTERNAL",
    }
}

fn write_details(failure: &Failure, out: &mut Writer) {
    let kind = |out: &mut Writer, name: &str| {
        out.key("@type").string(&format!("type.googleapis.com/google.rpc.{name}"));
    };
    let name = status_name(failure.kind, failure.status);
    if let Some(code) = failure.code.as_ref().filter(|code| *code != name) {
        out.object(|out| {
            kind(out, "ErrorInfo");
            out.key("reason").string(code);
        });
    }
    if let Some(param) = &failure.param {
        out.object(|out| {
            kind(out, "BadRequest");
            out.key("fieldViolations").array(|out| {
                out.object(|out| {
                    out.key("field").string(param);
                    out.key("description").string(&failure.message);
                });
            });
        });
    }
    if let Some(seconds) = failure.retry_after {
        out.object(|out| {
            kind(out, "RetryInfo");
            out.key("retryDelay").string(&format!("{seconds}s"));
        });
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITED: &[u8] = br#"[{"error":{"code":429,"message":"Slow down.",
        "status":"RESOURCE_EXHAUSTED","details":[
        {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12.5s"}]}}]"#;

    #[test]
    fn reads_how_long_to_wait() {
        let failure = read(429, LIMITED);

        assert_eq!((failure.status, failure.kind), (429, FailureKind::RateLimit));
        assert_eq!(failure.retry_after, Some(13));
        assert_eq!(failure.message, "Slow down.");
        let again = read(429, &write(&failure));
        assert_eq!((again.retry_after, again.message), (Some(13), failure.message));
    }

    #[test]
    fn a_failure_in_mid_stream_has_the_status_it_names() {
        let failure = read(200, br#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#);

        assert_eq!((failure.status, failure.kind), (503, FailureKind::Overloaded));
        let unnamed = read(200, br#"{"error":{"message":"m"}}"#);
        assert_eq!((unnamed.status, unnamed.kind), (500, FailureKind::Server));
    }

    #[test]
    fn never_quotes_our_credential() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"code":400,"message":"API key not valid: AIza","status":"INVALID_ARGUMENT",
                "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"Consumer 'api_key:AIza' has been suspended","status":"PERMISSION_DENIED"}}"#,
            ),
            (401, r#"{"error":{"code":401,"message":"AIza","status":"UNAUTHENTICATED"}}"#),
        ] {
            let failure = read(status, body.as_bytes());
            assert!(!format!("{failure:?}").contains("AIza"), "{failure:?}");
            assert!(matches!(failure.kind, FailureKind::Authentication | FailureKind::Permission));
        }
    }

    #[test]
    fn garbage_is_an_error_all_the_same() {
        for body in [&b""[..], b"<html>", b"[]", b"{}", b"[{}]", br#"{"error":"x"}"#] {
            let failure = read(502, body);
            assert_eq!((failure.status, failure.kind), (502, FailureKind::Server));
            assert!(!failure.message.is_empty());
        }
    }
}
