//! Usage as Anthropic reports it: `input_tokens` are those that no cache had a part in, and what
//! was thought is part of `output_tokens`.

use crate::dialect::chat::answer::Usage;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::price::TokenUsage;

/// Members of a `usage` object that are read here.
pub(super) const COUNTS: &[&str] = &[
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens",
    "output_tokens_details",
];

/// Counts as they were reported. In a stream, later reports name only what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
    output: u64,
    thinking: u64,
}

impl Counts {
    /// Takes a `usage` object; counts that it does not name stay. Tells whether it named any.
    pub fn take(&mut self, usage: Node<'_>) -> bool {
        let mut named = false;
        for (name, value) in usage.members() {
            let place = match &*name {
                "input_tokens" => &mut self.input,
                "cache_read_input_tokens" => &mut self.cache_read,
                "cache_creation_input_tokens" => &mut self.cache_write,
                "output_tokens" => &mut self.output,
                "cache_creation" => {
                    set(&mut self.cache_write_1h, value.get("ephemeral_1h_input_tokens"));
                    continue;
                }
                "output_tokens_details" => {
                    set(&mut self.thinking, value.get("thinking_tokens"));
                    continue;
                }
                _ => continue,
            };
            named |= set(place, Some(value));
        }
        named
    }

    /// Returns them in neutral terms.
    pub fn usage(self) -> Usage {
        let input = self.input.saturating_add(self.cache_read).saturating_add(self.cache_write);
        let tokens = TokenUsage {
            input,
            output: self.output,
            total: input.saturating_add(self.output),
            cached_input: self.cache_read,
            cache_write: self.cache_write,
            reasoning: self.thinking,
            audio_input: 0,
            audio_output: 0,
        };
        Usage { tokens, cache_write_1h: self.cache_write_1h, tool_input: 0 }
    }
}

/// Reads a `usage` object. `None` when it names no count.
pub fn read(usage: Node<'_>) -> Option<Usage> {
    let mut counts = Counts::default();
    counts.take(usage).then(|| counts.usage())
}

/// Writes the counts of a `usage` object, into which other members may follow.
pub fn write_members(usage: &Usage, writer: &mut Writer) {
    let tokens = &usage.tokens;
    // Some providers count the same tokens as read from the cache and as written to it.
    let read = tokens.cached_input.min(tokens.input);
    let written = tokens.cache_write.min(tokens.input.saturating_sub(read));
    let rest = tokens.input.saturating_sub(read).saturating_sub(written);
    writer.key("input_tokens").number(rest);
    writer.key("cache_creation_input_tokens").number(written);
    writer.key("cache_read_input_tokens").number(read);
    writer.key("output_tokens").number(tokens.output);
    if usage.cache_write_1h > 0 {
        writer.key("cache_creation").object(|it| {
            let short = written.saturating_sub(usage.cache_write_1h);
            it.key("ephemeral_5m_input_tokens").number(short);
            it.key("ephemeral_1h_input_tokens").number(usage.cache_write_1h);
        });
    }
    if tokens.reasoning > 0 {
        writer.key("output_tokens_details").object(|it| {
            it.key("thinking_tokens").number(tokens.reasoning);
        });
    }
}

fn set(place: &mut u64, value: Option<Node<'_>>) -> bool {
    let count = value.and_then(Node::u64);
    if let Some(count) = count {
        *place = count;
    }
    count.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHED: &[u8] = br#"{"input_tokens":3,"cache_creation_input_tokens":40,
        "cache_read_input_tokens":500,"output_tokens":60,
        "cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":10},
        "output_tokens_details":{"thinking_tokens":7},"service_tier":"standard"}"#;

    #[test]
    fn input_includes_both_caches() {
        let usage = read(Node::trusted(CACHED)).unwrap();

        let tokens = usage.tokens;
        assert_eq!((tokens.input, tokens.output, tokens.total), (543, 60, 603));
        assert_eq!((tokens.cached_input, tokens.cache_write, tokens.reasoning), (500, 40, 7));
        assert_eq!(usage.cache_write_1h, 10);
    }

    #[test]
    fn comes_back_the_same() {
        let usage = read(Node::trusted(CACHED)).unwrap();
        let mut writer = Writer::default();
        writer.object(|it| write_members(&usage, it));

        assert_eq!(read(Node::trusted(&writer.into_bytes())), Some(usage));
    }

    #[test]
    fn later_reports_replace_what_they_name() {
        let mut counts = Counts::default();
        counts.take(Node::trusted(CACHED));
        assert!(counts.take(Node::trusted(br#"{"output_tokens":61,"input_tokens":null}"#)));

        let tokens = counts.usage().tokens;
        assert_eq!((tokens.input, tokens.output), (543, 61));
        assert_eq!(read(Node::trusted(b"{}")), None);
        assert_eq!(read(Node::trusted(b"null")), None);
    }
}
