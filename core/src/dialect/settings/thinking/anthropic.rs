//! `thinking` of Messages, and what may not stand beside it
//! (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>).

use super::{effort, fitted};
use crate::dialect::anthropic::generation::Generation;
use crate::json::node::Node;
use crate::json::patch::Patch;

/// The smallest budget that the API takes.
const LEAST: u64 = 1_024;

/// Removes what says how much to think.
pub(super) fn remove(patch: &mut Patch<'_>) {
    patch.remove(|name| name == "thinking");
    remove_effort(patch);
}

/// Sets a budget.
pub(super) fn set(budget: u64, model: &str, patch: &mut Patch<'_>) {
    let generation = Generation::of(model);
    if patch.get("thinking").is_none() && !generation.thinks() {
        return;
    }
    let least = |budget: u64| budget.max(LEAST);
    let cap = patch.get("max_tokens").and_then(Node::u64);
    if budget == 0 {
        remove(patch);
        if !generation.refuses_budgets() {
            patch.set("thinking", br#"{"type":"disabled"}"#);
        }
    } else if !may_think(patch) {
        remove(patch);
    } else if generation.refuses_budgets() {
        write("adaptive", None, patch);
        set_effort(budget, patch);
        remove_conflicts(patch);
    } else if cap.is_some_and(|cap| cap <= LEAST) {
        // Not even the least leaves room for an answer.
        remove(patch);
    } else {
        write("enabled", Some(least(fitted(least(budget), cap))), patch);
        remove_effort(patch);
        remove_conflicts(patch);
    }
}

/// Writes `thinking`, and keeps what the client says of how it is shown.
fn write(kind: &str, budget: Option<u64>, patch: &mut Patch<'_>) {
    let kind = format!("\"{kind}\"");
    let budget = budget.map(|budget| budget.to_string());
    let is_there = patch.within(
        |name| name == "thinking",
        |thinking| {
            thinking.set("type", kind.as_bytes());
            match &budget {
                Some(budget) => thinking.set("budget_tokens", budget.as_bytes()),
                None => thinking.remove(|name| name == "budget_tokens"),
            }
        },
    );
    if !is_there {
        let budget = budget.map(|budget| format!(",\"budget_tokens\":{budget}"));
        let thinking = format!("{{\"type\":{kind}{}}}", budget.unwrap_or_default());
        patch.set("thinking", thinking.as_bytes());
    }
}

fn set_effort(budget: u64, patch: &mut Patch<'_>) {
    let Some(effort) = effort(budget) else { return };
    let effort = format!("\"{effort}\"");
    let is_there = patch
        .within(|name| name == "output_config", |config| config.set("effort", effort.as_bytes()));
    if !is_there {
        patch.set("output_config", format!("{{\"effort\":{effort}}}").as_bytes());
    }
}

/// Takes the effort out, and what is empty without it.
fn remove_effort(patch: &mut Patch<'_>) {
    let Some(config) = patch.get("output_config") else { return };
    if config.members().all(|(name, _)| name == "effort") {
        patch.remove(|name| name == "output_config");
    } else if config.members().any(|(name, _)| name == "effort") {
        patch.within(
            |name| name == "output_config",
            |config| config.remove(|name| name == "effort"),
        );
    }
}

/// Tells whether the conversation is one in which the API lets a model think: no tool is forced,
/// no answer is begun, and a tool loop that is under way began with thoughts.
fn may_think(patch: &Patch<'_>) -> bool {
    let is = |node: Node<'_>, kinds: &[&str]| {
        node.get("type").and_then(Node::string).is_some_and(|kind| kinds.contains(&&*kind))
    };
    if patch.get("tool_choice").is_some_and(|choice| is(choice, &["any", "tool"])) {
        return false;
    }
    let Some(messages) = patch.get("messages") else { return true };
    let (mut last, mut before) = (None, None);
    for message in messages.items() {
        before = last.replace(message);
    }
    let Some(last) = last else { return true };
    if last.get("role").and_then(Node::string).is_some_and(|role| role == "assistant") {
        return false;
    }
    let answers_tools = blocks(last).any(|block| is(block, &["tool_result"]));
    let first = before.and_then(|message| blocks(message).next());
    !answers_tools || first.is_some_and(|block| is(block, &["thinking", "redacted_thinking"]))
}

fn blocks(message: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    message.get("content").map(Node::items).into_iter().flatten()
}

/// Removes the sampling that is refused while a model thinks: a temperature other than 1, any
/// `top_k`, and a `top_p` below 0.95.
fn remove_conflicts(patch: &mut Patch<'_>) {
    let number = |patch: &Patch<'_>, name: &str| {
        patch.get(name).and_then(Node::number).and_then(crate::json::node::Number::f64)
    };
    if number(patch, "temperature").is_some_and(|temperature| temperature < 1.0) {
        patch.remove(|name| name == "temperature");
    }
    if number(patch, "top_p").is_some_and(|top_p| top_p < 0.95) {
        patch.remove(|name| name == "top_p");
    }
    patch.remove(|name| name == "top_k");
}
