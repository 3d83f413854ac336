//! OpenAI's chat completions, legacy completions and embeddings, client and provider side alike:
//! bodies are not re-encoded, named values are edited in place.

pub mod answer;
pub mod models;
pub mod request;
pub mod stream;
