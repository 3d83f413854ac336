//! Listings of models, as clients of each API expect them.

use super::{anthropic, gemini, ollama, openai};
use crate::path::Api;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// Renders the models that a key may use.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy, api: Api) -> Vec<u8> {
    match api {
        Api::Anthropic => anthropic::models::list(snapshot, policy),
        Api::Gemini => gemini::models::list(snapshot, policy),
        Api::Ollama => ollama::models::tags(snapshot, policy),
        Api::OpenAi => openai::models::list(snapshot, policy),
    }
}

/// Renders one model.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(
    snapshot: &Snapshot,
    policy: &KeyPolicy,
    asked: &str,
    api: Api,
) -> Result<Vec<u8>, Refusal> {
    match api {
        Api::Anthropic => anthropic::models::retrieve(snapshot, policy, asked),
        Api::Gemini => gemini::models::retrieve(snapshot, policy, asked),
        Api::Ollama => ollama::models::show(snapshot, policy, asked),
        Api::OpenAi => openai::models::retrieve(snapshot, policy, asked),
    }
}
