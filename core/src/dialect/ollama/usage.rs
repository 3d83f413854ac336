//! Usage: `prompt_eval_count` and `eval_count`, thoughts among the latter.

use crate::dialect::chat::answer::Usage;
use crate::json::write::Writer;
use crate::price::TokenUsage;

/// Returns what an answer took. `None` when it says neither. A prompt that was cached whole is not
/// counted by older servers.
pub fn read(prompt: Option<u64>, answer: Option<u64>) -> Option<Usage> {
    prompt.or(answer)?;
    let (input, output) = (prompt.unwrap_or(0), answer.unwrap_or(0));
    let total = input.saturating_add(output);
    let tokens = TokenUsage { input, output, total, ..TokenUsage::default() };
    Some(Usage { tokens, ..Usage::default() })
}

/// Writes counts and durations. The latter are not known here; clients divide by them, so that
/// they are not zero.
pub fn write_members(usage: &Usage, writer: &mut Writer) {
    writer.key("total_duration").number(1);
    writer.key("load_duration").number(0);
    writer.key("prompt_eval_count").number(usage.tokens.input);
    writer.key("prompt_eval_duration").number(1);
    writer.key("eval_count").number(usage.tokens.output);
    writer.key("eval_duration").number(1);
}
