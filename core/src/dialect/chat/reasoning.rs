//! How much a model thinks before it answers: named efforts of some dialects, budgets in tokens
//! of others, and the way between them.

use crate::json::node::{Node, Text};

/// A wish for reasoning. Everything unset: the provider's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning<'a> {
    /// On or off in so many words: Anthropic's `thinking.type`, Ollama's `think`, Qwen's
    /// `enable_thinking`.
    pub enabled: Option<bool>,
    /// OpenAI's `reasoning_effort`, Anthropic's `output_config.effort`, Gemini's `thinkingLevel`.
    pub effort: Option<Effort>,
    /// The effort's name as it was written, for the same dialect: `xhigh` and `max` are one here.
    pub effort_name: Option<Text<'a>>,
    /// Tokens to think with: Anthropic's `budget_tokens`, Gemini's `thinkingBudget`.
    pub budget: Option<u64>,
    /// The model chooses how much: Anthropic's `adaptive`, Gemini's budget of -1.
    pub adaptive: bool,
    /// Tell what was thought: Gemini's `includeThoughts`, Responses' `summary` that is not null,
    /// Anthropic's `display` other than `omitted`.
    pub shown: Option<bool>,
    /// How detailed a summary of it: Responses' `summary`.
    pub summary: Option<Text<'a>>,
    /// The member it was read from, to be written again in the same dialect where the fields
    /// above do not say everything.
    pub written: Option<Node<'a>>,
}

/// A named effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Do not think.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// The usual.
    Medium,
    /// Much.
    High,
    /// As much as possible: `xhigh`, `max`.
    Max,
}

impl Effort {
    /// Reads a name of any dialect.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "none" | "off" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" | "max" => Self::Max,
            _ => return None,
        })
    }

    /// Returns OpenAI's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Max => "xhigh",
        }
    }

    /// Returns the budget that stands for it. Low, medium and high are those that Gemini's
    /// OpenAI-compatible API documents (<https://ai.google.dev/gemini-api/docs/openai>).
    pub fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 24_576,
            Self::Max => 32_768,
        }
    }

    /// Returns the effort that a budget stands for.
    pub fn of_budget(budget: u64) -> Self {
        match budget {
            0 => Self::None,
            1..=1_024 => Self::Low,
            1_025..=10_240 => Self::Medium,
            10_241..=24_576 => Self::High,
            _ => Self::Max,
        }
    }
}

impl Reasoning<'_> {
    /// Tells whether nothing is wished for.
    pub fn is_unset(&self) -> bool {
        self.enabled.is_none() && self.effort.is_none() && self.budget.is_none() && !self.adaptive
    }

    /// Returns the effort, taken from the budget where that alone is there.
    pub fn as_effort(&self) -> Option<Effort> {
        let of_switch = match self.enabled {
            Some(false) => Some(Effort::None),
            Some(true) if !self.adaptive => Some(Effort::Medium),
            _ => None,
        };
        self.effort.or(self.budget.map(Effort::of_budget)).or(of_switch)
    }

    /// Returns the budget in tokens, taken from the effort where that alone is there. `None`: the
    /// model's own choice. 0: no thinking.
    pub fn as_budget(&self) -> Option<u64> {
        if self.enabled == Some(false) {
            return Some(0);
        }
        let of_switch =
            self.enabled.filter(|enabled| *enabled && !self.adaptive).map(|_| Effort::Medium);
        self.budget.or(self.effort.or(of_switch).map(Effort::budget))
    }
}
