//! Requests for completions, as clients write them.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Message, Part, Role};
use crate::dialect::checked;
use crate::dialect::openai::chat::request::{common, sampling};
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

/// Longest answer when the client does not say
/// (<https://platform.openai.com/docs/api-reference/completions/create>).
const MAX_TOKENS: u64 = 16;

/// Reads the body of a request.
///
/// # Errors
/// When it is no JSON object, what OpenAI answers with 400, or a prompt that no other dialect can
/// say: several, or tokens.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let mut conversation = Conversation::of(Dialect::Completions);
    let (mut prompt, mut best_of) = (None, None);
    for (name, value) in checked::body(body)?.members() {
        if value.is_null()
            || common(&mut conversation, &name, value)?
            || sampling(&mut conversation.sampling, &name, value)?
        {
            continue;
        }
        match &*name {
            "prompt" => prompt = Some(read_prompt(value)?),
            "logprobs" => read_logprobs(&mut conversation, value)?,
            "best_of" => best_of = Some(value),
            // What asks for nothing is not left out.
            "echo" if value.bool() == Some(false) => {}
            "suffix" if value.text().is_some_and(|suffix| suffix.is_empty()) => {}
            _ => conversation.extras.push((name, value)),
        }
    }
    if conversation.model.is_empty() {
        return Err(Refusal::MissingField("model"));
    }
    // As many as are wanted is no choice among more.
    let wanted = conversation.sampling.n.unwrap_or(1);
    if let Some(best_of) = best_of.filter(|best_of| best_of.u64().is_none_or(|of| of > wanted)) {
        conversation.extras.push(("best_of".into(), best_of));
    }
    conversation.max_tokens = conversation.max_tokens.or(Some(MAX_TOKENS));
    let prompt = prompt.ok_or(Refusal::MissingField("prompt"))?;
    conversation.messages.push(Message::new(Role::User, vec![Part::text(prompt)]));
    Ok(conversation)
}

fn read_prompt(prompt: Node<'_>) -> Result<Text<'_>, Refusal> {
    let wrong = Refusal::InvalidField { field: "prompt", expected: "one string" };
    if let Some(text) = prompt.text() {
        return Ok(text);
    }
    let mut items = prompt.items();
    match (items.next().and_then(Node::text), items.next()) {
        (Some(text), None) => Ok(text),
        _ => Err(wrong),
    }
}

/// Reads of how many tokens it is to be told how likely they were; of none but the chosen if 0.
fn read_logprobs(conversation: &mut Conversation<'_>, value: Node<'_>) -> Result<(), Refusal> {
    let wrong = Refusal::InvalidField { field: "logprobs", expected: "a whole number" };
    let others = value.u64().ok_or(wrong)?;
    conversation.sampling.logprobs = Some(true);
    conversation.sampling.top_logprobs = Some(others).filter(|others| *others > 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_prompts_that_only_openai_understands() {
        for prompt in ["[1,2]", "[[1,2]]", r#"["a","b"]"#, "[]", "7", "{}"] {
            let body = format!(r#"{{"model":"m","prompt":{prompt}}}"#);
            let refused = Refusal::InvalidField { field: "prompt", expected: "one string" };
            assert_eq!(read(body.as_bytes()), Err(refused), "{prompt}");
        }
        assert_eq!(read(br#"{"model":"m"}"#), Err(Refusal::MissingField("prompt")));
        assert_eq!(read(br#"{"prompt":"x"}"#), Err(Refusal::MissingField("model")));
    }

    #[test]
    fn what_asks_for_nothing_is_not_kept() {
        let body = br#"{"model":"m","prompt":["x"],"echo":false,"suffix":"","best_of":2,"n":2}"#;
        let conversation = read(body).unwrap();

        assert!(conversation.extras.is_empty());
        assert_eq!(conversation.max_tokens, Some(16));
    }
}
