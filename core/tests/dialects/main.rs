//! Dialects against cases in files and against recorded traffic.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "test code"
)]

mod anthropic;
mod cases;
mod completions;
mod crossing;
mod embeddings;
mod gemini;
mod items;
mod ollama;
mod openai;
mod pairs;
mod recordings;
mod responses;
mod settings;
mod shown;
