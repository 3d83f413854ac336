//! Usage as Responses report it.

use crate::dialect::chat::answer::Usage;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::usage;

/// Reads a `usage` object. `None` when it tells nothing.
pub fn read(node: Node<'_>) -> Option<Usage> {
    let tokens = usage::parse(node.raw())?;
    Some(Usage { tokens, ..Usage::default() })
}

/// Writes a `usage` object, all of whose members official SDKs expect.
pub fn write(usage: &Usage, it: &mut Writer) {
    let tokens = &usage.tokens;
    let total =
        if tokens.total == 0 { tokens.input.saturating_add(tokens.output) } else { tokens.total };
    it.object(|it| {
        it.key("input_tokens").number(tokens.input);
        it.key("input_tokens_details").object(|it| {
            it.key("cached_tokens").number(tokens.cached_input);
            it.key("cache_write_tokens").number(tokens.cache_write);
        });
        it.key("output_tokens").number(tokens.output);
        it.key("output_tokens_details").object(|it| {
            it.key("reasoning_tokens").number(tokens.reasoning);
        });
        it.key("total_tokens").number(total);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::TokenUsage;

    #[test]
    fn every_class_it_knows_comes_back() {
        let tokens = TokenUsage {
            input: 9,
            output: 7,
            total: 16,
            cached_input: 4,
            cache_write: 2,
            reasoning: 3,
            ..TokenUsage::default()
        };
        let usage = Usage { tokens, ..Usage::default() };
        let mut writer = Writer::default();
        write(&usage, &mut writer);

        assert_eq!(read(Node::trusted(&writer.into_bytes())), Some(usage));
        assert_eq!(read(Node::trusted(b"null")), None);
    }
}
