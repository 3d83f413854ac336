//! Our own refusals, as clients of each API expect errors.

use super::Dialect;
use super::chat::failure::Failure;
use crate::path::Api;
use crate::refusal::{Refusal, Rendered};

/// Renders a refusal for clients of an API.
pub fn render(refusal: &Refusal, api: Api) -> Rendered {
    let rendered = refusal.render();
    let dialect = match api {
        Api::OpenAi => return rendered,
        Api::Anthropic => Dialect::Anthropic,
        Api::Gemini => Dialect::Gemini,
        Api::Ollama => Dialect::Ollama,
    };
    let body = dialect.write_failure(&Failure::from(refusal));
    Rendered { body, ..rendered }
}
