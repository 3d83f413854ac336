//! A whole answer of `/api/generate`.

use crate::dialect::chat::answer::{Answer, ReplyTo};
use crate::dialect::ollama::line::Api;
use crate::dialect::ollama::response;

/// Writes an answer for a client: the first, where several were asked for.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    response::whole(Api::Generate, answer, to)
}

/// Writes the answer to a request that only asks for the model to be loaded.
pub fn write_loaded(to: &ReplyTo) -> Vec<u8> {
    response::loaded(Api::Generate, to)
}
