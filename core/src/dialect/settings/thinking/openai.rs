//! Chat completions and Responses: an effort, and the names that compatible servers have for a
//! budget.

use super::effort;
use crate::dialect::anthropic::generation::Generation;
use crate::dialect::openai::chat::request::reasoning::MEMBERS;
use crate::json::patch::Patch;

/// Switches for templates of vLLM; others stand beside them.
const SWITCHES: [&str; 2] = ["enable_thinking", "thinking"];
const TEMPLATE: &str = "chat_template_kwargs";

/// Removes what says how much to think.
pub(super) fn remove(patch: &mut Patch<'_>) {
    patch.remove(|name| MEMBERS.contains(&name) && name != TEMPLATE);
    if has_switch(patch) {
        patch.within(
            |name| name == TEMPLATE,
            |template| template.remove(|name| SWITCHES.contains(&name)),
        );
    }
}

/// Sets a budget in every member that says how much to think, or where there is none in that
/// which the model is known to have.
pub(super) fn set(budget: u64, model: &str, patch: &mut Patch<'_>) {
    let tokens = budget.to_string();
    let on: &[u8] = if budget > 0 { b"true" } else { b"false" };
    let mut is_told = patch.within(
        |name| name == "thinking",
        |thinking| {
            thinking.set("type", if budget > 0 { b"\"enabled\"" } else { b"\"disabled\"" });
            set_or_remove("budget_tokens", &tokens, budget, thinking);
        },
    );
    is_told |= patch.within(
        |name| name == "reasoning",
        |reasoning| {
            reasoning.remove(|name| name == "effort");
            reasoning.set("enabled", on);
            set_or_remove("max_tokens", &tokens, budget, reasoning);
        },
    );
    if has_switch(patch) {
        is_told |= patch.within(
            |name| name == TEMPLATE,
            |template| {
                for switch in SWITCHES {
                    if template.get(switch).is_some() {
                        template.set(switch, on);
                    }
                }
            },
        );
    }
    if ["enable_thinking", "thinking_budget"].iter().any(|name| patch.get(name).is_some()) {
        is_told = true;
        patch.set("enable_thinking", on);
        set_or_remove("thinking_budget", &tokens, budget, patch);
    }
    if patch.get("reasoning_effort").is_some() || (!is_told && has_efforts(model)) {
        match effort(budget).or_else(|| least(model)) {
            Some(effort) => patch.set("reasoning_effort", quoted(effort).as_bytes()),
            None => patch.remove(|name| name == "reasoning_effort"),
        }
    } else if !is_told && Generation::of(model).thinks() && budget > 0 {
        let thinking = format!("{{\"type\":\"enabled\",\"budget_tokens\":{budget}}}");
        patch.set("thinking", thinking.as_bytes());
    }
}

/// Sets the effort of a request for Responses.
pub(super) fn set_reasoning(budget: u64, model: &str, patch: &mut Patch<'_>) {
    if patch.get("reasoning").is_none() && !has_efforts(model) {
        return;
    }
    let effort = effort(budget).or_else(|| least(model)).map(quoted);
    let is_there = patch.within(
        |name| name == "reasoning",
        |reasoning| match &effort {
            Some(effort) => reasoning.set("effort", effort.as_bytes()),
            None => reasoning.remove(|name| name == "effort"),
        },
    );
    if let Some(effort) = effort.filter(|_| !is_there) {
        patch.set("reasoning", format!("{{\"effort\":{effort}}}").as_bytes());
    }
}

/// Tells whether a model is known to take an effort.
fn has_efforts(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let thinks = ["o1", "o3", "o4-mini", "gpt-5", "gpt-oss", "gemini-2.5", "gemini-3"];
    let not = ["o1-mini", "o1-preview", "gpt-5-chat", "gpt-5-pro"];
    let is = |known: &&str| {
        let rest = name.strip_prefix(*known);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    };
    let paints = name.contains("image") || name.contains("tts");
    thinks.iter().any(is) && !not.iter().any(is) && !paints
}

/// Returns the least that a model can think, where the request must say so. `None`: it thinks
/// unasked no more than that.
fn least(model: &str) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model);
    if !has_efforts(name) {
        return None;
    }
    Some(match name.strip_prefix("gpt-5") {
        Some(version) if version.starts_with('.') => "none",
        Some(_) => "minimal",
        None if name.starts_with("gemini-2.5-flash") => "none",
        None => "low",
    })
}

fn has_switch(patch: &Patch<'_>) -> bool {
    let template = patch.get(TEMPLATE);
    template.is_some_and(|it| it.members().any(|(name, _)| SWITCHES.contains(&&*name)))
}

fn set_or_remove(name: &str, tokens: &str, budget: u64, patch: &mut Patch<'_>) {
    if budget > 0 {
        patch.set(name, tokens.as_bytes());
    } else {
        patch.remove(|other| other == name);
    }
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_who_thinks_and_how_little() {
        let cases = [
            ("o1", true, Some("low")),
            ("o3-mini-2025-01-31", true, Some("low")),
            ("openai/gpt-5", true, Some("minimal")),
            ("gpt-5.2", true, Some("none")),
            ("gpt-oss:20b", true, Some("low")),
            ("gemini-2.5-flash", true, Some("none")),
            ("gemini-3-pro-preview", true, Some("low")),
            ("gemini-2.5-flash-image", false, None),
            ("gpt-5-chat-latest", false, None),
            ("o1-mini", false, None),
            ("gpt-4o", false, None),
            ("gpt-50", false, None),
            ("claude-3-5-sonnet", false, None),
        ];
        for (model, thinks, fewest) in cases {
            assert_eq!((has_efforts(model), least(model)), (thinks, fewest), "{model}");
        }
    }
}
