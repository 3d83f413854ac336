//! `tools` and `toolConfig`, both ways.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Tool, ToolChoice, ToolKind};
use crate::dialect::gemini::member::{camel, each, set, write_extras};
use crate::dialect::gemini::schema;
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads the declarations. An object among them may declare functions and something of the
/// provider's own at once.
pub(super) fn read<'a>(node: Node<'a>, it: &mut Conversation<'a>) -> Result<(), Refusal> {
    for tool in each(node) {
        if !tool.is_object() {
            return Err(Refusal::InvalidField { field: "tools[]", expected: "an object" });
        }
        let mut has_own = false;
        for (key, value) in set(tool) {
            if camel(&key) == "functionDeclarations" {
                for declaration in each(value) {
                    it.tools.push(function(declaration)?);
                }
            } else {
                has_own = true;
            }
        }
        if has_own {
            let kind = ToolKind::Other(Dialect::Gemini, tool);
            it.tools.push(Tool { kind, cache: None, extras: Vec::new() });
        }
    }
    Ok(())
}

fn function(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    let (mut name, mut description, mut parameters) = (None, None, None);
    let mut extras = Vec::new();
    for (key, value) in set(node) {
        match &*camel(&key) {
            "name" => name = value.text(),
            "description" => description = value.text(),
            "parameters" | "parametersJsonSchema" => parameters = Some(value),
            _ => extras.push((key, value)),
        }
    }
    let name = name.ok_or(Refusal::MissingField("tools[].functionDeclarations[].name"))?;
    let kind = ToolKind::Function { name, description, parameters, strict: None };
    Ok(Tool { kind, cache: None, extras })
}

/// Reads `toolConfig`; what it says besides is kept whole.
pub(super) fn read_choice<'a>(
    name: Cow<'a, str>,
    node: Node<'a>,
    it: &mut Conversation<'a>,
) -> Result<(), Refusal> {
    let mut says_more = false;
    for (key, value) in set(node) {
        if camel(&key) == "functionCallingConfig" {
            let (choice, more) = mode(value)?;
            it.tool_choice = choice;
            says_more |= more;
        } else {
            says_more = true;
        }
    }
    if says_more {
        it.extras.push((name, node));
    }
    Ok(())
}

/// Reads a mode; says whether there is more to it.
fn mode(node: Node<'_>) -> Result<(Option<ToolChoice<'_>>, bool), Refusal> {
    let (mut mode, mut names, mut more) = (Cow::Borrowed("AUTO"), Vec::new(), false);
    for (key, value) in set(node) {
        match &*camel(&key) {
            "mode" => mode = value.string().unwrap_or_default(),
            "allowedFunctionNames" => names = each(value).filter_map(Node::text).collect(),
            _ => more = true,
        }
    }
    let upper = mode.to_ascii_uppercase();
    more |= upper != mode;
    let choice = match &*upper {
        "AUTO" | "MODE_UNSPECIFIED" | "" if names.is_empty() => ToolChoice::Auto,
        "AUTO" | "MODE_UNSPECIFIED" | "" => {
            more = true;
            ToolChoice::Allowed { names, required: false }
        }
        "NONE" => ToolChoice::None,
        "ANY" => match <[Text<'_>; 1]>::try_from(names) {
            Ok([name]) => ToolChoice::Tool(name),
            Err(names) if names.is_empty() => ToolChoice::Required,
            Err(names) => ToolChoice::Allowed { names, required: true },
        },
        // As it likes, but calls keep to their schemas.
        "VALIDATED" if names.is_empty() => return Ok((Some(ToolChoice::Auto), true)),
        "VALIDATED" => ToolChoice::Allowed { names, required: false },
        _ => {
            let field = "toolConfig.functionCallingConfig.mode";
            let expected = "'AUTO', 'ANY', 'NONE' or 'VALIDATED'";
            return Err(Refusal::InvalidField { field, expected });
        }
    };
    Ok((Some(choice), more))
}

/// Writes `tools`, if there are any that Gemini can have.
pub(super) fn write(out: &mut Writer, it: &Conversation<'_>, dropped: &mut Dropped) {
    let mut tools: Vec<_> = it.tools.iter().collect();
    if it.origin != Dialect::Gemini {
        // All functions must stand together.
        tools.sort_by_key(|tool| !is_function(tool));
    }
    let mut all = Writer::default();
    all.array(|all| {
        for tools in tools.chunk_by(|one, other| is_function(one) && is_function(other)) {
            match tools.first().map(|tool| &tool.kind) {
                Some(ToolKind::Function { .. }) => all.object(|set| {
                    set.key("functionDeclarations").array(|list| {
                        for tool in tools {
                            declare(list, tool, it, dropped);
                        }
                    });
                }),
                Some(ToolKind::Other(Dialect::Gemini, node)) => own(all, *node),
                Some(ToolKind::Other(_, node)) => dropped.note(other_name(*node)),
                None => {}
            }
        }
    });
    let all = all.into_bytes();
    if all != b"[]" {
        out.key("tools").raw(&all);
    }
}

fn is_function(tool: &Tool<'_>) -> bool {
    matches!(tool.kind, ToolKind::Function { .. })
}

fn declare(out: &mut Writer, tool: &Tool<'_>, it: &Conversation<'_>, dropped: &mut Dropped) {
    let ToolKind::Function { name, description, parameters, strict } = &tool.kind else { return };
    dropped.note_if(*strict == Some(true), "tools[].strict");
    dropped.note_if(tool.cache.is_some(), "tools[].cache_control");
    dropped.note_extras(it, Dialect::Gemini, "tools[]", &tool.extras);
    out.object(|out| {
        out.key("name").text(name);
        if let Some(description) = description {
            out.key("description").text(description);
        }
        if let Some(parameters) = parameters {
            let gemini = schema::is_gemini(*parameters);
            out.key(if gemini { "parameters" } else { "parametersJsonSchema" }).node(*parameters);
        }
        if it.origin == Dialect::Gemini {
            write_extras(out, &tool.extras);
        }
    });
}

fn own(out: &mut Writer, node: Node<'_>) {
    out.object(|out| {
        for (key, value) in set(node).filter(|(key, _)| camel(key) != "functionDeclarations") {
            out.key(&key).node(value);
        }
    });
}

/// Names a tool that only another dialect has.
fn other_name(node: Node<'_>) -> String {
    let kind = node.get("type").and_then(Node::string).unwrap_or_default();
    let plain = kind.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c));
    let plain: String = plain.take(64).collect();
    if plain.is_empty() { "tools[]".into() } else { format!("tools[].{plain}") }
}

/// Writes `toolConfig`, if anything but the default is wished for.
pub(super) fn write_choice(out: &mut Writer, it: &Conversation<'_>, dropped: &mut Dropped) {
    dropped.note_field(it.parallel_tool_calls == Some(false), Field::ParallelToolCalls, it.origin);
    let kept = it.extras.iter().find(|(name, _)| camel(name) == "toolConfig");
    if let Some((_, node)) = kept.filter(|_| it.origin == Dialect::Gemini) {
        out.key("toolConfig").node(*node);
        return;
    }
    // Without functions any mode is an error.
    if !it.tools.iter().any(is_function) {
        return;
    }
    let no_names = &[][..];
    let (mode, names) = match &it.tool_choice {
        None => return,
        Some(ToolChoice::Auto) => ("AUTO", no_names),
        Some(ToolChoice::None) => ("NONE", no_names),
        Some(ToolChoice::Required) => ("ANY", no_names),
        Some(ToolChoice::Tool(name)) => ("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, required: true }) => ("ANY", &names[..]),
        // Names go with these two modes only; calls keep to their schemas besides.
        Some(ToolChoice::Allowed { names, required: false }) => ("VALIDATED", &names[..]),
        Some(ToolChoice::Other(..)) => {
            dropped.note_field(true, Field::ToolChoice, it.origin);
            return;
        }
    };
    out.key("toolConfig").object(|out| {
        out.key("functionCallingConfig").object(|out| {
            out.key("mode").string(mode);
            if !names.is_empty() {
                out.key("allowedFunctionNames").array(|all| {
                    for name in names {
                        all.text(name);
                    }
                });
            }
        });
    });
}
