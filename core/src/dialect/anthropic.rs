//! Anthropic's Messages (<https://docs.claude.com/en/api/messages>), for clients and providers.

pub mod count;
pub mod error;
pub mod models;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;

mod block;
pub(super) mod generation;
mod media;
mod stop;
