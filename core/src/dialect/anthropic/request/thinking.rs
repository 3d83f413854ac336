//! How much a model thinks: `thinking`, `output_config.effort`, and the `max_tokens` that must have
//! room for both the thoughts and the answer.

use super::fields::below;
use super::schema;
use crate::dialect::Dialect;
use crate::dialect::anthropic::generation::Generation;
use crate::dialect::chat::{
    Conversation, Dropped, Effort, Field, Format, Reasoning, ToolChoice, Towards,
};
use crate::dialect::checked::invalid;
use crate::dialect::members::Members;
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// The smallest budget that the API takes.
const LEAST_BUDGET: u64 = 1_024;

/// `max_tokens` where neither the client nor the configuration says it.
const DEFAULT_CAP: u64 = 4_096;

/// What a request says of thinking.
#[derive(Debug, PartialEq)]
pub(super) struct Thinking<'a> {
    mode: Mode<'a>,
    effort: Option<Text<'a>>,
    pub(super) max_tokens: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Mode<'a> {
    Unset,
    Disabled,
    Budget(u64),
    Adaptive {
        /// Newer models keep their thoughts to themselves unless asked.
        shown: bool,
    },
    /// As the client wrote it.
    Written(Node<'a>),
}

/// Reads `thinking`.
pub(super) fn read<'a>(node: Node<'a>, to: &mut Reasoning<'a>) -> Result<(), Refusal> {
    let mut members = Members::of(node);
    let kind = members.take("type").and_then(Node::string);
    match kind.as_deref() {
        Some("enabled") => to.enabled = Some(true),
        Some("disabled") => to.enabled = Some(false),
        Some("adaptive") => (to.enabled, to.adaptive) = (Some(true), true),
        _ => return Err(invalid("thinking.type", "'enabled', 'disabled' or 'adaptive'")),
    }
    if let Some(budget) = members.take("budget_tokens") {
        let wrong = invalid("thinking.budget_tokens", "an integer of at least 1024");
        to.budget = Some(budget.u64().ok_or(wrong)?);
    }
    to.shown = members.take_text("display").map(|display| display != "omitted");
    to.written = Some(node);
    Ok(())
}

/// Decides how a conversation's wish is told to a model. `lacks_proof`: a tool loop is under way
/// whose thoughts cannot be shown to the provider again, which it insists on with a budget.
pub(super) fn decide<'a>(
    conversation: &Conversation<'a>,
    towards: Towards<'_>,
    lacks_proof: bool,
    dropped: &mut Dropped,
) -> Thinking<'a> {
    let generation = Generation::of(towards.model);
    let asked = conversation.max_tokens.or(towards.max_output_tokens);
    let cap = asked.unwrap_or(DEFAULT_CAP).max(1);
    let own = conversation.origin == Dialect::Anthropic;
    let wish = &conversation.reasoning;
    let mut mode = match written(conversation, generation) {
        Some(mode) => mode,
        // An effort of this dialect does not switch thinking on.
        None if own && wish.enabled.is_none() && wish.budget.is_none() => Mode::Unset,
        None => translated(wish, generation, cap),
    };
    let is_forced = match &conversation.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => true,
        Some(ToolChoice::Allowed { required, .. }) => *required,
        _ => false,
    };
    let thinks = matches!(mode, Mode::Budget(_) | Mode::Adaptive { .. });
    if thinks && (is_forced || (lacks_proof && matches!(mode, Mode::Budget(_)))) {
        dropped.note_field(true, Field::Reasoning, conversation.origin);
        mode = Mode::Unset;
    }
    let max_tokens = if asked.is_none() { raised(&mode, cap) } else { cap };
    if let Some(fitted) = fitted(&mode, max_tokens) {
        let is_less = wish.budget.is_some() || fitted == Mode::Unset;
        dropped.note_field(is_less, Field::Reasoning, conversation.origin);
        mode = fitted;
    }
    let effort = if own { own_effort(wish) } else { None };
    let effort = effort.or_else(|| translated_effort(wish, &mode, generation));
    Thinking { mode, effort, max_tokens }
}

/// Returns a cap with room for the budget, where nobody has set one.
fn raised(mode: &Mode<'_>, cap: u64) -> u64 {
    budget(mode).filter(|budget| *budget >= cap).map_or(cap, |budget| budget.saturating_add(cap))
}

/// Returns what a budget becomes that leaves no room for an answer: less of it, or none where even
/// the least does not fit. The cap that was set is never raised, since it is what was reserved.
fn fitted<'a>(mode: &Mode<'_>, cap: u64) -> Option<Mode<'a>> {
    budget(mode).filter(|budget| *budget >= cap)?;
    let less = cap - cap / 4;
    Some(if cap > LEAST_BUDGET { Mode::Budget(less.max(LEAST_BUDGET)) } else { Mode::Unset })
}

/// Returns what the client wrote if the fields still say the same and the model understands it.
fn written<'a>(conversation: &Conversation<'a>, generation: Generation) -> Option<Mode<'a>> {
    let now = &conversation.reasoning;
    let node = now.written.filter(|_| conversation.origin == Dialect::Anthropic)?;
    let mut then = Reasoning::default();
    read(node, &mut then).ok()?;
    let same = (then.enabled, then.budget, then.adaptive, then.shown)
        == (now.enabled, now.budget, now.adaptive, now.shown);
    let understood = match (now.enabled, now.adaptive) {
        (_, true) => generation.adapts() || !generation.is_known(),
        (Some(true), false) => !generation.refuses_budgets(),
        _ => true,
    };
    (same && understood).then_some(Mode::Written(node))
}

fn translated<'a>(wish: &Reasoning<'_>, generation: Generation, cap: u64) -> Mode<'a> {
    let is_off = wish.enabled == Some(false) || wish.as_budget() == Some(0);
    if wish.is_unset() || (is_off && generation.refuses_budgets()) {
        Mode::Unset
    } else if is_off {
        Mode::Disabled
    } else if generation.adapts() {
        Mode::Adaptive { shown: generation.refuses_budgets() && wish.shown != Some(false) }
    } else if let Some(budget) = wish.budget {
        Mode::Budget(budget.max(LEAST_BUDGET))
    } else {
        // The cap of other dialects is for thoughts and answer together: both must fit.
        let budget = wish.as_budget().unwrap_or(Effort::Medium.budget());
        Mode::Budget(budget.min(cap - cap / 4).max(LEAST_BUDGET))
    }
}

fn budget(mode: &Mode<'_>) -> Option<u64> {
    match mode {
        Mode::Budget(budget) => Some(*budget),
        Mode::Written(node) => node.get("budget_tokens").and_then(Node::u64),
        Mode::Unset | Mode::Disabled | Mode::Adaptive { .. } => None,
    }
}

/// Returns the effort as the client wrote it, unless a setting has changed it since.
fn own_effort<'a>(wish: &Reasoning<'a>) -> Option<Text<'a>> {
    let name = wish.effort_name.as_ref()?;
    (Effort::named(&name.decoded()) == wish.effort).then(|| name.clone())
}

/// Returns the effort for models that choose their thoughts by it.
fn translated_effort<'a>(
    wish: &Reasoning<'_>,
    mode: &Mode<'_>,
    generation: Generation,
) -> Option<Text<'a>> {
    let has_mode = matches!(mode, Mode::Adaptive { .. } | Mode::Written(_) | Mode::Unset);
    if !generation.adapts() || !has_mode {
        return None;
    }
    let effort = wish.effort.or(wish.budget.map(Effort::of_budget))?;
    let is_between = wish.effort_name.as_ref().is_some_and(|name| name.decoded() == "xhigh");
    Some(Text::of(match effort {
        Effort::None => return None,
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max if is_between && generation.refuses_budgets() => "xhigh",
        Effort::Max => "max",
    }))
}

impl Thinking<'_> {
    /// Tells whether the model thinks.
    pub(super) fn is_on(&self) -> bool {
        match &self.mode {
            Mode::Unset | Mode::Disabled => false,
            Mode::Budget(_) | Mode::Adaptive { .. } => true,
            Mode::Written(node) => {
                node.get("type").and_then(Node::text).is_some_and(|kind| kind != "disabled")
            }
        }
    }

    /// Writes `thinking` and `output_config`.
    pub(super) fn write(&self, conversation: &Conversation<'_>, writer: &mut Writer) {
        match &self.mode {
            Mode::Unset => {}
            Mode::Written(node) => writer.key("thinking").node(*node),
            Mode::Disabled => {
                writer.key("thinking").object(|it| it.key("type").string("disabled"));
            }
            Mode::Budget(budget) => writer.key("thinking").object(|it| {
                it.key("type").string("enabled");
                it.key("budget_tokens").number(*budget);
            }),
            Mode::Adaptive { shown } => writer.key("thinking").object(|it| {
                it.key("type").string("adaptive");
                if *shown {
                    it.key("display").string("summarized");
                }
            }),
        }
        self.write_output_config(conversation, writer);
    }

    fn write_output_config(&self, conversation: &Conversation<'_>, writer: &mut Writer) {
        let others = below(conversation, "output_config.");
        let format = match &conversation.format {
            Some(Format::Schema { schema, .. }) => Some(*schema),
            Some(Format::Json) | None => None,
        };
        if self.effort.is_none() && format.is_none() && others.is_empty() {
            return;
        }
        writer.key("output_config").object(|it| {
            if let Some(effort) = &self.effort {
                it.key("effort").text(effort);
            }
            if let Some(schema) = format {
                it.key("format").object(|it| {
                    it.key("type").string("json_schema");
                    it.key("schema");
                    schema::write(schema, conversation.origin, it);
                });
            }
            for (name, value) in others {
                it.key(name).node(value);
            }
        });
    }
}
