//! `countTokens` (<https://ai.google.dev/api/tokens>).

use super::member::find;
use super::request;
use crate::dialect::chat::{Conversation, Dropped, Towards};
use crate::dialect::checked;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads a question: a conversation's members, or a whole request inside of it.
///
/// # Errors
/// As of [`request::read`].
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let body = checked::body(body)?;
    request::conversation(find(body, "generateContentRequest").unwrap_or(body))
}

/// Writes a question for a provider.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let request = request::write(conversation, towards, dropped);
    let mut out = Writer::default();
    out.object(|out| {
        out.key("generateContentRequest").object(|out| {
            out.key("model").string(&format!("models/{}", towards.model));
            for (name, value) in Node::trusted(&request).members() {
                out.key(&name).node(value);
            }
        });
    });
    out.into_bytes()
}

/// Reads how many tokens a provider counted.
pub fn read_answer(body: &[u8]) -> Option<u64> {
    find(Node::object(body).ok()?, "totalTokens")?.u64()
}

/// Writes how many tokens there are.
pub fn write_answer(tokens: u64) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("totalTokens").number(tokens);
        out.key("promptTokensDetails").array(|out| {
            out.object(|out| {
                out.key("modality").string("TEXT");
                out.key("tokenCount").number(tokens);
            });
        });
    });
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_question_in_both_forms() {
        let contents = r#""contents":[{"parts":[{"text":"Hi"}]}]"#;
        let bare = format!("{{{contents}}}");
        let nested = format!(r#"{{"generateContentRequest":{{"model":"models/m",{contents}}}}}"#);

        let (bare, nested) = (read(bare.as_bytes()).unwrap(), read(nested.as_bytes()).unwrap());

        assert_eq!(bare.messages, nested.messages);
        assert_eq!(nested.model, "m");
        let towards = Towards {
            model: "gemini-2.5-pro",
            max_output_tokens: None,
            completion_tokens_cap: false,
            stream_usage: false,
        };
        let written = write(&bare, towards, &mut Dropped::default());
        assert_eq!(read(&written).unwrap().messages, bare.messages);
    }

    #[test]
    fn reads_the_count_it_writes() {
        assert_eq!(read_answer(&write_answer(12)), Some(12));
        assert_eq!(read_answer(b"{}"), None);
    }
}
