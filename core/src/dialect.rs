//! Wire formats. One folder a dialect; so far OpenAI's, which passes through.

pub mod openai;
