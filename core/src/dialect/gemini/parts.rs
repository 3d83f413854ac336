//! The parts of contents, of requests and answers alike.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::{call, can_sign, media, source_kind, spoken, text, thought, unclaimed};
