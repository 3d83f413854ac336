//! Choosing among targets, and what is learned from them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "test code"
)]

mod content;
mod failures;
mod health;
mod order;
mod recordings;
mod stand;
mod strategies;
