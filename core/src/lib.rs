//! Everything the gateway decides. No IO, no clock, no randomness, no host.
#![forbid(unsafe_code)]

pub mod json;
pub mod key;
pub mod money;
pub mod price;
pub mod sse;
