//! `logprobsResult`, to and from the form that OpenAI has for `choices[].logprobs`.

use super::member::{camel, each, find, set};
use crate::json::node::{Node, Number, Text};
use crate::json::write::Writer;

/// Makes OpenAI's form of a result. `None` when no token stands in it.
pub(super) fn read(result: Node<'_>) -> Option<Vec<u8>> {
    let (mut chosen, mut top) = (None, None);
    for (key, value) in set(result) {
        match &*camel(&key) {
            "chosenCandidates" => chosen = Some(value),
            "topCandidates" => top = Some(value),
            _ => {}
        }
    }
    let mut tops = top.into_iter().flat_map(each);
    let mut out = Writer::default();
    out.object(|out| {
        out.key("content").array(|out| {
            for token in chosen.into_iter().flat_map(each) {
                let others = tops.next().and_then(|top| find(top, "candidates"));
                out.object(|out| {
                    openai_token(token, out);
                    out.key("top_logprobs").array(|out| {
                        for other in others.into_iter().flat_map(each) {
                            out.object(|out| openai_token(other, out));
                        }
                    });
                });
            }
        });
        out.key("refusal").null();
    });
    chosen.map(|_| out.into_bytes())
}

fn openai_token(node: Node<'_>, out: &mut Writer) {
    let (token, logprob) = token(node, "token", "logProbability");
    out.key("token").text(&token);
    out.key("logprob");
    probability(logprob, out);
    out.key("bytes").array(|out| token.decoded().bytes().for_each(|byte| out.number(byte)));
}

/// Writes a result out of OpenAI's form.
pub(super) fn write(openai: &[u8], out: &mut Writer) {
    let openai = Node::trusted(openai);
    let tokens = || openai.get("content").into_iter().flat_map(each);
    out.object(|out| {
        out.key("chosenCandidates").array(|out| {
            tokens().for_each(|token| gemini_token(token, out));
        });
        out.key("topCandidates").array(|out| {
            for one in tokens() {
                out.object(|out| {
                    out.key("candidates").array(|out| {
                        let others = one.get("top_logprobs").into_iter().flat_map(each);
                        others.for_each(|other| gemini_token(other, out));
                    });
                });
            }
        });
    });
}

fn gemini_token(node: Node<'_>, out: &mut Writer) {
    let (token, logprob) = token(node, "token", "logprob");
    out.object(|out| {
        out.key("token").text(&token);
        out.key("logProbability");
        probability(logprob, out);
    });
}

fn token<'a>(node: Node<'a>, name: &str, logprob: &str) -> (Text<'a>, Option<Number<'a>>) {
    let text = find(node, name).and_then(Node::text).unwrap_or_default();
    (text, find(node, logprob).and_then(Node::number))
}

/// Writes a probability; protobuf leaves out that of certainty.
fn probability(logprob: Option<Number<'_>>, out: &mut Writer) {
    match logprob {
        Some(logprob) => out.digits(logprob),
        None => out.number(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_to_openai_and_back() {
        let gemini = br#"{"chosenCandidates":[{"token":"Hi\n","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"Hi\n","logProbability":-0.5},{"token":"\"","logProbability":-12}]}]}"#;

        let openai = read(Node::trusted(gemini)).unwrap();

        let value: serde_json::Value = serde_json::from_slice(&openai).unwrap();
        assert_eq!(value["content"][0]["bytes"], serde_json::json!([72, 105, 10]));
        assert_eq!(value["content"][0]["top_logprobs"][1]["logprob"], -12);
        let mut out = Writer::default();
        write(&openai, &mut out);
        assert_eq!(out.into_bytes(), gemini);
    }
}
