//! Asks the management API.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::config::BaseUrl;
use crate::outbound::{self, Call, Reach};

/// A client with a key.
pub(super) struct Client {
    url: BaseUrl,
    /// The URL as it was written.
    written: String,
    key: HeaderValue,
    key_env: String,
}

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: super::super::USAGE, message: message.into() }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl Client {
    pub(super) fn new(
        url: Option<String>,
        key_env: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let written = url.or_else(|| env.get("TOLLGATE_URL").cloned());
        let written = written.unwrap_or_else(|| "http://127.0.0.1:4000".into());
        let url = BaseUrl::parse(&written);
        let url = url.map_err(|why| Failure::usage(format!("--url: {why}")))?;
        let key = env.get(key_env).filter(|key| !key.trim().is_empty()).ok_or_else(|| {
            let message = "set it to a key that may manage, or name another with --key-env";
            Failure::usage(format!("the variable {key_env} is not set; {message}"))
        })?;
        let key = HeaderValue::try_from(format!("Bearer {}", key.trim()));
        let key = key.map_err(|_| Failure::usage(format!("{key_env} holds no key")))?;
        Ok(Self { url, written, key, key_env: key_env.to_owned() })
    }

    /// Asks, and returns the answer when it is a good one.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.key.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let path = format!("{}{path}", self.url.path);
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let call = Call { method, path, headers, body };
        let reply = outbound::send(&self.url, call, Reach::Private).await;
        let reply = reply.map_err(|error| Failure {
            code: UNAVAILABLE,
            message: format!(
                "{}: {error}; is the control plane running, or is it elsewhere (--url)?",
                self.written
            ),
        })?;
        let answer = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        match reply.status {
            200..300 => Ok(answer),
            401 | 403 => Err(Failure {
                code: NO_PERMISSION,
                message: format!("{} (the key is the one in {})", said(&answer), self.key_env),
            }),
            status => Err(Failure::refused(format!("{} ({status})", said(&answer)))),
        }
    }
}

/// Finds what an error says, in any of the API's forms.
fn said(answer: &Value) -> String {
    let places = ["/error/message", "/detail/error", "/detail", "/error"];
    let text = places.iter().find_map(|place| answer.pointer(place)?.as_str());
    if let Some(text) = text {
        return text.to_owned();
    }
    let field = answer.pointer("/detail/0/loc").and_then(Value::as_array);
    let field = field.and_then(|path| path.last()?.as_str());
    let what = answer.pointer("/detail/0/msg").and_then(Value::as_str);
    match (field, what) {
        (Some(field), Some(what)) => format!("{field}: {what}"),
        _ => "the answer is none of the management API's; is --url right?".into(),
    }
}

/// `EX_UNAVAILABLE`.
const UNAVAILABLE: u8 = 69;
/// `EX_NOPERM`.
const NO_PERMISSION: u8 = 77;
