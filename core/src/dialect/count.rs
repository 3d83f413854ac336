//! How many tokens a prompt has, as clients of each API are told it.

use tollgate_proto::v1::Endpoint;

use super::{anthropic, gemini, responses};
use crate::json::node::Node;

/// Writes the answer to a question for the tokens of a prompt of this endpoint.
pub fn write(endpoint: Endpoint, tokens: u64) -> Vec<u8> {
    if endpoint == Endpoint::GenerateContent {
        gemini::count::write_answer(tokens)
    } else if endpoint == Endpoint::Messages {
        anthropic::count::write(tokens)
    } else {
        responses::count::write(tokens)
    }
}

/// Returns the request whose tokens are asked for: Gemini's clients may wrap it.
pub fn request(endpoint: Endpoint, body: &[u8]) -> &[u8] {
    let wrapped =
        (endpoint == Endpoint::GenerateContent).then(|| Node::object(body).ok()).flatten();
    let inner = wrapped.and_then(|body| {
        body.get("generateContentRequest").or_else(|| body.get("generate_content_request"))
    });
    inner.map_or(body, Node::raw)
}
