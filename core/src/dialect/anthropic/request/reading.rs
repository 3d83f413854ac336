//! Reads a request, member by member.

use crate::dialect::Dialect;
use crate::dialect::anthropic::block::read as block;
use crate::dialect::chat::{
    Conversation, Effort, Format, Message, Part, PartKind, Role, Tool, ToolChoice, ToolKind,
};
use crate::dialect::checked::{self, invalid, number};
use crate::dialect::members::Members;
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

/// Reads a request that may lack `max_tokens`.
pub(in super::super) fn read_members(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let node = checked::body(body)?;
    let mut conversation = Conversation::of(Dialect::Anthropic);
    conversation.stream_usage = true;
    let (mut system, mut has_model, mut messages) = (None, false, None);
    for (name, value) in node.members() {
        match &*name {
            "system" => system = Some(value),
            "messages" => messages = Some(value),
            "model" => {
                has_model = true;
                conversation.model = value.string().ok_or(invalid("model", "a string"))?;
            }
            _ if value.is_null() => {}
            _ => {
                if !take(&mut conversation, &name, value)? {
                    conversation.extras.push((name, value));
                }
            }
        }
    }
    if !has_model {
        return Err(Refusal::MissingField("model"));
    }
    let messages = messages.ok_or(Refusal::MissingField("messages"))?;
    if !messages.is_array() {
        return Err(invalid("messages", "an array"));
    }
    conversation.messages = system_prompt(system)?.into_iter().collect();
    for message in messages.items() {
        take_message(message, &mut conversation.messages)?;
    }
    Ok(conversation)
}

/// Takes a member that has a meaning elsewhere too. Tells whether it has.
fn take<'a>(to: &mut Conversation<'a>, name: &str, value: Node<'a>) -> Result<bool, Refusal> {
    match name {
        "max_tokens" => {
            let count = value.u64().filter(|count| *count > 0);
            to.max_tokens = Some(count.ok_or(invalid("max_tokens", "a positive integer"))?);
        }
        "stream" => to.stream = value.bool().ok_or(invalid("stream", "a boolean"))?,
        "temperature" => to.sampling.temperature = Some(number(value, "temperature")?),
        "top_p" => to.sampling.top_p = Some(number(value, "top_p")?),
        "top_k" => to.sampling.top_k = Some(number(value, "top_k")?),
        "stop_sequences" => to.sampling.stop = stop_sequences(value)?,
        "tools" => to.tools = tools(value)?,
        "tool_choice" => take_tool_choice(to, value)?,
        "thinking" => super::thinking::read(value, &mut to.reasoning)?,
        "output_config" => take_output_config(to, value)?,
        "output_format" => {
            to.format = format(value);
            return Ok(to.format.is_some());
        }
        "metadata" => {
            let mut members = Members::of(value);
            to.user = members.take_text("user_id");
            members.rest_below("metadata.", &mut to.extras);
        }
        "service_tier" => {
            to.service_tier = Some(value.text().ok_or(invalid("service_tier", "a string"))?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn system_prompt(node: Option<Node<'_>>) -> Result<Option<Message<'_>>, Refusal> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(None) };
    if !node.is_array() && node.text().is_none() {
        return Err(invalid("system", "a string or an array of text blocks"));
    }
    let parts = block::content(node);
    Ok((!parts.is_empty()).then(|| Message::new(Role::System, parts)))
}

fn take_message<'a>(node: Node<'a>, messages: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    let mut members = Members::of(node);
    let role = match members.take("role").and_then(Node::string).as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => return Err(invalid("messages[].role", "'user', 'assistant' or 'system'")),
    };
    let content = members.take("content").ok_or(Refusal::MissingField("messages[].content"))?;
    if !content.is_array() && content.text().is_none() {
        return Err(invalid("messages[].content", "a string or an array of content blocks"));
    }
    let is_result = |part: &Part<'_>| matches!(part.kind, PartKind::ToolResult(_));
    let (results, rest): (Vec<_>, Vec<_>) =
        block::content(content).into_iter().partition(is_result);
    let only_results = rest.is_empty() && !results.is_empty();
    if !results.is_empty() {
        messages.push(Message::new(Role::Tool, results));
    }
    if !only_results {
        messages.push(Message::new(role, rest));
    }
    if let Some(last) = messages.last_mut() {
        last.extras = members.rest();
    }
    Ok(())
}

fn stop_sequences(node: Node<'_>) -> Result<Vec<Text<'_>>, Refusal> {
    let wrong = || invalid("stop_sequences", "an array of strings");
    if !node.is_array() {
        return Err(wrong());
    }
    node.items().map(|item| item.text().ok_or_else(wrong)).collect()
}

fn tools(node: Node<'_>) -> Result<Vec<Tool<'_>>, Refusal> {
    if !node.is_array() {
        return Err(invalid("tools", "an array"));
    }
    node.items().map(tool).collect()
}

fn tool(node: Node<'_>) -> Result<Tool<'_>, Refusal> {
    if !node.is_object() {
        return Err(invalid("tools[]", "an object"));
    }
    let mut members = Members::of(node);
    let kind = members.take_text("type");
    if kind.is_some_and(|kind| kind != "custom") {
        let kind = ToolKind::Other(Dialect::Anthropic, node);
        return Ok(Tool { kind, cache: None, extras: Vec::new() });
    }
    let kind = ToolKind::Function {
        name: members.take_text("name").ok_or(Refusal::MissingField("tools[].name"))?,
        description: members.take_text("description"),
        parameters: members.take("input_schema"),
        strict: members.take("strict").and_then(Node::bool),
    };
    Ok(Tool { kind, cache: members.take("cache_control"), extras: members.rest() })
}

fn take_tool_choice<'a>(to: &mut Conversation<'a>, node: Node<'a>) -> Result<(), Refusal> {
    let mut members = Members::of(node);
    let kind = members.take("type").and_then(Node::string);
    let name = members.take_text("name");
    to.tool_choice = Some(match kind.as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Tool(name.ok_or(Refusal::MissingField("tool_choice.name"))?),
        Some(_) => ToolChoice::Other(Dialect::Anthropic, node),
        None => return Err(Refusal::MissingField("tool_choice.type")),
    });
    let disabled = members.take("disable_parallel_tool_use").and_then(Node::bool);
    to.parallel_tool_calls = disabled.map(|disabled| !disabled);
    Ok(())
}

fn take_output_config<'a>(to: &mut Conversation<'a>, node: Node<'a>) -> Result<(), Refusal> {
    let mut members = Members::of(node);
    if let Some(written) = members.take("effort") {
        let name = written.text().ok_or(invalid("output_config.effort", "a string"))?;
        to.reasoning.effort = Effort::named(&name.decoded());
        to.reasoning.effort_name = Some(name);
    }
    if let Some(written) = members.take("format") {
        to.format = format(written);
        if to.format.is_none() {
            return Err(invalid("output_config.format", "a JSON schema"));
        }
    }
    members.rest_below("output_config.", &mut to.extras);
    Ok(())
}

fn format(node: Node<'_>) -> Option<Format<'_>> {
    let mut members = Members::of(node);
    let kind = members.take_text("type")?;
    let schema = members.take("schema").filter(|_| kind == "json_schema")?;
    Some(Format::Schema { name: None, description: None, schema, strict: None })
}
