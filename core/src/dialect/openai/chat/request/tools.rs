//! Declarations of tools, the choice among them, and the form of the answer.

use super::names::{self, Thing};
use crate::dialect::Dialect;
use crate::dialect::chat::{
    Conversation, Dropped, Extras, Field, Format, Tool, ToolChoice, ToolKind, Towards, WRITTEN,
    written,
};
use crate::dialect::checked::{boolean, invalid, object, text};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads an element of `tools`. What is no function is kept as it is.
pub(super) fn read(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    let (mut kind, mut function, mut custom, mut cache) = (None, None, None, None);
    let mut extras: Extras<'_> = Vec::new();
    for (name, value) in object(node, "tools[]")?.members() {
        match &*name {
            "type" => kind = value.string(),
            "function" => function = Some(object(value, "tools[].function")?),
            "custom" => custom = Some(value),
            "cache_control" => cache = Some(value).filter(|value| !value.is_null()),
            // A member without a name says nothing, and must not be taken for what was written.
            "" => {}
            _ => extras.push((name, value)),
        }
    }
    if let (Some("custom"), Some(custom)) = (kind.as_deref(), custom) {
        return read_custom(custom, node);
    }
    if kind.as_deref().is_some_and(|kind| kind != "function") {
        let kind = ToolKind::Other(Dialect::OpenAi, node);
        return Ok(Tool { kind, cache, extras: Vec::new() });
    }
    let function = function.ok_or(Refusal::MissingField("tools[].function"))?;
    let kind = read_kind(function, "tools[].function.name")?;
    extras.push((WRITTEN.into(), node));
    Ok(Tool { kind, cache, extras })
}

fn read_custom<'a>(custom: Node<'a>, declaration: Node<'a>) -> Result<Tool<'a>, Refusal> {
    let (mut name, mut description, mut grammar) = (None, None, None);
    for (key, value) in custom.members() {
        match &*key {
            "name" => name = Some(text(value, "tools[].custom.name")?),
            "description" => description = value.text(),
            "format" => grammar = value.get("grammar"),
            _ => {}
        }
    }
    let name = name.ok_or(Refusal::MissingField("tools[].custom.name"))?;
    let grammar =
        grammar.and_then(|it| Some((it.get("syntax")?.text()?, it.get("definition")?.text()?)));
    Ok(Tool::custom(name, description, grammar, declaration))
}

/// Reads an element of the legacy `functions`.
pub(super) fn read_function(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    let kind = read_kind(object(node, "functions[]")?, "functions[].name")?;
    Ok(Tool { kind, cache: None, extras: Vec::new() })
}

fn read_kind<'a>(function: Node<'a>, name_field: &'static str) -> Result<ToolKind<'a>, Refusal> {
    let (mut name, mut description, mut parameters, mut strict) = (None, None, None, None);
    for (key, value) in function.members() {
        if value.is_null() {
            continue;
        }
        match &*key {
            "name" => name = Some(text(value, name_field)?),
            "description" => description = value.text(),
            "parameters" => parameters = Some(object(value, "tools[].function.parameters")?),
            "strict" => strict = Some(boolean(value, "tools[].function.strict")?),
            _ => {}
        }
    }
    let name = name.ok_or(Refusal::MissingField(name_field))?;
    Ok(ToolKind::Function { name, description, parameters, strict })
}

/// Reads `tool_choice`, or the legacy `function_call`, which is an object with a name.
pub(super) fn read_choice(node: Node<'_>) -> Result<ToolChoice<'_>, Refusal> {
    if let Some(word) = node.string() {
        return match &*word {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            // Mistral says `any`.
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(invalid("tool_choice", "none, auto, required or an object")),
        };
    }
    let choice = object(node, "tool_choice")?;
    let (mut kind, mut function, mut name, mut allowed) = (None, None, None, None);
    for (key, value) in choice.members() {
        match &*key {
            "type" => kind = value.string(),
            "function" | "custom" => function = Some(value),
            "name" => name = value.text(),
            "allowed_tools" => allowed = Some(value),
            _ => {}
        }
    }
    match (kind.as_deref(), allowed) {
        (Some("allowed_tools"), Some(allowed)) => Ok(read_allowed(allowed)),
        (None | Some("function" | "custom"), _) => {
            let name = function.and_then(|function| function.get("name")?.text()).or(name);
            name.map(ToolChoice::Tool).ok_or(Refusal::MissingField("tool_choice.function.name"))
        }
        _ => Ok(ToolChoice::Other(Dialect::OpenAi, node)),
    }
}

fn read_allowed(allowed: Node<'_>) -> ToolChoice<'_> {
    let (mut names, mut required) = (Vec::new(), false);
    for (key, value) in allowed.members() {
        match &*key {
            "mode" => required = value.string().is_some_and(|mode| mode == "required"),
            "tools" => {
                names = value.items().filter_map(allowed_name).collect();
            }
            _ => {}
        }
    }
    ToolChoice::Allowed { names, required }
}

fn allowed_name(tool: Node<'_>) -> Option<Text<'_>> {
    tool.get("function").or_else(|| tool.get("custom"))?.get("name")?.text()
}

/// Reads `response_format`, and tells whether that says all of it.
pub(super) fn read_format(node: Node<'_>) -> Result<(Option<Format<'_>>, bool), Refusal> {
    let (mut kind, mut schema) = (None, None);
    for (name, value) in object(node, "response_format")?.members() {
        match &*name {
            "type" => kind = value.string(),
            "json_schema" | "schema" => schema = Some(value),
            _ => {}
        }
    }
    match (kind.as_deref(), schema) {
        (Some("text"), _) => Ok((None, true)),
        // Together and others take the schema beside `json_object`.
        (Some("json_object"), Some(schema)) if schema.is_object() => {
            let format = Format::Schema { name: None, description: None, schema, strict: None };
            Ok((Some(format), false))
        }
        (Some("json_object"), _) => Ok((Some(Format::Json), true)),
        (Some("json_schema"), Some(schema)) => {
            read_schema(object(schema, "response_format.json_schema")?)
        }
        (Some("json_schema"), None) => Err(Refusal::MissingField("response_format.json_schema")),
        (None, _) => Err(Refusal::MissingField("response_format.type")),
        _ => Ok((None, false)),
    }
}

fn read_schema(node: Node<'_>) -> Result<(Option<Format<'_>>, bool), Refusal> {
    let (mut name, mut description, mut strict, mut schema) = (None, None, None, None);
    let mut whole = true;
    for (key, value) in node.members() {
        match &*key {
            _ if value.is_null() => {}
            "name" => name = value.text(),
            "description" => description = value.text(),
            "strict" => strict = Some(boolean(value, "response_format.json_schema.strict")?),
            "schema" => schema = Some(object(value, "response_format.json_schema.schema")?),
            _ => whole = false,
        }
    }
    // A schema without `schema` asks for JSON and says nothing of it.
    let Some(schema) = schema else { return Ok((Some(Format::Json), false)) };
    Ok((Some(Format::Schema { name, description, schema, strict }), whole))
}

/// Writes `tools` and what goes with them. Without tools OpenAI refuses a choice among them.
pub(super) fn write(
    it: &mut Writer,
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    let origin = conversation.origin;
    let own = origin == Dialect::OpenAi;
    let (sayable, unsayable): (Vec<_>, Vec<_>) =
        conversation.tools.iter().partition(|tool| match &tool.kind {
            ToolKind::Function { .. } => true,
            ToolKind::Other(dialect, _) => *dialect == Dialect::OpenAi,
        });
    for tool in unsayable {
        dropped.note(names::tool(origin, tool));
    }
    if sayable.is_empty() {
        let asked = conversation.tool_choice.is_some() && !conversation.tools.is_empty();
        dropped.note_field(asked, Field::ToolChoice, origin);
        return;
    }
    it.key("tools").array(|it| {
        for tool in &sayable {
            write_one(it, tool, own, knows_custom(towards));
            let place = names::of(origin, Thing::Tools);
            dropped.note_extras(conversation, Dialect::OpenAi, place, &tool.extras);
            let cached = !own && tool.cache.is_some();
            dropped.note_if(cached, names::of(origin, Thing::ToolCache));
        }
    });
    write_choice(it, conversation, towards, dropped);
    if let Some(parallel) = conversation.parallel_tool_calls {
        it.key("parallel_tool_calls").bool(parallel);
    }
}

/// Tells whether a provider has tools that take free text, as OpenAI has and those do not that are
/// merely compatible.
pub(super) fn knows_custom(towards: Towards<'_>) -> bool {
    towards.completion_tokens_cap
}

fn write_one(it: &mut Writer, tool: &Tool<'_>, own: bool, knows_custom: bool) {
    if let ToolKind::Other(_, node) = &tool.kind {
        return it.node(*node);
    }
    match (tool.as_custom(), written(&tool.extras)) {
        (Some(declaration), _) if knows_custom && declaration.get("custom").is_some() => {
            it.node(declaration);
        }
        (Some(declaration), _) if knows_custom => write_custom(it, declaration),
        (None, Some(node)) if own => it.node(node),
        _ => write_function(it, &tool.kind),
    }
}

/// Writes a tool that takes free text, as Responses declares it.
fn write_custom(it: &mut Writer, declaration: Node<'_>) {
    it.object(|it| {
        it.key("type").string("custom");
        it.key("custom").object(|it| {
            for (name, value) in declaration.members() {
                match &*name {
                    "name" | "description" => it.key(&name).node(value),
                    "format" => write_custom_format(it.key("format"), value),
                    _ => {}
                }
            }
        });
    });
}

fn write_custom_format(it: &mut Writer, format: Node<'_>) {
    it.object(|it| match (format.get("syntax"), format.get("definition")) {
        (Some(syntax), Some(definition)) => {
            it.key("type").string("grammar");
            it.key("grammar").object(|it| {
                it.key("syntax").node(syntax);
                it.key("definition").node(definition);
            });
        }
        _ => it.key("type").string("text"),
    });
}

fn write_function(it: &mut Writer, kind: &ToolKind<'_>) {
    let ToolKind::Function { name, description, parameters, strict } = kind else { return };
    it.object(|it| {
        it.key("type").string("function");
        it.key("function").object(|it| {
            it.key("name").text(name);
            if let Some(description) = description {
                it.key("description").text(description);
            }
            if let Some(parameters) = parameters {
                it.key("parameters").node(*parameters);
            }
            if let Some(strict) = strict {
                it.key("strict").bool(*strict);
            }
        });
    });
}

fn write_choice(
    it: &mut Writer,
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    let customs = if knows_custom(towards) { conversation.custom_tools() } else { Vec::new() };
    let one = |it: &mut Writer, name: &Text<'_>| {
        let is_custom = customs.iter().any(|custom| *name == **custom);
        let kind = if is_custom { "custom" } else { "function" };
        it.object(|it| {
            it.key("type").string(kind);
            it.key(kind).object(|it| it.key("name").text(name));
        });
    };
    match &conversation.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => it.key("tool_choice").string("auto"),
        Some(ToolChoice::None) => it.key("tool_choice").string("none"),
        Some(ToolChoice::Required) => it.key("tool_choice").string("required"),
        Some(ToolChoice::Tool(name)) => one(it.key("tool_choice"), name),
        Some(ToolChoice::Allowed { names, required }) => it.key("tool_choice").object(|it| {
            it.key("type").string("allowed_tools");
            it.key("allowed_tools").object(|it| {
                it.key("mode").string(if *required { "required" } else { "auto" });
                it.key("tools").array(|it| names.iter().for_each(|name| one(it, name)));
            });
        }),
        Some(ToolChoice::Other(Dialect::OpenAi, node)) => it.key("tool_choice").node(*node),
        Some(ToolChoice::Other(..)) => {
            dropped.note_field(true, Field::ToolChoice, conversation.origin);
        }
    }
}

/// Writes `response_format`.
pub(super) fn write_format(it: &mut Writer, format: &Format<'_>) {
    match format {
        Format::Json => {
            it.key("response_format").object(|it| it.key("type").string("json_object"));
        }
        Format::Schema { name, description, schema, strict } => {
            it.key("response_format").object(|it| {
                it.key("type").string("json_schema");
                it.key("json_schema").object(|it| {
                    match name {
                        Some(name) => it.key("name").text(name),
                        // OpenAI cannot do without.
                        None => it.key("name").string("response"),
                    }
                    if let Some(description) = description {
                        it.key("description").text(description);
                    }
                    it.key("schema").node(*schema);
                    if let Some(strict) = strict {
                        it.key("strict").bool(*strict);
                    }
                });
            });
        }
    }
}
