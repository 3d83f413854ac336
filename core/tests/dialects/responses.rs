//! OpenAI's Responses.

use tollgate_core::dialect::chat::Towards;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::responses::stream::{Reader, Writer};

use crate::shown;

mod across;
mod files;
mod hostile;
mod recorded;
mod sealed;
mod well_formed;
mod written;

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
        custom_tools: vec!["apply_patch".to_owned()],
    }
}

fn replay(stream: &[u8], size: usize) -> (Vec<String>, String) {
    shown::replay(&mut Reader::default(), &mut Writer::new(reply_to()), stream, size)
}
