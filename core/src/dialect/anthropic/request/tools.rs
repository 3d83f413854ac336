//! Writes tools, and which of them must be called.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Tool, ToolChoice, ToolKind};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Writes `tools` and `tool_choice`.
pub(super) fn write(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let allowed = match &conversation.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let is_carried = |tool: &&Tool<'_>| match &tool.kind {
        ToolKind::Function { name, .. } => allowed.is_none_or(|names| names.contains(name)),
        ToolKind::Other(dialect, _) => *dialect == Dialect::Anthropic,
    };
    let is_foreign = |tool: &Tool<'_>| matches!(tool.kind, ToolKind::Other(dialect, _) if dialect != Dialect::Anthropic);
    dropped.note_if(conversation.tools.iter().any(is_foreign), "tools[].type");
    let tools: Vec<_> = conversation.tools.iter().filter(is_carried).collect();
    let is_own = conversation.origin == Dialect::Anthropic;
    if tools.is_empty() {
        let asks =
            !matches!(conversation.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None));
        return dropped.note_field(asks, Field::ToolChoice, conversation.origin);
    }
    writer.key("tools").array(|it| {
        for tool in &tools {
            dropped.note_extras(conversation, Dialect::Anthropic, "tools[]", &tool.extras);
            write_tool(tool, is_own, it);
        }
    });
    write_choice(conversation, writer, dropped);
}

fn write_tool(tool: &Tool<'_>, is_own: bool, writer: &mut Writer) {
    let (name, description, parameters, strict) = match &tool.kind {
        ToolKind::Other(_, node) => return writer.node(*node),
        ToolKind::Function { name, description, parameters, strict } => {
            (name, description, parameters, strict)
        }
    };
    writer.object(|it| {
        it.key("name").text(name);
        if let Some(description) = description {
            it.key("description").text(description);
        }
        it.key("input_schema");
        write_parameters(*parameters, it);
        // That a schema is not enforced is the default, which older models have no word for.
        if let Some(strict) = strict.filter(|strict| *strict || is_own) {
            it.key("strict").bool(strict);
        }
        if let Some(cache) = tool.cache {
            it.key("cache_control").node(cache);
        }
        for (name, value) in tool.extras.iter().filter(|(name, _)| is_own && !name.is_empty()) {
            it.key(name).node(*value);
        }
    });
}

/// Writes the schema of arguments, which must say that they are an object.
fn write_parameters(parameters: Option<Node<'_>>, writer: &mut Writer) {
    let Some(schema) = parameters.filter(|schema| schema.is_object()) else {
        return writer.raw(br#"{"type":"object","properties":{}}"#);
    };
    if schema.get("type").is_some() {
        return writer.node(schema);
    }
    writer.object(|it| {
        it.key("type").string("object");
        for (name, value) in schema.members().filter(|(name, _)| name != "type") {
            it.key(&name).node(value);
        }
    });
}

fn write_choice(conversation: &Conversation<'_>, writer: &mut Writer, dropped: &mut Dropped) {
    let (kind, name): (_, Option<&Text<'_>>) = match &conversation.tool_choice {
        None if conversation.parallel_tool_calls.is_none() => return,
        None | Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Tool(name)) => ("tool", Some(name)),
        Some(ToolChoice::Allowed { required, .. }) => {
            (if *required { "any" } else { "auto" }, None)
        }
        Some(ToolChoice::Other(Dialect::Anthropic, node)) => {
            return writer.key("tool_choice").node(*node);
        }
        Some(ToolChoice::Other(..)) => {
            return dropped.note_field(true, Field::ToolChoice, conversation.origin);
        }
    };
    let is_own = conversation.origin == Dialect::Anthropic;
    let parallel = conversation.parallel_tool_calls.filter(|parallel| !parallel || is_own);
    if conversation.tool_choice.is_none() && parallel.is_none() {
        return;
    }
    writer.key("tool_choice").object(|it| {
        it.key("type").string(kind);
        if let Some(name) = name {
            it.key("name").text(name);
        }
        if let Some(parallel) = parallel.filter(|_| kind != "none") {
            it.key("disable_parallel_tool_use").bool(!parallel);
        }
    });
}
