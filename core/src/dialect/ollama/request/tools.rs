//! Tools, as OpenAI declares them. Which must be called cannot be said.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Tool, ToolChoice, ToolKind};
use crate::dialect::checked::invalid;
use crate::dialect::members::Members;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads `tools`.
pub(super) fn read(node: Node<'_>) -> Result<Vec<Tool<'_>>, Refusal> {
    if !node.is_array() {
        return Err(invalid("tools", "an array"));
    }
    node.items().map(tool).collect()
}

fn tool(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    let mut members = Members::of(node);
    let Some(function) = members.take("function").filter(|function| function.is_object()) else {
        return Err(Refusal::MissingField("tools[].function"));
    };
    members.take("type");
    let mut function = Members::of(function);
    let kind = ToolKind::Function {
        name: function.take_text("name").ok_or(Refusal::MissingField("tools[].function.name"))?,
        description: function.take_text("description"),
        parameters: function.take("parameters"),
        strict: function.take("strict").and_then(Node::bool),
    };
    Ok(Tool { kind, cache: None, extras: members.rest() })
}

/// Writes `tools`: none when none may be called, only the allowed ones when some are.
pub(super) fn write(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let origin = conversation.origin;
    let (allowed, forces) = match &conversation.tool_choice {
        None | Some(ToolChoice::Auto) => (None, false),
        Some(ToolChoice::None) => return,
        Some(ToolChoice::Allowed { names, required }) => (Some(names), *required),
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Other(..)) => (None, true),
    };
    let has_tools = !conversation.tools.is_empty();
    dropped.note_field(forces, Field::ToolChoice, origin);
    let one_by_one = has_tools && conversation.parallel_tool_calls == Some(false);
    dropped.note_field(one_by_one, Field::ParallelToolCalls, origin);
    let mut is_first = true;
    let mut written = Writer::default();
    written.array(|it| {
        for tool in &conversation.tools {
            let ToolKind::Function { name, description, parameters, .. } = &tool.kind else {
                dropped.note("tools[].type");
                continue;
            };
            if allowed.is_some_and(|names| !names.contains(name)) {
                continue;
            }
            is_first = false;
            dropped.note_extras(conversation, Dialect::Ollama, "tools[]", &tool.extras);
            it.object(|it| {
                it.key("type").string("function");
                it.key("function").object(|it| {
                    it.key("name").text(name);
                    if let Some(description) = description {
                        it.key("description").text(description);
                    }
                    it.key("parameters");
                    match parameters {
                        Some(schema) => it.node(*schema),
                        None => it.raw(br#"{"type":"object","properties":{}}"#),
                    }
                });
            });
        }
    });
    if !is_first {
        writer.key("tools").raw(&written.into_bytes());
    }
}
