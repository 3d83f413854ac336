//! `contents` and `systemInstruction`, read.

use crate::dialect::chat::message::ToolResult;
use crate::dialect::chat::{Message, Part, PartKind, Role, WRITTEN};
use crate::dialect::gemini::member::{camel, each, set};
use crate::dialect::gemini::parts;
use crate::json::node::Node;
use crate::refusal::Refusal;

/// Reads the turns.
pub(super) fn read<'a>(node: Node<'a>, into: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    let wrong = Refusal::InvalidField { field: "contents", expected: "contents with parts" };
    if !node.is_array() && !node.is_object() {
        return Err(wrong);
    }
    let before = into.len();
    for content in each(node) {
        if !content.is_object() {
            return Err(wrong);
        }
        turn(content, into)?;
    }
    if into.len() == before {
        return Err(Refusal::MissingField("contents"));
    }
    Ok(())
}

/// Reads the system prompt.
pub(super) fn system(node: Node<'_>) -> Result<Message<'_>, Refusal> {
    let expected = Refusal::InvalidField { field: "systemInstruction", expected: "a content" };
    if !node.is_object() {
        return Err(expected);
    }
    let mut message = Message::new(Role::System, Vec::new());
    for (key, value) in set(node) {
        match &*key {
            "parts" => message.parts = read_parts(value)?,
            // Without meaning here.
            "role" if value.string().is_some_and(|role| role == "user") => {}
            "role" => message.extras.push((WRITTEN.into(), node)),
            _ => message.extras.push((key, value)),
        }
    }
    Ok(message)
}

fn turn<'a>(node: Node<'a>, into: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    let (mut role, mut parts, mut extras) = (Role::User, Vec::new(), Vec::new());
    let mut written = false;
    for (key, value) in set(node) {
        match &*camel(&key) {
            "role" => match value.string().as_deref() {
                Some("user" | "") => {}
                Some("model") => role = Role::Assistant,
                // An older name for the user's side, when tools answer.
                Some("function") => written = true,
                _ => {
                    let expected = "'user', 'model' or 'function'";
                    return Err(Refusal::InvalidField { field: "contents[].role", expected });
                }
            },
            "parts" => parts = read_parts(value)?,
            _ => extras.push((key, value)),
        }
    }
    let (results, rest) = match role {
        Role::User => parts.into_iter().partition(is_result),
        Role::System | Role::Developer | Role::Assistant | Role::Tool => (Vec::new(), parts),
    };
    if written {
        extras.push((WRITTEN.into(), node));
    }
    let only_results = rest.is_empty() && !results.is_empty();
    if !results.is_empty() {
        let mut message = Message::new(Role::Tool, results);
        if only_results {
            message.extras.append(&mut extras);
        }
        into.push(message);
    }
    if !only_results {
        extras.retain(|(name, _)| name != WRITTEN);
        into.push(Message { role, parts: rest, name: None, extras });
    }
    Ok(())
}

fn is_result(part: &Part<'_>) -> bool {
    matches!(part.kind, PartKind::ToolResult(ToolResult { .. }))
}

fn read_parts(node: Node<'_>) -> Result<Vec<Part<'_>>, Refusal> {
    let wrong = Refusal::InvalidField { field: "contents[].parts", expected: "parts" };
    each(node)
        .map(|part| if part.is_object() { Ok(parts::read(part)) } else { Err(wrong.clone()) })
        .collect()
}
