//! Which requests may have kept answers.

use tollgate_proto::v1::Endpoint;

use crate::dialect::provider;
use crate::json::node::Node;
use crate::path::{Api, api};

/// Header with which a client wants neither a kept answer nor its own kept.
const NO_CACHE_HEADER: &str = "x-omniroute-no-cache";

/// Tells whether a header says that the client wants nothing to do with the cache.
pub(super) fn refuses(name: &str, value: &[u8]) -> bool {
    match name {
        NO_CACHE_HEADER => value.trim_ascii().eq_ignore_ascii_case(b"true"),
        "cache-control" => value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|word| {
            word.eq_ignore_ascii_case(b"no-cache") || word.eq_ignore_ascii_case(b"no-store")
        }),
        _ => false,
    }
}

/// Tells whether providers may answer otherwise because of a header.
pub(super) fn is_semantic(name: &str) -> bool {
    ["anthropic-", "openai-", "x-goog-"].iter().any(|start| name.starts_with(start))
        && name != "x-goog-api-key"
}

/// Tells whether the answer says something by itself, once and for all.
pub(super) fn is_kept(endpoint: Endpoint, body: Node<'_>) -> bool {
    let told = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
    if endpoint == Endpoint::Responses {
        // What they refer to changes.
        let background = body.get("background").and_then(Node::bool) == Some(true);
        return !background && !told("previous_response_id") && !told("conversation");
    }
    let talks = [
        Endpoint::ChatCompletions,
        Endpoint::Completions,
        Endpoint::Messages,
        Endpoint::GenerateContent,
        Endpoint::OllamaChat,
        Endpoint::OllamaGenerate,
    ];
    talks.contains(&endpoint) || provider::is_embedding(endpoint)
}

/// Tells whether the client asks for the same answer each time: its temperature is 0.
pub(super) fn is_deterministic(endpoint: Endpoint, body: Node<'_>) -> bool {
    if provider::is_embedding(endpoint) {
        return true;
    }
    let place = match api(endpoint) {
        Api::Gemini => body.get("generationConfig"),
        Api::Ollama => body.get("options"),
        Api::OpenAi | Api::Anthropic => Some(body),
    };
    let temperature = place.and_then(|place| place.get("temperature")?.number()?.f64());
    temperature == Some(0.0)
}
