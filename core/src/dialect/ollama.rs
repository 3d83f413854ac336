//! Ollama's API (<https://github.com/ollama/ollama/blob/main/docs/api.md>): `/api/chat` for clients
//! and providers, `/api/generate` for clients.

pub mod embeddings;
pub mod error;
pub mod generate;
pub mod models;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;

mod image;
mod line;
mod logprobs;
mod options;
mod thinking;
