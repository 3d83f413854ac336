//! OpenAI's legacy completions, for clients alone: a prompt becomes a user's message, and what is
//! answered becomes text.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;

mod logprobs;
