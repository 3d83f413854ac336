//! OpenAI's chat completions, legacy completions and embeddings, client and provider side alike.
//!
//! [`super::request`], [`stream`] and [`answer`] serve OpenAI on both sides: bodies are not
//! re-encoded, named values are edited in place. [`chat`] and [`completions`] translate.

pub mod answer;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod engines;
pub mod models;
pub mod realtime;
pub mod stream;
