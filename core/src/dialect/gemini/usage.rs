//! `usageMetadata`: its `candidatesTokenCount` leaves out what was thought, and its
//! `promptTokenCount` what tools of the provider added.

use super::member::{camel, each, find, set};
use crate::dialect::chat::answer::Usage;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::price::TokenUsage;

/// Reads the object. `None` when it names no count of tokens.
pub fn read(node: Node<'_>) -> Option<Usage> {
    let (mut prompt, mut candidates, mut total) = (None, None, None);
    let mut usage = Usage::default();
    let tokens = &mut usage.tokens;
    for (key, value) in set(node) {
        match &*camel(&key) {
            "promptTokenCount" => prompt = value.u64(),
            "candidatesTokenCount" => candidates = value.u64(),
            "totalTokenCount" => total = value.u64(),
            "thoughtsTokenCount" => tokens.reasoning = value.u64().unwrap_or(0),
            "cachedContentTokenCount" => tokens.cached_input = value.u64().unwrap_or(0),
            "toolUsePromptTokenCount" => usage.tool_input = value.u64().unwrap_or(0),
            "promptTokensDetails" | "promptTokenDetails" | "toolUsePromptTokensDetails" => {
                tokens.audio_input = tokens.audio_input.saturating_add(audio(value));
            }
            "candidatesTokensDetails" => tokens.audio_output = audio(value),
            _ => {}
        }
    }
    prompt.or(candidates).or(total)?;
    tokens.input = prompt.unwrap_or(0).saturating_add(usage.tool_input);
    tokens.output = candidates.unwrap_or(0).saturating_add(tokens.reasoning);
    tokens.total = total.unwrap_or(tokens.input.saturating_add(tokens.output));
    Some(usage)
}

/// Writes the object.
pub fn write(usage: &Usage, out: &mut Writer) {
    let TokenUsage { input, output, total, cached_input, reasoning, .. } = usage.tokens;
    let prompt = input.saturating_sub(usage.tool_input);
    out.object(|out| {
        out.key("promptTokenCount").number(prompt);
        out.key("candidatesTokenCount").number(output.saturating_sub(reasoning));
        out.key("totalTokenCount").number(total);
        for (name, count) in [
            ("cachedContentTokenCount", cached_input),
            ("toolUsePromptTokenCount", usage.tool_input),
            ("thoughtsTokenCount", reasoning),
        ] {
            if count > 0 {
                out.key(name).number(count);
            }
        }
        for (name, count) in [
            ("promptTokensDetails", usage.tokens.audio_input),
            ("candidatesTokensDetails", usage.tokens.audio_output),
        ] {
            if count > 0 {
                out.key(name).array(|out| {
                    out.object(|out| {
                        out.key("modality").string("AUDIO");
                        out.key("tokenCount").number(count);
                    });
                });
            }
        }
    });
}

/// Adds up the tokens of sound among those of several modalities.
fn audio(details: Node<'_>) -> u64 {
    let counts = each(details).filter_map(|detail| {
        let modality = find(detail, "modality")?.string()?;
        if modality == "AUDIO" { find(detail, "tokenCount")?.u64() } else { None }
    });
    counts.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[u8] = br#"{"promptTokenCount":100,"candidatesTokenCount":20,
        "totalTokenCount":177,"cachedContentTokenCount":60,"toolUsePromptTokenCount":50,
        "thoughtsTokenCount":7,"promptTokensDetails":[{"modality":"TEXT","tokenCount":90},
        {"modality":"AUDIO","tokenCount":10}],
        "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}"#;

    #[test]
    fn adds_what_gemini_counts_apart() {
        let usage = read(Node::trusted(FULL)).unwrap();

        let tokens = TokenUsage {
            input: 150,
            output: 27,
            total: 177,
            cached_input: 60,
            cache_write: 0,
            reasoning: 7,
            audio_input: 10,
            audio_output: 3,
        };
        assert_eq!(usage, Usage { tokens, cache_write_1h: 0, tool_input: 50 });
    }

    #[test]
    fn writes_what_it_reads() {
        let usage = read(Node::trusted(FULL)).unwrap();
        let mut out = Writer::default();
        write(&usage, &mut out);

        assert_eq!(read(Node::trusted(&out.into_bytes())), Some(usage));
    }

    #[test]
    fn no_count_is_no_usage() {
        assert_eq!(read(Node::trusted(br#"{"trafficType":"ON_DEMAND"}"#)), None);
        assert_eq!(read(Node::trusted(b"null")), None);
    }
}
