//! Everything the gateway decides. No IO, no clock, no randomness, no host.
#![forbid(unsafe_code)]

pub mod address;
pub mod cache;
pub mod dialect;
pub mod exchange;
pub mod gateway;
pub mod headers;
pub mod inflate;
pub mod json;
pub mod key;
pub mod meter;
pub mod money;
pub mod multipart;
pub mod outbox;
pub mod path;
pub mod policy;
pub mod price;
pub mod progress;
pub mod refusal;
pub mod routing;
pub mod settings;
pub mod snapshot;
pub mod sse;
pub mod tally;
pub mod tokens;
pub mod usage;
pub mod websocket;
