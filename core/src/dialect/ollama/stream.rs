//! Streams of `/api/chat`: an answer a line (NDJSON), the last one with what it took.

mod gathered;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
