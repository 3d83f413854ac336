//! Our own refusals, as clients of each API expect errors.

use super::Dialect;
use super::chat::failure::Failure;
use crate::path::Api;
use crate::refusal::{Refusal, Rendered};
use crate::settings::ErrorProfile;

/// Renders a refusal for clients of an API; for OpenAI's, as a profile has it.
pub fn render(refusal: &Refusal, api: Api, profile: ErrorProfile) -> Rendered {
    let dialect = match api {
        Api::OpenAi => return refusal.render_as(profile),
        Api::Anthropic => Dialect::Anthropic,
        Api::Gemini => Dialect::Gemini,
        Api::Ollama => Dialect::Ollama,
    };
    let body = dialect.write_failure(&Failure::from(refusal));
    Rendered { body, ..refusal.render() }
}
