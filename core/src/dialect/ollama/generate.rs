//! `/api/generate`: one prompt, one text. For clients only; providers are asked by `/api/chat`.

pub mod request;
pub mod response;
pub mod stream;
