//! `generationConfig.thinkingConfig`.

use super::fitted;
use crate::dialect::gemini::member::{camel, find};
use crate::dialect::gemini::request::thinking::member;
use crate::json::node::Node;
use crate::json::patch::Patch;

/// Removes what says how much to think.
pub(super) fn remove(patch: &mut Patch<'_>) {
    if config(patch).and_then(|config| find(config, "thinkingConfig")).is_some() {
        patch.within(is_config, |config| config.remove(is_thinking));
    }
}

/// Sets a budget, or the level that stands for it.
pub(super) fn set(budget: u64, model: &str, patch: &mut Patch<'_>) {
    let config = config(patch);
    let wish = config.and_then(|config| find(config, "thinkingConfig"));
    let is_known = model.contains("gemini-") && !model.contains("image") && !model.contains("tts");
    if wish.is_none() && !is_known {
        return;
    }
    let cap = config.and_then(|config| find(config, "maxOutputTokens")).and_then(Node::u64);
    let Some((name, value)) = member(fitted(budget, cap), model) else { return remove(patch) };
    let whole = format!("{{\"{name}\":{value}}}");
    let set = |config: &mut Patch<'_>| {
        let is_there = config.within(is_thinking, |thinking| {
            thinking.remove(|other| matches!(&*camel(other), "thinkingBudget" | "thinkingLevel"));
            thinking.set(name, value.as_bytes());
        });
        if !is_there {
            config.remove(is_thinking);
            config.set("thinkingConfig", whole.as_bytes());
        }
    };
    if !patch.within(is_config, set) {
        patch.remove(is_config);
        patch.set("generationConfig", format!("{{\"thinkingConfig\":{whole}}}").as_bytes());
    }
}

fn config<'a>(patch: &Patch<'a>) -> Option<Node<'a>> {
    patch.find(is_config)
}

fn is_config(name: &str) -> bool {
    camel(name) == "generationConfig"
}

fn is_thinking(name: &str) -> bool {
    camel(name) == "thinkingConfig"
}
