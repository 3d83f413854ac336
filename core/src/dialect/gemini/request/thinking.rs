//! `thinkingConfig`, both ways.
//!
//! Models before Gemini 3 take a budget, newer ones a level; what they accept stands in
//! <https://ai.google.dev/gemini-api/docs/thinking>.

use super::write::Generation;
use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Effort, Field, Reasoning, Towards};
use crate::dialect::gemini::member::{camel, set};
use crate::json::node::Node;
use crate::json::write::Writer;

/// Reads the object. What it says in another way is kept, and left to the provider to judge.
pub(super) fn read<'a>(node: Node<'a>, reasoning: &mut Reasoning<'a>) {
    reasoning.written = Some(node);
    for (key, value) in set(node) {
        match &*camel(&key) {
            "includeThoughts" => reasoning.shown = value.bool(),
            "thinkingBudget" => match value.i64() {
                Some(0) => {
                    reasoning.enabled = Some(false);
                    reasoning.budget = Some(0);
                }
                Some(budget) => match u64::try_from(budget) {
                    Ok(budget) => reasoning.budget = Some(budget),
                    Err(_) => reasoning.adaptive = true,
                },
                None => {}
            },
            "thinkingLevel" => {
                reasoning.effort = value.string().and_then(|name| Effort::named(&name));
                reasoning.effort_name = value.text().filter(|_| reasoning.effort.is_some());
            }
            _ => {}
        }
    }
}

/// Writes the member, if anything is wished for.
pub(super) fn write(
    out: &mut Writer,
    it: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    let reasoning = &it.reasoning;
    if let Some(written) = reasoning.written.filter(|_| it.origin == Dialect::Gemini) {
        out.key("thinkingConfig").node(written);
        return;
    }
    let mut config = Writer::default();
    config.object(|config| amount(config, it, towards, dropped));
    let config = config.into_bytes();
    if config != b"{}" {
        out.key("thinkingConfig").raw(&config);
    }
}

fn amount(out: &mut Writer, it: &Conversation<'_>, towards: Towards<'_>, dropped: &mut Dropped) {
    let reasoning = &it.reasoning;
    let generation = Generation::of(towards.model);
    if generation == Generation::First {
        let asked = reasoning.adaptive || reasoning.as_budget().is_some_and(|budget| budget > 0);
        dropped.note_field(asked, Field::Reasoning, it.origin);
        return;
    }
    if reasoning.shown == Some(true)
        || (reasoning.shown.is_none() && reasoning.enabled == Some(true))
    {
        out.key("includeThoughts").bool(true);
    } else if reasoning.shown == Some(false) && !reasoning.is_unset() {
        out.key("includeThoughts").bool(false);
    }
    let is_off = reasoning.enabled == Some(false) || reasoning.effort == Some(Effort::None);
    if generation == Generation::Third && (is_off || reasoning.budget.is_none()) {
        let effort = if is_off { Some(Effort::None) } else { reasoning.effort };
        if let Some(effort) = effort {
            out.key("thinkingLevel").string(level(effort, towards.model));
        }
        return;
    }
    if is_off {
        let least = if towards.model.contains("pro") { LEAST_OF_PRO } else { 0 };
        out.key("thinkingBudget").number(least);
    } else if reasoning.adaptive && reasoning.budget.is_none() && reasoning.effort.is_none() {
        out.key("thinkingBudget").number(-1);
    } else if let Some(budget) = reasoning.as_budget() {
        let written = bounded(budget, generation, towards.model);
        let changed = written != budget && reasoning.budget.is_some();
        dropped.note_field(changed, Field::Reasoning, it.origin);
        out.key("thinkingBudget").number(written);
    }
}

/// Returns the member of a `thinkingConfig` that tells a model a budget, 0 being none. `None`: it
/// does not think.
pub(in crate::dialect) fn member(budget: u64, model: &str) -> Option<(&'static str, String)> {
    let generation = Generation::of(model);
    let tokens = |tokens: u64| Some(("thinkingBudget", tokens.to_string()));
    match generation {
        Generation::First => None,
        Generation::Third => {
            Some(("thinkingLevel", format!("\"{}\"", level(Effort::of_budget(budget), model))))
        }
        Generation::Second if budget == 0 && !model.contains("pro") => tokens(0),
        Generation::Second | Generation::Other => tokens(bounded(budget, generation, model)),
    }
}

/// Names a level. None of these models stops thinking; only the smaller ones do with the least.
fn level(effort: Effort, model: &str) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if model.contains("flash") => "minimal",
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Max => "high",
    }
}

/// Keeps a budget in the range that the models of 2.5 accept.
fn bounded(budget: u64, generation: Generation, model: &str) -> u64 {
    match generation {
        Generation::Second if model.contains("lite") => budget.clamp(512, 24_576),
        Generation::Second if model.contains("flash") => budget.min(24_576),
        Generation::Second if model.contains("pro") => budget.clamp(LEAST_OF_PRO, 32_768),
        Generation::First | Generation::Second | Generation::Third | Generation::Other => budget,
    }
}

/// 2.5 Pro cannot do without.
const LEAST_OF_PRO: u64 = 128;
