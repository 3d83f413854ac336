//! How much to think, under the names that compatible providers have for it.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Effort};
use crate::dialect::checked::{boolean, invalid};
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::refusal::Refusal;

use super::names::{self, Thing};

/// The members that say it: OpenAI's, those of `OpenRouter`, of Qwen, of Z.ai and `DeepSeek`, of
/// vLLM, and of Groq.
pub(in crate::dialect) const MEMBERS: [&str; 8] = [
    "reasoning_effort",
    "reasoning",
    "enable_thinking",
    "thinking_budget",
    "thinking",
    "chat_template_kwargs",
    "include_reasoning",
    "reasoning_format",
];

/// Takes a member. False: it is another one, or not all of it is understood. The whole body is
/// kept, since a wish may have several members.
pub(super) fn take<'a>(
    conversation: &mut Conversation<'a>,
    name: &str,
    value: Node<'a>,
    body: Node<'a>,
) -> Result<bool, Refusal> {
    if !MEMBERS.contains(&name) {
        return Ok(false);
    }
    let wish = &mut conversation.reasoning;
    wish.written = Some(body);
    let mut whole = true;
    match name {
        "reasoning_effort" => {
            let word = value.string().ok_or_else(|| invalid("reasoning_effort", "a string"))?;
            wish.effort = Effort::named(&word);
            wish.effort_name = value.text();
            whole = wish.effort.is_some();
        }
        "enable_thinking" => wish.enabled = Some(boolean(value, "enable_thinking")?),
        "thinking_budget" => wish.budget = value.u64().or(wish.budget),
        "include_reasoning" => wish.shown = value.bool().or(wish.shown),
        "reasoning_format" => {
            wish.shown = value.string().map(|format| format != "hidden").or(wish.shown);
        }
        _ => {
            for (member, value) in value.members().filter(|(_, value)| !value.is_null()) {
                whole &= take_inner(conversation, name, &member, value);
            }
        }
    }
    Ok(whole)
}

/// Takes a member of an object. False: it is not known.
fn take_inner(conversation: &mut Conversation<'_>, of: &str, name: &str, value: Node<'_>) -> bool {
    let wish = &mut conversation.reasoning;
    match (of, name) {
        ("reasoning", "effort") => {
            let effort = value.string().and_then(|word| Effort::named(&word));
            wish.effort = effort.or(wish.effort);
            effort.is_some()
        }
        ("reasoning", "max_tokens") | ("thinking", "budget_tokens") => {
            wish.budget = value.u64().or(wish.budget);
            true
        }
        ("reasoning", "enabled") | ("chat_template_kwargs", "enable_thinking" | "thinking") => {
            wish.enabled = value.bool().or(wish.enabled);
            true
        }
        ("reasoning", "exclude") => {
            wish.shown = value.bool().map(|hidden| !hidden).or(wish.shown);
            true
        }
        ("thinking", "type") => {
            match value.string().as_deref() {
                Some("enabled") => wish.enabled = Some(true),
                Some("disabled") => wish.enabled = Some(false),
                Some("adaptive" | "auto") => wish.adaptive = true,
                _ => return false,
            }
            true
        }
        _ => false,
    }
}

/// Writes the wish: as it was read if it came from this dialect, else as `reasoning_effort`.
pub(super) fn write(it: &mut Writer, conversation: &Conversation<'_>, dropped: &mut Dropped) {
    let wish = &conversation.reasoning;
    if let Some(body) = wish.written.filter(|_| conversation.origin == Dialect::OpenAi) {
        for (name, value) in body.members() {
            if MEMBERS.contains(&&*name) && !value.is_null() {
                it.key(&name).node(value);
            }
        }
        return;
    }
    if let Some(effort) = wish.as_effort() {
        it.key("reasoning_effort").string(effort.name());
    }
    let hidden = wish.shown == Some(false) && !wish.is_unset();
    dropped.note_if(hidden, names::of(conversation.origin, Thing::Shown));
}
