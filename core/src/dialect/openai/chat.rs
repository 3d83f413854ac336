//! OpenAI's chat completions, translated to and from the neutral conversation, with what
//! compatible providers add to them: reasoning under its several names (`reasoning_content`,
//! `reasoning`, `reasoning_details`, Mistral's arrays), switches for it, signatures of Gemini.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;

mod call;
pub(super) mod finish;
mod media;
mod part;
mod thought;
