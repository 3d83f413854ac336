//! OpenAI's chat completions.

mod request;
mod response;
