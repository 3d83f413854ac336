//! Anthropic's Messages.

use tollgate_core::dialect::chat::Towards;
use tollgate_core::dialect::chat::answer::ReplyTo;

mod files;
mod properties;
mod recorded;
mod shown;

/// Any server that speaks the dialect: no model of a name that says what it accepts.
const TOWARDS: Towards<'static> = Towards {
    model: "their-model",
    max_output_tokens: None,
    completion_tokens_cap: false,
    stream_usage: false,
};

fn reply_to() -> ReplyTo {
    ReplyTo {
        model: "our-model".to_owned(),
        id: "0123abcd".to_owned(),
        created: 1_700_000_000,
        stream_usage: true,
        input_tokens: 9,
        ..ReplyTo::default()
    }
}
