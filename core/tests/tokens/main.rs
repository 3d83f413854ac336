//! Ring 1: token counts against an independent tokenizer, and the tables they rest on.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod corpus;
mod equality;
mod streams;
mod vocabulary;
