//! The provider's errors, word for word where clients match on them.

use bytes::Bytes;
use serde_json::Value;

use super::{Answer, Body, header};

/// An error answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    status: u16,
    message: String,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl Error {
    pub(super) fn no_key() -> Self {
        let message = "You didn't provide an API key. You need to provide your API key in an \
            Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
        Self::new(401, message, "invalid_request_error")
    }

    pub(super) fn wrong_key(given: &str) -> Self {
        let start: String = given.chars().take(3).collect();
        let message = format!(
            "Incorrect API key provided: {start}***. You can find your API key at \
             https://platform.openai.com/account/api-keys."
        );
        Self { code: Some("invalid_api_key"), ..Self::new(401, message, "invalid_request_error") }
    }

    pub(super) fn bad_json() -> Self {
        let message = "We could not parse the JSON body of your request. (HINT: This likely means \
            you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, \
            but what was sent was not valid JSON.)";
        Self::new(400, message, "invalid_request_error")
    }

    pub(super) fn no_model() -> Self {
        Self::new(400, "you must provide a model parameter", "invalid_request_error")
    }

    pub(super) fn missing(param: &'static str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self {
            param: Some(param),
            code: Some("missing_required_parameter"),
            ..Self::new(400, message, "invalid_request_error")
        }
    }

    pub(super) fn model_not_found(name: &str) -> Self {
        let message = format!("The model `{name}` does not exist or you do not have access to it.");
        Self { code: Some("model_not_found"), ..Self::new(404, message, "invalid_request_error") }
    }

    pub(super) fn invalid_url(method: &str, path: &str) -> Self {
        Self::new(404, format!("Invalid URL ({method} {path})"), "invalid_request_error")
    }

    pub(crate) fn bad_script(message: String) -> Self {
        Self::new(400, message, "invalid_request_error")
    }

    /// Returns what the API typically says with a status.
    pub(super) fn of_status(status: u16) -> Self {
        let (message, kind, code) = match status {
            401 => {
                ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key"))
            }
            403 => (
                "Project does not have access to model.",
                "invalid_request_error",
                Some("model_not_found"),
            ),
            404 => ("The model does not exist.", "invalid_request_error", Some("model_not_found")),
            429 => ("Rate limit reached for requests.", "requests", Some("rate_limit_exceeded")),
            500.. => {
                let message =
                    "The server had an error while processing your request. Sorry about that!";
                (message, "server_error", None)
            }
            _ => ("The request was not accepted.", "invalid_request_error", None),
        };
        Self { code, ..Self::new(status, message, kind) }
    }

    pub(crate) fn into_answer(self) -> Answer {
        let nullable = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        let body = format!(
            "{{\n  \"error\": {{\n    \"message\": {},\n    \"type\": {},\n    \"param\": {},\n    \
             \"code\": {}\n  }}\n}}\n",
            Value::from(self.message),
            Value::from(self.kind),
            nullable(self.param),
            nullable(self.code),
        );
        let mut headers = vec![header("content-type", "application/json; charset=utf-8")];
        if self.status == 429 {
            headers.push(header("retry-after", "1"));
            headers.push(header("retry-after-ms", "1000"));
            headers.push(header("x-ratelimit-remaining-requests", "0"));
        }
        if self.status == 401 {
            headers.push(header("www-authenticate", "Bearer"));
        }
        Answer { status: self.status, headers, body: Body::Whole(Bytes::from(body)), bill: None }
    }

    fn new(status: u16, message: impl Into<String>, kind: &'static str) -> Self {
        Self { status, message: message.into(), kind, param: None, code: None }
    }
}
