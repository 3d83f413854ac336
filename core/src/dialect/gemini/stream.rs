//! Streams of `streamGenerateContent`: each event is a whole answer with what is new in it.
//! They come as server-sent events (`alt=sse`) or as one JSON array.

mod frames;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
