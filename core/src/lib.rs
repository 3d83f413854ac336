//! Everything the gateway decides. No IO, no clock, no randomness, no host.
#![forbid(unsafe_code)]

pub mod headers;
pub mod json;
pub mod key;
pub mod money;
pub mod outbox;
pub mod path;
pub mod policy;
pub mod price;
pub mod refusal;
pub mod snapshot;
pub mod sse;
pub mod usage;
