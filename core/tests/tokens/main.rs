//! Ring 1: token counts against an independent tokenizer, and the tables they rest on.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "test code"
)]

mod corpus;
mod equality;
mod prompts;
mod recordings;
mod streams;
mod vocabulary;
