//! `think`: yes, no, or a level for the models that know them.

use super::effort;
use crate::json::patch::Patch;

/// Sets a budget, of which Ollama knows whether there is any.
pub(super) fn set(budget: u64, model: &str, patch: &mut Patch<'_>) {
    if patch.get("think").is_none() && !thinks(model) {
        return;
    }
    let has_levels = model.contains("gpt-oss");
    match effort(budget) {
        // It cannot be told to stop.
        None if has_levels => patch.set("think", b"\"low\""),
        None => patch.set("think", b"false"),
        Some(effort) if has_levels => patch.set("think", format!("\"{effort}\"").as_bytes()),
        Some(_) => patch.set("think", b"true"),
    }
}

/// Tells whether a model is known to think; others refuse to be asked.
fn thinks(model: &str) -> bool {
    let known = ["gpt-oss", "deepseek-r1", "deepseek-v3.1", "magistral", "thinking"];
    let qwen = model.contains("qwen3") && !model.contains("instruct") && !model.contains("coder");
    // Its later models that only see or embed do not think.
    let other = ["-vl", "embedding", "reranker"].iter().any(|kind| model.contains(kind));
    known.iter().any(|known| model.contains(known)) || (qwen && !other)
}
