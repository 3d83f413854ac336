//! Streamed chat answers: read from providers, written for clients.
//!
//! A [`Reader`] and a [`Writer`] keep a few words for each choice and each call of a tool, whatever
//! the length of the stream; only the text of a custom tool is gathered, up to
//! [`writer::MOST_GATHERED`].

mod reader;
pub mod writer;

pub use reader::Reader;
pub use writer::Writer;
