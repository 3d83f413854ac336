//! What is changed in every request for a model.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::parse::Reader;
use crate::config::raw::{RawSystemPrompt, RawThinking};

/// Changes of requests for a model, in its provider's dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelSettings {
    /// Put before the system prompt. Empty: nothing.
    pub system_prefix: String,
    /// Put after the system prompt. Empty: nothing.
    pub system_suffix: String,
    /// Members for bodies that have none of that name.
    pub defaults: Members,
    /// Members that take the place of the client's; null takes one out.
    pub overrides: Members,
    /// How much the model thinks.
    pub thinking: Thinking,
}

/// Members of a body, by name.
pub type Members = BTreeMap<String, Value>;

/// How much a model thinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thinking {
    /// As the client says.
    #[default]
    Passthrough,
    /// As the provider does when it is told nothing.
    Auto,
    /// With a budget in tokens; 0 is not at all.
    Custom(u32),
    /// With a budget that grows with the request from this one on; 0 is not at all.
    Adaptive(u32),
}

impl Reader<'_> {
    pub(super) fn settings(
        &mut self,
        model: &str,
        system: RawSystemPrompt,
        [defaults, overrides]: [Members; 2],
        thinking: &RawThinking,
    ) -> ModelSettings {
        self.check_members(&format!("{model}.defaults"), &defaults, false);
        self.check_members(&format!("{model}.overrides"), &overrides, true);
        ModelSettings {
            system_prefix: system.prefix,
            system_suffix: system.suffix,
            defaults,
            overrides,
            thinking: self.thinking(&format!("{model}.thinking"), thinking),
        }
    }

    fn check_members(&mut self, place: &str, members: &Members, may_remove: bool) {
        for (name, value) in members {
            let place = format!("{place}.{name}");
            if SYSTEM.contains(&name.as_str()) {
                self.problem(place, "holds the system prompt; write `system_prompt`");
            } else if CLIENTS.contains(&name.as_str()) {
                self.problem(place, "is not to be set here: it is what the client asks");
            } else if value.is_null() && !may_remove {
                self.problem(place, "null is no default; `overrides` can take a field out");
            }
        }
    }

    fn thinking(&mut self, place: &str, raw: &RawThinking) -> Thinking {
        let budget = raw.budget.unwrap_or(DEFAULT_BUDGET);
        let budget = self.within(&format!("{place}.budget"), budget, 0..=MOST);
        let budget = budget.and_then(|budget| u32::try_from(budget).ok()).unwrap_or_default();
        let effort = raw.effort.as_deref().unwrap_or("medium");
        let base = EFFORTS.iter().find(|(name, _)| *name == effort).map(|(_, base)| *base);
        if base.is_none() {
            let message = format!("{effort:?} is none of none, low, medium, high");
            self.problem(format!("{place}.effort"), message);
        }
        match raw.mode.as_deref().unwrap_or("passthrough") {
            "passthrough" => Thinking::Passthrough,
            "auto" => Thinking::Auto,
            "custom" => Thinking::Custom(budget),
            "adaptive" => Thinking::Adaptive(base.unwrap_or_default()),
            other => {
                let message = format!("{other:?} is none of passthrough, auto, custom, adaptive");
                self.problem(format!("{place}.mode"), message);
                Thinking::Passthrough
            }
        }
    }
}

/// Where dialects have the system prompt.
const SYSTEM: [&str; 4] = ["system", "instructions", "systemInstruction", "system_instruction"];

/// What a request is, in any dialect, and what the gateway itself has to know of it.
pub(super) const CLIENTS: [&str; 11] = [
    "model",
    "messages",
    "input",
    "contents",
    "content",
    "requests",
    "prompt",
    "stream",
    "stream_options",
    "previous_response_id",
    "conversation",
];

const MOST: u64 = 131_072;
const DEFAULT_BUDGET: u64 = 10_240;

/// Names of efforts, and the budgets that they stand for.
const EFFORTS: [(&str, u32); 4] =
    [("none", 0), ("low", 1_024), ("medium", 10_240), ("high", 131_072)];
