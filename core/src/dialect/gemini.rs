//! Gemini's `generateContent` and what belongs to it
//! (<https://ai.google.dev/api/generate-content>). The model, and whether it streams, stand in
//! the URL.

pub mod count;
pub mod embeddings;
pub mod error;
pub mod models;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;

mod candidate;
pub(crate) mod finish;
mod logprobs;
pub(super) mod member;
mod parts;
pub mod schema;
