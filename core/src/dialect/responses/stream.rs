//! Streamed answers: events about items, each with its number.
//!
//! The last event carries the whole answer, which official SDKs hand out as the final response
//! (those of 2025 rely on it alone, later ones fall back to the items they saw). So the
//! [`Writer`] remembers what it wrote, once: its state is as large as the answer, and at most
//! [`MEMORY`]. An answer that would be longer ends there as incomplete, which no model reaches.

mod emit;
mod items;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// As much of an answer as is remembered, in bytes.
pub const MEMORY: usize = 8 * 1024 * 1024;
