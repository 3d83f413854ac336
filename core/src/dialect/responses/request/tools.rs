//! Tools and the choice among them.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::chat::{
    Conversation, Dropped, Extras, Tool, ToolChoice, ToolKind, WRITTEN, written,
};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads `tools`.
pub(super) fn read(node: Node<'_>) -> Result<Vec<Tool<'_>>, Refusal> {
    if !node.is_array() {
        return Err(Refusal::InvalidField { field: "tools", expected: "an array" });
    }
    node.items().map(tool).collect()
}

fn tool(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    let (mut kind, mut name, mut description) = (None, None, None);
    let (mut parameters, mut strict, mut format) = (None, None, None);
    let mut extras: Extras<'_> = vec![(Cow::Borrowed(WRITTEN), node)];
    for (key, value) in node.members() {
        match &*key {
            "type" => kind = value.string(),
            "name" => name = value.text(),
            "description" => description = value.text(),
            "parameters" => parameters = Some(value).filter(|schema| schema.is_object()),
            "strict" => strict = value.bool(),
            "format" => format = Some(value),
            _ => extras.push((key, value)),
        }
    }
    let kind = kind.ok_or(Refusal::MissingField("tools[].type"))?;
    if !matches!(&*kind, "function" | "custom") {
        let kind = ToolKind::Other(Dialect::Responses, node);
        return Ok(Tool { kind, cache: None, extras: Vec::new() });
    }
    let name = name.ok_or(Refusal::MissingField("tools[].name"))?;
    if &*kind == "custom" {
        let grammar = format.and_then(grammar);
        return Ok(Tool::custom(name, description, grammar, node));
    }
    let kind = ToolKind::Function { name, description, parameters, strict };
    Ok(Tool { kind, cache: None, extras })
}

/// Returns syntax and definition of the grammar that a custom tool's text must follow.
fn grammar(format: Node<'_>) -> Option<(Text<'_>, Text<'_>)> {
    Some((format.get("syntax")?.text()?, format.get("definition")?.text()?))
}

/// Reads `tool_choice`.
pub(super) fn read_choice(node: Node<'_>) -> Result<ToolChoice<'_>, Refusal> {
    let wrong = Refusal::InvalidField {
        field: "tool_choice",
        expected: "'none', 'auto', 'required' or an object",
    };
    if let Some(word) = node.string() {
        return match &*word {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(wrong),
        };
    }
    if !node.is_object() {
        return Err(wrong);
    }
    let kind = node.get("type").and_then(Node::string).unwrap_or_default();
    let known = match &*kind {
        "function" | "custom" => node.get("name").and_then(Node::text).map(ToolChoice::Tool),
        "allowed_tools" => allowed(node),
        _ => None,
    };
    Ok(known.unwrap_or(ToolChoice::Other(Dialect::Responses, node)))
}

fn allowed(node: Node<'_>) -> Option<ToolChoice<'_>> {
    let required = node.get("mode").and_then(Node::string).is_some_and(|mode| mode == "required");
    let names: Option<Vec<_>> = node.get("tools")?.items().map(function_name).collect();
    Some(ToolChoice::Allowed { names: names?, required })
}

fn function_name(tool: Node<'_>) -> Option<Text<'_>> {
    let kind = tool.get("type")?.string()?;
    matches!(&*kind, "function" | "custom").then(|| tool.get("name")?.text()).flatten()
}

/// Writes `tools` and `tool_choice`, where there are any.
pub(super) fn write(conversation: &Conversation<'_>, it: &mut Writer, dropped: &mut Dropped) {
    let foreign = conversation.origin != Dialect::Responses;
    if !conversation.tools.is_empty() {
        it.key("tools").array(|it| {
            for tool in &conversation.tools {
                match written(&tool.extras).filter(|_| !foreign) {
                    Some(node) => it.node(node),
                    None => write_tool(tool, conversation, it, dropped),
                }
            }
        });
    }
    if let Some(choice) = &conversation.tool_choice {
        write_choice(choice, conversation, it, dropped);
    }
}

fn write_tool(
    tool: &Tool<'_>,
    conversation: &Conversation<'_>,
    it: &mut Writer,
    dropped: &mut Dropped,
) {
    dropped.note_if(tool.cache.is_some(), "tools[].cache_control");
    dropped.note_extras(conversation, Dialect::Responses, "tools[]", &tool.extras);
    let (name, description, parameters, strict) = match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => {
            (name, description, parameters, strict)
        }
        ToolKind::Other(Dialect::Responses, node) => return it.node(*node),
        ToolKind::Other(..) => return dropped.note("tools[]"),
    };
    if let Some(declared) = tool.as_custom() {
        return write_custom(name, declared, it);
    }
    it.object(|it| {
        it.key("type").string("function");
        it.key("name").text(name);
        if let Some(description) = description {
            it.key("description").text(description);
        }
        match parameters {
            Some(schema) => it.key("parameters").node(*schema),
            None => it.key("parameters").raw(br#"{"type":"object","properties":{}}"#),
        }
        // Here schemas are strict unless it is said that they are not; elsewhere they are not.
        it.key("strict").bool(strict.unwrap_or(false));
    });
}

/// Writes a tool of free text that OpenAI's chat dialect declared.
fn write_custom(name: &Text<'_>, declared: Node<'_>, it: &mut Writer) {
    let inner = declared.get("custom").unwrap_or(declared);
    it.object(|it| {
        it.key("type").string("custom");
        it.key("name").text(name);
        if let Some(description) = inner.get("description") {
            it.key("description").node(description);
        }
        let Some(format) = inner.get("format") else { return };
        // The chat dialect has the grammar one level deeper.
        match format.get("grammar") {
            None => it.key("format").node(format),
            Some(grammar) => it.key("format").object(|it| {
                it.key("type").string("grammar");
                for (key, value) in grammar.members() {
                    it.key(&key).node(value);
                }
            }),
        }
    });
}

fn write_choice(
    choice: &ToolChoice<'_>,
    conversation: &Conversation<'_>,
    it: &mut Writer,
    dropped: &mut Dropped,
) {
    let named = |it: &mut Writer, name: &Text<'_>| {
        let name_here = name.decoded();
        let custom = conversation.custom_tools().iter().any(|custom| *custom == name_here);
        it.object(|it| {
            it.key("type").string(if custom { "custom" } else { "function" });
            it.key("name").text(name);
        });
    };
    match choice {
        ToolChoice::Auto => it.key("tool_choice").string("auto"),
        ToolChoice::None => it.key("tool_choice").string("none"),
        ToolChoice::Required => it.key("tool_choice").string("required"),
        ToolChoice::Tool(name) => named(it.key("tool_choice"), name),
        ToolChoice::Allowed { names, required } => it.key("tool_choice").object(|it| {
            it.key("type").string("allowed_tools");
            it.key("mode").string(if *required { "required" } else { "auto" });
            it.key("tools").array(|it| names.iter().for_each(|name| named(it, name)));
        }),
        ToolChoice::Other(Dialect::Responses, node) => it.key("tool_choice").node(*node),
        ToolChoice::Other(..) => dropped.note("tool_choice"),
    }
}
