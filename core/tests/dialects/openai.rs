//! OpenAI's chat completions.

use tollgate_core::dialect::chat::answer::ReplyTo;

mod damage;
mod request;
mod response;
mod shown;
mod stream;

fn reply_to() -> ReplyTo {
    ReplyTo {
        model: "our-model".to_owned(),
        id: "0123abcd".to_owned(),
        created: 1_700_000_000,
        stream_usage: true,
        ..ReplyTo::default()
    }
}
