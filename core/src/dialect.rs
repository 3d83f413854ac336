//! Wire formats. One folder a dialect, each with `request`, `response`, `stream` and `error`; all
//! of them meet in the neutral conversation of [`chat`], so that adding one touches its folder and
//! the matches in `spoken`.

pub mod anthropic;
pub mod chat;
pub mod conversation;
pub mod count;
pub mod embeddings;
pub mod error;
pub mod gemini;
pub mod linked;
pub mod media;
pub mod models;
pub mod ollama;
pub mod openai;
pub mod provider;
pub mod question;
pub mod references;
pub mod relay;
pub mod request;
pub mod responses;
pub mod settings;
mod spoken;
mod texts;
pub mod whole;

mod checked;
mod instant;
mod members;

/// A wire format of conversations, of clients and of providers alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// OpenAI's chat completions, and all that is compatible with it.
    OpenAi,
    /// OpenAI's legacy completions.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
    /// Ollama's `/api/generate`.
    OllamaGenerate,
}
