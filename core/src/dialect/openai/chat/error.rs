//! Errors: read from providers, written for clients.

use std::borrow::Cow;

use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Longest message that is passed on, in bytes.
const LONGEST: usize = 4096;

/// Reads the body of an error that a provider answered. What the provider says of a credential is
/// replaced: the credential is ours, and may be quoted.
pub fn read(status: u16, body: &[u8]) -> Failure {
    // Gemini's compatible API puts the object into an array.
    let body = body.trim_ascii();
    let inner = body.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let said = match Node::object(inner.unwrap_or(body)) {
        Ok(node) => Said::of(node),
        Err(_) => Said::default(),
    };
    said.failure(status)
}

/// Reads an error in a stream, whose status may stand in it as a number.
pub(super) fn read_in_stream(chunk: Node<'_>) -> Failure {
    let said = Said::of(chunk);
    let status = said.status.or_else(|| said.kind().map(FailureKind::status));
    said.failure(status.unwrap_or(502))
}

/// Writes an error as the body of an answer.
pub fn write(failure: &Failure) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| write_into(it, failure));
    writer.into_bytes()
}

/// Writes the member `error`.
pub(in crate::dialect::openai) fn write_into(it: &mut Writer, failure: &Failure) {
    let text = |it: &mut Writer, text: Option<&str>| match text {
        Some(text) => it.string(text),
        None => it.null(),
    };
    it.key("error").object(|it| {
        text(it.key("code"), failure.code.as_deref());
        it.key("message").string(&failure.message);
        text(it.key("param"), failure.param.as_deref());
        it.key("type").string(type_of(failure));
    });
}

/// Returns OpenAI's `type`.
fn type_of(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::InvalidRequest | FailureKind::NotFound | FailureKind::TooLarge => {
            "invalid_request_error"
        }
        FailureKind::Authentication => "authentication_error",
        FailureKind::Permission => "permission_error",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Quota => "insufficient_quota",
        FailureKind::Overloaded => "service_unavailable_error",
        // The client's time ran out, or the provider's.
        FailureKind::Timeout if failure.status == 408 => "invalid_request_error",
        FailureKind::Server if failure.status == 500 => "server_error",
        FailureKind::Timeout | FailureKind::Server => "api_error",
    }
}

/// What a provider says of an error, in whichever of the shapes there are.
#[derive(Default)]
struct Said {
    message: Option<String>,
    class: Option<String>,
    code: Option<String>,
    param: Option<String>,
    status: Option<u16>,
    retry_after: Option<u64>,
    /// What the provider behind `OpenRouter` said.
    behind: Option<String>,
}

impl Said {
    fn of(node: Node<'_>) -> Self {
        let mut said = Self::default();
        let inner = node.get("error");
        if let Some(text) = inner.and_then(Node::string) {
            said.message = Some(text.into_owned());
        }
        for (name, value) in inner.filter(|inner| inner.is_object()).unwrap_or(node).members() {
            said.take(&name, value);
        }
        said
    }

    fn take(&mut self, name: &str, value: Node<'_>) {
        let text = || value.string().filter(|text| !text.is_empty()).map(Cow::into_owned);
        let told = || text().or_else(|| first_fault(value));
        match name {
            "message" => self.message = told().or(self.message.take()),
            // Servers built with FastAPI.
            "detail" => self.message = self.message.take().or_else(told),
            "type" => self.class = text(),
            "param" => self.param = text(),
            "code" => {
                self.status = value.u64().and_then(a_status).or(self.status);
                self.code = text();
            }
            "status" => self.status = value.u64().and_then(a_status).or(self.status),
            "metadata" => {
                self.behind = value.get("raw").and_then(Node::string).map(Cow::into_owned);
            }
            "retry_after" => self.retry_after = value.u64(),
            _ => {}
        }
    }

    /// Returns the kind that its words stand for.
    fn kind(&self) -> Option<FailureKind> {
        let of_word = |word: &String| {
            Some(match word.as_str() {
                "invalid_request_error" | "context_length_exceeded" | "invalid_prompt" => {
                    FailureKind::InvalidRequest
                }
                "authentication_error" | "invalid_api_key" => FailureKind::Authentication,
                "permission_error" => FailureKind::Permission,
                "not_found_error" | "model_not_found" => FailureKind::NotFound,
                "rate_limit_error" | "rate_limit_exceeded" | "tokens" | "requests" => {
                    FailureKind::RateLimit
                }
                "insufficient_quota" | "billing_hard_limit_reached" => FailureKind::Quota,
                "overloaded_error" | "service_unavailable_error" | "engine_overloaded" => {
                    FailureKind::Overloaded
                }
                "timeout" | "timeout_error" => FailureKind::Timeout,
                "server_error" | "internal_server_error" | "api_error" => FailureKind::Server,
                _ => return None,
            })
        };
        self.code.as_ref().and_then(of_word).or_else(|| self.class.as_ref().and_then(of_word))
    }

    fn failure(self, status: u16) -> Failure {
        let of_status = FailureKind::of_status(status);
        let kind = match self.kind() {
            // A status says more than the word that OpenAI has for all errors of the client.
            Some(FailureKind::InvalidRequest) | None => of_status,
            Some(kind) if status < 400 || kind.status() == status => kind,
            Some(kind @ FailureKind::Quota) if status == 429 || status == 403 => kind,
            Some(_) => of_status,
        };
        let mut message = self.message.unwrap_or_default();
        if let Some(behind) = &self.behind {
            message.push_str(": ");
            message.push_str(behind);
        }
        if status == 401
            || tells_of_credential(&message)
            || (status == 403 && tells_of_access(&message))
        {
            return Failure {
                status,
                kind: FailureKind::Server,
                message: CREDENTIAL.to_owned(),
                code: Some("provider_error".to_owned()),
                param: None,
                retry_after: None,
            };
        }
        let message = match message.trim() {
            "" => "The provider answered with an error.".to_owned(),
            said => cut(said).to_owned(),
        };
        let code = self.code.or_else(|| self.class.filter(|class| is_fine(class)));
        let retry_after = self.retry_after;
        Failure { status, kind, message, code, param: self.param, retry_after }
    }
}

/// Instead of what a provider says of the credential that it was sent.
const CREDENTIAL: &str = "The provider refused the gateway's credential. Tell the gateway's admin.";

/// Tells whether a message may quote a credential, whatever its status.
fn tells_of_credential(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let quoted = message.match_indices("sk-").any(|(at, _)| {
        let before = message.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric())
    });
    let words = ["api key", "api_key", "apikey", "api-key", "bearer ", "access token"];
    quoted || words.iter().any(|word| message.contains(word))
}

/// Tells whether a message is about what our credential may do.
fn tells_of_access(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.is_empty()
        || ["key", "token", "credential", "auth"].iter().any(|word| message.contains(word))
}

/// Tells whether a `type` says more than the kind does.
fn is_fine(class: &str) -> bool {
    !class.ends_with("_error") && class != "error"
}

fn a_status(number: u64) -> Option<u16> {
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// Returns the first of several faults, as Mistral and others list them.
fn first_fault(value: Node<'_>) -> Option<String> {
    let faults = value.get("detail").unwrap_or(value);
    let first = faults.items().next()?;
    let message = first.get("msg").or_else(|| first.get("message"))?.string()?;
    let place: Vec<_> = first.get("loc").into_iter().flat_map(Node::items).collect();
    let place: Vec<_> = place.iter().filter_map(|step| step.string()).collect();
    Some(if place.is_empty() {
        message.into_owned()
    } else {
        format!("{}: {message}", place.join("."))
    })
}

fn cut(message: &str) -> &str {
    let mut end = message.len().min(LONGEST);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    fn check(status: u16, body: &str, kind: FailureKind, message: &str, code: Option<&str>) {
        let failure = read(status, body.as_bytes());
        assert_eq!((failure.status, failure.kind), (status, kind), "{body}");
        assert_eq!(failure.message, message, "{body}");
        assert_eq!(failure.code.as_deref(), code, "{body}");
    }

    #[test]
    fn reads_errors_in_all_their_shapes() {
        let long = r#"{"error":{"message":"Too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
        check(400, long, FailureKind::InvalidRequest, "Too long", Some("context_length_exceeded"));
        let quota = r#"{"error":{"message":"No money","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        check(429, quota, FailureKind::Quota, "No money", Some("insufficient_quota"));
        let openrouter = r#"{"error":{"code":429,"metadata":{"raw":"busy"},"message":"Provider returned error"}}"#;
        check(429, openrouter, FailureKind::RateLimit, "Provider returned error: busy", None);
        let mistral = r#"{"object":"error","message":"Bad","type":"invalid_request_message_order","param":null,"code":"3230"}"#;
        check(400, mistral, FailureKind::InvalidRequest, "Bad", Some("3230"));
        let fastapi = r#"{"detail":[{"loc":["body","model"],"msg":"field required"}]}"#;
        check(422, fastapi, FailureKind::InvalidRequest, "body.model: field required", None);
        check(500, r#"{"error":"boom"}"#, FailureKind::Server, "boom", None);
        let gemini = r#"[{"error":{"code":404,"message":"No model","status":"NOT_FOUND"}}]"#;
        check(404, gemini, FailureKind::NotFound, "No model", None);
        let nothing = "The provider answered with an error.";
        check(503, "<html>", FailureKind::Overloaded, nothing, None);
        check(500, "", FailureKind::Server, nothing, None);
    }

    #[test]
    fn never_repeats_what_may_hold_a_credential() {
        let told = |status, message: &str| {
            let body = format!(r#"{{"error":{{"message":"{message}","code":"x"}}}}"#);
            let failure = read(status, body.as_bytes());
            String::from_utf8(write(&failure)).unwrap()
        };
        for (status, message) in [
            (401, "whatever abc"),
            (403, "This key abc may not"),
            (400, "Incorrect API key provided: abc"),
            (500, "got sk-abc"),
        ] {
            assert!(!told(status, message).contains("abc"), "{message}");
        }
        assert!(told(403, "flagged abc").contains("flagged abc"));
        assert!(told(400, "a task-abc").contains("a task-abc"));
    }

    #[test]
    fn refusals_read_as_they_always_did() {
        for refusal in [
            Refusal::NoKey,
            Refusal::ExpiredKey,
            Refusal::BlockedKey,
            Refusal::ModelNotAllowed("m\"".into()),
            Refusal::Unpriced("m".into()),
            Refusal::InvalidJson("x".into()),
            Refusal::MissingField("model"),
            Refusal::InvalidField { field: "n", expected: "a number" },
            Refusal::ModelNotFound("m".into()),
            Refusal::UnknownPath,
            Refusal::WrongMethod,
            Refusal::BodyTooLarge(7),
            Refusal::RequestTimeout,
            Refusal::PolicyUnavailable,
            Refusal::HostCannotHold,
            Refusal::Internal,
            Refusal::ProviderFailed,
            Refusal::ProviderTimeout,
            Refusal::ProviderCredential(401),
        ] {
            let rendered = refusal.render();
            let failure = Failure::from(&refusal);
            let (written, before) = (write(&failure), rendered.body);
            assert_eq!(String::from_utf8(written), String::from_utf8(before));
            assert_eq!(failure.status, rendered.status);
        }
    }
}
