//! `think`: true, false or a level.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Effort, Reasoning, Towards};
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads `think`.
pub(super) fn read<'a>(node: Node<'a>, to: &mut Reasoning<'a>) -> Result<(), Refusal> {
    let effort = node.string().and_then(|name| Effort::named(&name));
    match (node.bool(), effort) {
        (Some(enabled), _) => to.enabled = Some(enabled),
        (None, Some(effort)) => (to.effort, to.effort_name) = (Some(effort), node.text()),
        (None, None) => {
            let expected = "true, false, 'low', 'medium' or 'high'";
            return Err(Refusal::InvalidField { field: "think", expected });
        }
    }
    to.written = Some(node);
    Ok(())
}

/// Writes `think`. Levels are for the models that know them; others are told to think or not to.
pub(super) fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    writer: &mut Writer,
    dropped: &mut Dropped,
) {
    let wish = &conversation.reasoning;
    let own = matches!(conversation.origin, Dialect::Ollama | Dialect::OllamaGenerate);
    let unchanged = wish.written.filter(|node| {
        let mut then = Reasoning::default();
        let is_read = read(*node, &mut then).is_ok();
        is_read && (then.enabled, then.effort) == (wish.enabled, wish.effort)
    });
    if let Some(node) = unchanged.filter(|_| own) {
        return writer.key("think").node(node);
    }
    if wish.is_unset() {
        return;
    }
    let effort = wish.as_effort();
    if wish.as_budget() == Some(0) || effort == Some(Effort::None) {
        return writer.key("think").bool(false);
    }
    match effort.filter(|_| knows_levels(towards.model)) {
        None => writer.key("think").bool(true),
        Some(Effort::None | Effort::Minimal | Effort::Low) => writer.key("think").string("low"),
        Some(Effort::Medium) => writer.key("think").string("medium"),
        Some(Effort::High | Effort::Max) => writer.key("think").string("high"),
    }
    // The budget itself cannot be told.
    let has_budget = wish.budget.is_some();
    dropped.note_field(has_budget, crate::dialect::chat::Field::Reasoning, conversation.origin);
}

fn knows_levels(model: &str) -> bool {
    model.contains("gpt-oss")
}
