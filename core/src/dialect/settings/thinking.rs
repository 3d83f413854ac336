//! How much a model thinks, in the members that its dialect has for it.
//!
//! A fixed budget is set where the request says anything of thinking, or the model is known to
//! think by its name. It never makes a request invalid: where thinking cannot be, it is left out.

mod anthropic;
mod gemini;
mod ollama;
mod openai;
mod size;

use tollgate_proto::v1::Endpoint;

use crate::json::patch::Patch;
use crate::snapshot::settings::Thinking;

/// The largest budget of a scale.
const MOST: u64 = 131_072;

/// Sets how much a model thinks.
pub(super) fn set(thinking: Thinking, endpoint: Endpoint, model: &str, patch: &mut Patch<'_>) {
    let budget = match thinking {
        Thinking::Passthrough => return,
        Thinking::Auto => None,
        Thinking::Custom(budget) => Some(budget),
        Thinking::Adaptive(base) => Some(size::of(endpoint, patch).scale(base).min(MOST)),
    };
    match (endpoint, budget) {
        (Endpoint::ChatCompletions, None) => openai::remove(patch),
        (Endpoint::ChatCompletions, Some(budget)) => openai::set(budget, model, patch),
        (Endpoint::Responses, None) => patch.remove(|name| name == "reasoning"),
        (Endpoint::Responses, Some(budget)) => openai::set_reasoning(budget, model, patch),
        (Endpoint::Messages, None) => anthropic::remove(patch),
        (Endpoint::Messages, Some(budget)) => anthropic::set(budget, model, patch),
        (Endpoint::GenerateContent, None) => gemini::remove(patch),
        (Endpoint::GenerateContent, Some(budget)) => gemini::set(budget, model, patch),
        (Endpoint::OllamaChat, None) => patch.remove(|name| name == "think"),
        (Endpoint::OllamaChat, Some(budget)) => ollama::set(budget, model, patch),
        // None of these think.
        (
            Endpoint::Completions
            | Endpoint::Embeddings
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents
            | Endpoint::OllamaGenerate
            | Endpoint::OllamaEmbed
            | Endpoint::OllamaEmbeddings
            | Endpoint::ImagesGenerations
            | Endpoint::ImagesEdits
            | Endpoint::ImagesVariations
            | Endpoint::Speech
            | Endpoint::Transcriptions
            | Endpoint::Translations
            | Endpoint::Moderations
            | Endpoint::Realtime
            | Endpoint::Files
            | Endpoint::Batches
            | Endpoint::FineTuning
            | Endpoint::Assistants
            | Endpoint::Threads
            | Endpoint::Runs
            | Endpoint::VectorStores
            | Endpoint::StoredResponses
            | Endpoint::Unspecified,
            _,
        ) => {}
    }
}

/// Returns the effort that stands for a budget. `None`: no thinking.
fn effort(budget: u64) -> Option<&'static str> {
    match budget {
        0 => None,
        1..=1_024 => Some("low"),
        1_025..=10_240 => Some("medium"),
        _ => Some("high"),
    }
}

/// Returns what of a budget leaves room for an answer: the cap is what was reserved and is never
/// raised.
fn fitted(budget: u64, cap: Option<u64>) -> u64 {
    match cap {
        Some(cap) if budget >= cap => cap - cap / 4,
        _ => budget,
    }
}
