//! Messages of a chat request, as clients write them.

use super::super::{call, part, thought};
use crate::dialect::chat::message::ToolResult;
use crate::dialect::chat::{Extras, Message, Part, PartKind, Role};
use crate::dialect::checked::{array, invalid, text};
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

/// Reads `messages`.
pub(super) fn read_all(messages: Node<'_>) -> Result<Vec<Message<'_>>, Refusal> {
    let messages: Vec<_> = messages.items().map(read).collect::<Result<_, _>>()?;
    if messages.is_empty() {
        return Err(invalid("messages", "at least one message"));
    }
    Ok(messages)
}

#[derive(Default)]
struct Draft<'a> {
    content: Option<Node<'a>>,
    refusal: Option<Text<'a>>,
    name: Option<Text<'a>>,
    calls: Option<Node<'a>>,
    function_call: Option<Node<'a>>,
    call_id: Option<Text<'a>>,
    thoughts: thought::Fields<'a>,
    extras: Extras<'a>,
}

fn read(node: Node<'_>) -> Result<Message<'_>, Refusal> {
    if !node.is_object() {
        return Err(invalid("messages[]", "an object"));
    }
    let (mut role, mut draft) = (None, Draft::default());
    for (name, value) in node.members() {
        if value.is_null() {
            continue;
        }
        match &*name {
            "role" => role = Some(text(value, "messages[].role")?),
            "content" => draft.content = Some(value),
            "refusal" => draft.refusal = Some(text(value, "messages[].refusal")?),
            "name" => draft.name = Some(text(value, "messages[].name")?),
            "tool_calls" => draft.calls = Some(array(value, "messages[].tool_calls")?),
            "function_call" => draft.function_call = Some(value),
            "tool_call_id" => draft.call_id = Some(text(value, "messages[].tool_call_id")?),
            other if draft.thoughts.take(other, value) => {}
            "" => {}
            _ => draft.extras.push((name, value)),
        }
    }
    let role = role.ok_or(Refusal::MissingField("messages[].role"))?;
    let role = role.decoded();
    let speaker = match &*role {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => return draft.result(&role),
        _ => return Err(invalid("messages[].role", "a role such as user or assistant")),
    };
    draft.turn(speaker)
}

impl<'a> Draft<'a> {
    fn turn(self, role: Role) -> Result<Message<'a>, Refusal> {
        let mut parts = self.thoughts.parts();
        if let Some(content) = self.content {
            part::read_content(content, &mut parts)?;
        }
        parts.extend(self.refusal.map(|refusal| Part::new(PartKind::Refusal(refusal))));
        for item in self.calls.iter().flat_map(|calls| calls.items()) {
            let unnamed = Refusal::MissingField("messages[].tool_calls[].function.name");
            parts.push(call::read(item).ok_or(unnamed)?);
        }
        if let Some(node) = self.function_call {
            let unnamed = Refusal::MissingField("messages[].function_call.name");
            parts.push(call::read_legacy(node).ok_or(unnamed)?);
        }
        Ok(Message { role, parts, name: self.name, extras: self.extras })
    }

    /// Makes the answer of a tool, or of a legacy function, which has a name instead of an id.
    fn result(self, role: &str) -> Result<Message<'a>, Refusal> {
        let id = match self.call_id {
            Some(id) => id,
            None if role == "function" => Text::default(),
            None => return Err(Refusal::MissingField("messages[].tool_call_id")),
        };
        let mut parts = Vec::new();
        if let Some(content) = self.content {
            part::read_content(content, &mut parts)?;
        }
        let result = ToolResult { id, name: self.name, parts, is_error: false };
        let part = Part::new(PartKind::ToolResult(result));
        Ok(Message { role: Role::Tool, parts: vec![part], name: None, extras: self.extras })
    }
}
