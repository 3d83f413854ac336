//! The OpenAI API as its provider serves it: which request gets which answer.
//!
//! Nothing here touches a socket; [`answer`] is a function of the request.

mod chat;
mod completion;
mod embedding;
mod error;
mod models;
mod text;

pub(crate) use error::Error;

use bytes::Bytes;
use serde_json::Value;

use crate::counts::Tokens;
use crate::request::Request;
use crate::script::{Fault, Script, Usage};

/// What to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Headers beside those that frame the body.
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) body: Body,
    /// What it costs the caller. `None` for errors and for what is free.
    pub(crate) bill: Option<Bill>,
}

/// A model and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
}

/// The bytes of an answer, in the pieces in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Whole(Bytes),
    Events(Vec<Event>),
}

/// One piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) bytes: Bytes,
    /// Completion tokens in it.
    pub(crate) tokens: u64,
}

/// What the provider knows beside the request.
pub(crate) struct Provider<'a> {
    pub(crate) api_key: Option<&'a str>,
    /// Models it serves; empty: every name.
    pub(crate) models: &'a [String],
    /// Unix time in seconds.
    pub(crate) now: u64,
    /// Makes ids unique.
    pub(crate) seed: u64,
}

/// Answers a request as the API would.
pub(crate) fn answer(request: &Request, script: &Script, provider: &Provider<'_>) -> Answer {
    let mut answer = match respond(request, script, provider) {
        Ok(answer) => answer,
        Err(error) => error.into_answer(),
    };
    let id = id("req_", provider.seed, 24);
    answer.headers.push(("x-request-id".to_owned(), Bytes::from(id)));
    answer
}

fn respond(
    request: &Request,
    script: &Script,
    provider: &Provider<'_>,
) -> Result<Answer, error::Error> {
    authenticate(request, provider)?;
    if let Some(status) = script.status {
        return Err(Error::of_status(status));
    }
    if script.fault == Some(Fault::GarbageBody) {
        return Ok(json(String::from("<html>502 from some proxy</html>\n"), None));
    }
    let path = request.path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    match (request.method.as_str(), path) {
        ("POST", "/chat/completions") => chat::answer(&body(request)?, script, provider),
        ("POST", "/completions") => completion::answer(&body(request)?, script, provider),
        ("POST", "/embeddings") => embedding::answer(&body(request)?, script, provider),
        ("GET", "/models") => Ok(models::list(provider)),
        ("GET", path) if path.starts_with("/models/") => {
            models::retrieve(path.trim_start_matches("/models/"), provider)
        }
        (method, _) => Err(Error::invalid_url(method, request.path())),
    }
}

fn authenticate(request: &Request, provider: &Provider<'_>) -> Result<(), Error> {
    let Some(expected) = provider.api_key else { return Ok(()) };
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match given {
        None => Err(Error::no_key()),
        Some(given) if given == expected => Ok(()),
        Some(given) => Err(Error::wrong_key(given)),
    }
}

/// Parses the body and checks the field that every inference request has.
fn body(request: &Request) -> Result<Value, Error> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Error::bad_json())?;
    if !body.is_object() {
        return Err(Error::bad_json());
    }
    Ok(body)
}

/// Returns the name of the model asked for, given that it is served.
fn model<'a>(body: &'a Value, provider: &Provider<'_>) -> Result<&'a str, Error> {
    let name = body.get("model").and_then(Value::as_str).ok_or_else(Error::no_model)?;
    if provider.models.is_empty() || provider.models.iter().any(|model| model == name) {
        Ok(name)
    } else {
        Err(Error::model_not_found(name))
    }
}

/// The name that an answer carries: providers answer with the dated version of an alias.
fn dated(model: &str) -> &str {
    match model {
        "gpt-4o-mini" => "gpt-4o-mini-2024-07-18",
        "gpt-4o" => "gpt-4o-2024-08-06",
        "gpt-3.5-turbo-instruct" => "gpt-3.5-turbo-instruct:20230824-v2",
        other => other,
    }
}

fn json(body: String, bill: Option<Bill>) -> Answer {
    let mut headers = provider_headers();
    headers.insert(0, header("content-type", "application/json"));
    Answer { status: 200, headers, body: Body::Whole(Bytes::from(body)), bill }
}

fn stream(events: Vec<Event>, bill: Bill) -> Answer {
    let mut headers = provider_headers();
    headers.insert(0, header("content-type", "text/event-stream; charset=utf-8"));
    headers.push(header("cache-control", "no-cache"));
    Answer { status: 200, headers, body: Body::Events(events), bill: Some(bill) }
}

fn provider_headers() -> Vec<(String, Bytes)> {
    let mut headers = Vec::with_capacity(8);
    headers.push(header("openai-organization", "simulated"));
    headers.push(header("openai-processing-ms", "1"));
    headers.push(header("openai-version", "2020-10-01"));
    headers.push(header("x-ratelimit-limit-requests", "10000"));
    headers.push(header("x-ratelimit-remaining-requests", "9999"));
    headers
}

fn header(name: &str, value: &'static str) -> (String, Bytes) {
    (name.to_owned(), Bytes::from_static(value.as_bytes()))
}

fn event(data: &str, tokens: u64) -> Event {
    Event { bytes: Bytes::from(["data: ", data, "\n\n"].concat()), tokens }
}

/// Whether a streamed answer reports usage, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamUsage {
    None,
    /// Asked for: `null` on each chunk and a chunk of its own.
    OwnChunk,
    /// Volunteered: on the last chunk that has choices.
    LastChunk,
}

impl StreamUsage {
    fn of(body: &Value, script: &Script) -> Self {
        let asked = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
        match script.usage {
            Usage::AsAsked if asked => Self::OwnChunk,
            Usage::AsAsked | Usage::Never => Self::None,
            Usage::Always => Self::LastChunk,
        }
    }
}

fn is_streamed(body: &Value) -> bool {
    body.get("stream") == Some(&Value::Bool(true))
}

/// Makes an id such as `chatcmpl-…` out of a number that never comes again.
fn id(prefix: &str, seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(prefix.len() + length);
    id.push_str(prefix);
    let mut state = seed;
    for _ in 0..length {
        // One step of SplitMix64 a letter: the first letters alone tell seeds apart.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let place = usize::try_from(mixed % 62).unwrap_or_default();
        id.push(char::from(ALPHABET.get(place).copied().unwrap_or(b'A')));
    }
    id
}

#[cfg(test)]
mod tests;
