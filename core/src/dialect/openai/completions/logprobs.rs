//! How likely tokens were, in the form of legacy completions.

use crate::json::node::Node;
use crate::json::write::Writer;

/// Writes what chat completions call `logprobs` in the older form. `offset` counts the characters
/// before these tokens.
pub(super) fn write(it: &mut Writer, logprobs: &[u8], offset: &mut u64) {
    let Some(content) = Node::trusted(logprobs).get("content") else { return it.null() };
    let tokens: Vec<_> = content.items().map(Token::of).collect();
    it.object(|it| {
        it.key("text_offset").array(|it| {
            for token in &tokens {
                it.number(*offset);
                let text = token.text.and_then(Node::string).unwrap_or_default();
                *offset += u64::try_from(text.chars().count()).unwrap_or(0);
            }
        });
        it.key("token_logprobs").array(|it| {
            for token in &tokens {
                node(it, token.logprob);
            }
        });
        it.key("tokens").array(|it| {
            for token in &tokens {
                node(it, token.text);
            }
        });
        it.key("top_logprobs").array(|it| {
            for token in &tokens {
                it.object(|it| others(it, token.others));
            }
        });
    });
}

struct Token<'a> {
    text: Option<Node<'a>>,
    logprob: Option<Node<'a>>,
    others: Option<Node<'a>>,
}

impl<'a> Token<'a> {
    fn of(node: Node<'a>) -> Self {
        let mut token = Self { text: None, logprob: None, others: None };
        for (name, value) in node.members() {
            match &*name {
                "token" => token.text = Some(value).filter(|text| text.text().is_some()),
                "logprob" => token.logprob = Some(value),
                "top_logprobs" => token.others = Some(value),
                _ => {}
            }
        }
        token
    }
}

fn node(it: &mut Writer, node: Option<Node<'_>>) {
    match node {
        Some(node) => it.node(node),
        None => it.null(),
    }
}

fn others(it: &mut Writer, others: Option<Node<'_>>) {
    for other in others.iter().flat_map(|others| others.items()) {
        let token = Token::of(other);
        if let (Some(text), Some(logprob)) = (token.text.and_then(Node::string), token.logprob) {
            it.key(&text).node(logprob);
        }
    }
}
