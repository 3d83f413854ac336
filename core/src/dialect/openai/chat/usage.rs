//! What an answer took, as chat completions and legacy completions say it.

use crate::dialect::chat::answer::Usage;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::usage::parse;

/// Reads a `usage` object. `None` when it counts nothing.
pub fn read(usage: Node<'_>) -> Option<Usage> {
    parse(usage.raw()).map(|tokens| Usage { tokens, ..Usage::default() })
}

/// Writes a `usage` object.
pub fn write(it: &mut Writer, usage: &Usage) {
    let tokens = &usage.tokens;
    it.object(|it| {
        it.key("prompt_tokens").number(tokens.input);
        it.key("completion_tokens").number(tokens.output);
        it.key("total_tokens").number(tokens.total);
        it.key("prompt_tokens_details").object(|it| {
            it.key("cached_tokens").number(tokens.cached_input);
            it.key("audio_tokens").number(tokens.audio_input);
            if tokens.cache_write > 0 {
                // The name that OpenRouter has for it.
                it.key("cache_write_tokens").number(tokens.cache_write);
            }
        });
        it.key("completion_tokens_details").object(|it| {
            it.key("reasoning_tokens").number(tokens.reasoning);
            it.key("audio_tokens").number(tokens.audio_output);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_comes_back() {
        let written = br#"{"prompt_tokens":48,"completion_tokens":14,"total_tokens":62,"prompt_tokens_details":{"cached_tokens":40,"audio_tokens":1,"cache_write_tokens":5},"completion_tokens_details":{"reasoning_tokens":7,"audio_tokens":2}}"#;

        let usage = read(Node::trusted(written)).unwrap();
        let mut writer = Writer::default();
        write(&mut writer, &usage);

        assert_eq!(writer.into_bytes(), written);
    }
}
