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
mod embeddings;
mod gemini;
mod ollama;
mod openai;
mod recordings;
mod responses;
mod shown;
