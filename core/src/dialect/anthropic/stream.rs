//! Streamed answers of `/v1/messages`
//! (<https://docs.claude.com/en/docs/build-with-claude/streaming>).
//!
//! Blocks that only this dialect knows travel as [`crate::dialect::chat::event::Delta::Other`], one
//! for each of their events.

mod calls;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
