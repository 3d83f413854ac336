//! Errors look as they do in chat completions.

pub use crate::dialect::openai::chat::error::{read, write};
