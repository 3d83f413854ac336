//! Answers of `generateContent`.

use super::member::{camel, each, find, set};
use super::{candidate, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Answer, Choice, Finish, FinishReason, ReplyTo};
use crate::dialect::chat::{Extras, Part, PartKind};
use crate::json::node::{Node, Text};
use crate::json::scan::Malformed;
use crate::json::write::Writer;

/// Reads an answer.
///
/// # Errors
/// When it is not an object.
pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut answer = Answer::of(Dialect::Gemini);
    let mut feedback = None;
    for (key, value) in set(Node::object(body)?) {
        match &*camel(&key) {
            "candidates" => {
                for (at, candidate) in each(value).enumerate() {
                    answer.choices.push(candidate::read(candidate, at, &mut answer.extras));
                }
            }
            "usageMetadata" => {
                answer.usage = usage::read(value);
                answer.service_tier = find(value, "serviceTier").and_then(Node::text);
            }
            "modelVersion" => answer.model = value.text(),
            "responseId" => answer.id = value.text(),
            name => {
                if name == FEEDBACK {
                    feedback = Some(value);
                }
                answer.extras.push((name.to_owned().into(), value));
            }
        }
    }
    if answer.choices.is_empty()
        && let Some(message) = feedback.and_then(blocked)
    {
        let words = Some(message).filter(|words| !words.is_empty());
        let parts = words.map(|words| Part::new(PartKind::Refusal(words)));
        let finish = Some(Finish { reason: FinishReason::ContentFilter, stop_sequence: None });
        let parts = parts.into_iter().collect();
        answer.choices.push(Choice { parts, finish, logprobs: None });
    }
    Ok(answer)
}

/// Writes an answer.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let own = Some(&answer.extras).filter(|_| answer.origin == Dialect::Gemini);
    let is_blocked = own.and_then(feedback_in).and_then(blocked).is_some();
    let mut out = Writer::default();
    out.object(|out| {
        if !is_blocked {
            out.key("candidates").array(|out| {
                for (at, choice) in answer.choices.iter().enumerate() {
                    candidate::write(choice, at, own, out);
                }
            });
        }
        if let Some(usage) = &answer.usage {
            out.key("usageMetadata");
            usage::write(usage, out);
        }
        out.key("modelVersion").string(&to.model);
        out.key("responseId");
        match &answer.id {
            Some(id) => out.text(id),
            None => out.string(&to.id),
        }
        let own = own.into_iter().flatten();
        for (name, value) in own.filter(|(name, _)| !name.starts_with(candidate::PLACE)) {
            out.key(name).node(*value);
        }
    });
    out.into_bytes()
}

/// Tells whether feedback on a prompt says that it was blocked, and in which words, if any.
pub(super) fn blocked(feedback: Node<'_>) -> Option<Text<'_>> {
    find(feedback, "blockReason")?;
    Some(find(feedback, "blockReasonMessage").and_then(Node::text).unwrap_or_default())
}

fn feedback_in<'a>(extras: &Extras<'a>) -> Option<Node<'a>> {
    extras.iter().find(|(name, _)| name == FEEDBACK).map(|(_, value)| *value)
}

/// Where Gemini says what it thinks of a prompt.
pub(super) const FEEDBACK: &str = "promptFeedback";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn to() -> ReplyTo {
        let (model, id) = ("gpt".to_owned(), "00ff".to_owned());
        ReplyTo { model, id, ..ReplyTo::default() }
    }

    fn rewritten(body: &str) -> Value {
        serde_json::from_slice(&write(&read(body.as_bytes()).unwrap(), &to())).unwrap()
    }

    #[test]
    fn a_blocked_prompt_is_an_answer_that_a_filter_ended() {
        let body = r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"No."}}"#;

        let answer = read(body.as_bytes()).unwrap();

        let finish = answer.choices[0].finish.as_ref().unwrap();
        assert_eq!(finish.reason, FinishReason::ContentFilter);
        assert_eq!(answer.choices[0].parts[0].kind, PartKind::Refusal(Text::of("No.")));
        let written = rewritten(body);
        assert_eq!(written["promptFeedback"]["blockReason"], "SAFETY");
        assert_eq!(written.get("candidates"), None);
    }

    #[test]
    fn what_only_gemini_knows_comes_back() {
        let body = r#"{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"AA=="},
            {"executableCode":{"code":"1","language":"PYTHON"}}],"role":"model"},
            "finishReason":"LANGUAGE","finishMessage":"m","groundingMetadata":{"x":[1]},"index":0}],
            "createTime":"t","modelVersion":"gemini-x","responseId":"r"}"#;

        let expected: Value = serde_json::from_str(&body.replace("gemini-x", "gpt")).unwrap();

        assert_eq!(rewritten(body), expected);
    }

    #[test]
    fn an_answer_without_content_still_has_a_part() {
        let written = rewritten(r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#);

        let content = json!({"parts": [{"text": ""}], "role": "model"});
        assert_eq!(written["candidates"][0]["content"], content);
        assert_eq!(written["responseId"], "00ff");
    }
}
