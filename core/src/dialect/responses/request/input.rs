//! Reading `input`.

use crate::dialect::chat::{Message, Part, Role};
use crate::dialect::responses::item::{Item, content};
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

/// Reads `input`, a string or items. What the model said, thought and called one after the other
/// is one message; so are answers of tools.
pub(super) fn read<'a>(input: Node<'a>, messages: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    if let Some(text) = input.text() {
        messages.push(Message::new(Role::User, vec![Part::text(text)]));
        return Ok(());
    }
    if !input.is_array() {
        return Err(Refusal::InvalidField { field: "input", expected: "a string or an array" });
    }
    let mut turns = Turns { messages, begun: false, signature: None };
    for item in input.items() {
        if !item.is_object() {
            return Err(Refusal::InvalidField { field: "input[]", expected: "an object" });
        }
        turns.item(&Item::read(item))?;
    }
    Ok(())
}

struct Turns<'m, 'a> {
    messages: &'m mut Vec<Message<'a>>,
    /// The last message was begun by an item and may go on.
    begun: bool,
    /// Proof of the next call.
    signature: Option<Text<'a>>,
}

impl<'a> Turns<'_, 'a> {
    fn item(&mut self, item: &Item<'a>) -> Result<(), Refusal> {
        let kind = item.kind.as_deref().or(item.role.as_ref().map(|_| "message"));
        match kind {
            Some("message") => return self.message(item),
            Some("function_call" | "custom_tool_call") => {
                let custom = kind == Some("custom_tool_call");
                let signature = self.signature.take();
                let call = item.call(custom, signature).ok_or(missing(item))?;
                self.add(Role::Assistant, vec![call]);
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                let result = item.result().ok_or(missing(item))?;
                self.add(Role::Tool, vec![result]);
            }
            Some("reasoning") => {
                let (thoughts, signature) = item.thoughts();
                self.signature = signature;
                if !thoughts.is_empty() {
                    self.add(Role::Assistant, thoughts);
                }
            }
            _ => self.add(Role::Assistant, item.other().into_iter().collect()),
        }
        Ok(())
    }

    fn message(&mut self, item: &Item<'a>) -> Result<(), Refusal> {
        let written = item.content.ok_or(Refusal::MissingField("input[].content"))?;
        if written.text().is_none() && !written.is_array() {
            let expected = "a string or an array";
            return Err(Refusal::InvalidField { field: "input[].content", expected });
        }
        let role = match item.role.as_deref() {
            Some("user") => Role::User,
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("assistant") => {
                self.add(Role::Assistant, item.said());
                return Ok(());
            }
            _ => {
                let expected = "'user', 'assistant', 'system' or 'developer'";
                return Err(Refusal::InvalidField { field: "input[].role", expected });
            }
        };
        let extras = item.extras();
        self.messages.push(Message { role, parts: content(written), name: None, extras });
        self.begun = false;
        Ok(())
    }

    fn add(&mut self, role: Role, parts: Vec<Part<'a>>) {
        match self.messages.last_mut() {
            Some(last) if self.begun && last.role == role => last.parts.extend(parts),
            _ => self.messages.push(Message::new(role, parts)),
        }
        self.begun = true;
    }
}

/// Tells which member a call or its output lacks.
fn missing(item: &Item<'_>) -> Refusal {
    Refusal::MissingField(match item {
        Item { call_id: None, .. } => "input[].call_id",
        Item { output: None, name: Some(_), .. } => "input[].output",
        _ if item.kind.as_deref().is_some_and(|kind| kind.ends_with("output")) => "input[].output",
        _ => "input[].name",
    })
}
