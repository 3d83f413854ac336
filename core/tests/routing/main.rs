//! Choosing among targets, and what is learned from them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod failures;
mod stand;
