//! Writing `instructions` and `input`.

use std::collections::BTreeSet;

use super::write::is_continued;
use crate::dialect::Dialect;
use crate::dialect::chat::message::{Thought, ToolCall, ToolResult};
use crate::dialect::chat::{Conversation, Dropped, Message, Part, PartKind, Role, written};
use crate::dialect::responses::media;
use crate::dialect::responses::seal::Sealed;
use crate::json::node::Text;
use crate::json::write::Writer;

/// Writes `instructions` and `input`.
pub(super) fn write(conversation: &Conversation<'_>, it: &mut Writer, dropped: &mut Dropped) {
    let mut messages = conversation.messages.as_slice();
    if let Some((first, rest)) = messages.split_first()
        && let Some(text) = instructions(first)
    {
        it.key("instructions").text(text);
        note(conversation, first, dropped);
        messages = rest;
    }
    it.key("input").array(|it| {
        let own = conversation.origin == Dialect::Responses;
        let mut items = Items { conversation, own, it, dropped, calls: Calls::default() };
        for message in messages {
            items.message(message);
        }
    });
}

/// Returns the text of a system prompt that can stand apart.
fn instructions<'m, 'a>(message: &'m Message<'a>) -> Option<&'m Text<'a>> {
    let [Part { kind: PartKind::Text(text), extras, .. }] = message.parts.as_slice() else {
        return None;
    };
    let plain = message.role == Role::System && message.name.is_none();
    (plain && written(&message.extras).is_none() && written(extras).is_none()).then_some(text)
}

/// Notes what no part of a message can be told.
fn note(conversation: &Conversation<'_>, message: &Message<'_>, dropped: &mut Dropped) {
    dropped.note_if(message.name.is_some(), "messages[].name");
    dropped.note_extras(conversation, Dialect::Responses, "messages[]", &message.extras);
    if conversation.origin == Dialect::Responses {
        return;
    }
    for part in &message.parts {
        dropped.note_if(part.cache.is_some(), "messages[].content[].cache_control");
        let place = "messages[].content[]";
        dropped.note_extras(conversation, Dialect::Responses, place, &part.extras);
    }
}

/// Calls whose results are to come, to tie results to calls where a dialect has no ids.
#[derive(Default)]
struct Calls {
    count: usize,
    /// Made-up ids without a result, the oldest last.
    waiting: Vec<Text<'static>>,
    /// Ids of calls of custom tools.
    custom: BTreeSet<Vec<u8>>,
}

struct Items<'w, 'c, 'd> {
    conversation: &'c Conversation<'c>,
    /// The conversation was read from this dialect.
    own: bool,
    it: &'w mut Writer,
    dropped: &'d mut Dropped,
    calls: Calls,
}

impl Items<'_, '_, '_> {
    fn message(&mut self, message: &Message<'_>) {
        if let Some(node) = written(&message.extras).filter(|_| self.own) {
            return self.it.node(node);
        }
        note(self.conversation, message, self.dropped);
        match message.role {
            Role::System => self.told("system", message),
            Role::Developer => self.told("developer", message),
            Role::User => self.told("user", message),
            Role::Assistant | Role::Tool => {
                message.parts.iter().for_each(|part| self.part(part));
            }
        }
    }

    /// Writes a message to the model, and after it the results of tools that are in it.
    fn told(&mut self, role: &str, message: &Message<'_>) {
        let is_result = |part: &&Part<'_>| matches!(part.kind, PartKind::ToolResult(_));
        let results = message.parts.iter().filter(is_result).count();
        message.parts.iter().filter(is_result).for_each(|part| self.part(part));
        if results > 0 && results == message.parts.len() {
            return;
        }
        let (origin, dropped) = (self.conversation.origin, &mut *self.dropped);
        self.it.object(|it| {
            it.key("type").string("message");
            it.key("role").string(role);
            match message.parts.as_slice() {
                [] => it.key("content").string(""),
                [Part { kind: PartKind::Text(text), .. }] => it.key("content").text(text),
                parts => it.key("content").array(|it| {
                    for part in parts.iter().filter(|part| !is_result(part)) {
                        content(part, origin, it, dropped);
                    }
                }),
            }
        });
    }

    /// Writes a part that is an item here.
    fn part(&mut self, part: &Part<'_>) {
        if let PartKind::ToolCall(call) = &part.kind
            && call.custom
        {
            self.calls.custom.insert(call.id.as_escaped().to_vec());
        }
        if let Some(node) = written(&part.extras).filter(|_| self.own) {
            if !is_continued(node) {
                self.it.node(node);
            }
            return;
        }
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => self.said(text),
            PartKind::Media(_) => self.dropped.note("messages[].content[].image"),
            PartKind::Reasoning(thought) => self.thought(thought),
            PartKind::ToolCall(call) => self.call(call),
            PartKind::ToolResult(result) => self.result(result),
            PartKind::Other(Dialect::Responses, node) => self.it.node(*node),
            PartKind::Other(..) => self.dropped.note("messages[].content[]"),
        }
    }

    fn said(&mut self, text: &Text<'_>) {
        self.it.object(|it| {
            it.key("type").string("message");
            it.key("role").string("assistant");
            it.key("content").text(text);
        });
    }

    /// Writes thoughts that a provider of this dialect can open. Others would be refused.
    fn thought(&mut self, thought: &Thought<'_>) {
        let (Some(data), Some(id)) = (&thought.encrypted, &thought.id) else {
            // Sealed thoughts of other providers make no sense to this one, whoever brings them.
            self.dropped.note_if(!self.own, "messages[].content[].reasoning");
            return;
        };
        self.it.object(|it| {
            it.key("type").string("reasoning");
            if !id.is_empty() {
                it.key("id").text(id);
            }
            it.key("summary").array(|it| {
                if let Some(text) = &thought.text {
                    it.object(|it| {
                        it.key("type").string("summary_text");
                        it.key("text").text(text);
                    });
                }
            });
            Sealed::Native(data.clone()).write(it.key("encrypted_content"));
        });
    }

    fn call(&mut self, call: &ToolCall<'_>) {
        let made_up = Text::of(&format!("call_{}", self.calls.count));
        self.calls.count += 1;
        if call.id.is_empty() {
            self.calls.waiting.insert(0, made_up.clone());
        }
        let id = if call.id.is_empty() { &made_up } else { &call.id };
        let (kind, arguments) = if call.custom {
            ("custom_tool_call", "input")
        } else {
            ("function_call", "arguments")
        };
        self.it.object(|it| {
            it.key("type").string(kind);
            it.key("call_id").text(id);
            it.key("name").text(&call.name);
            it.key(arguments).text(&call.arguments.to_text());
        });
    }

    fn result(&mut self, result: &ToolResult<'_>) {
        let waiting = if result.id.is_empty() { self.calls.waiting.pop() } else { None };
        let id = waiting.as_ref().unwrap_or(&result.id);
        let custom = self.calls.custom.contains(id.as_escaped());
        let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
        let (origin, dropped) = (self.conversation.origin, &mut *self.dropped);
        dropped.note_if(result.is_error, "messages[].content[].is_error");
        self.it.object(|it| {
            it.key("type").string(kind);
            it.key("call_id").text(id);
            match result.parts.as_slice() {
                [] => it.key("output").string(""),
                [Part { kind: PartKind::Text(text), .. }] => it.key("output").text(text),
                parts => it.key("output").array(|it| {
                    for part in parts {
                        content(part, origin, it, dropped);
                    }
                }),
            }
        });
    }
}

/// Writes a part of content that the model is told.
fn content(part: &Part<'_>, origin: Dialect, it: &mut Writer, dropped: &mut Dropped) {
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => it.object(|it| {
            it.key("type").string("input_text");
            it.key("text").text(text);
        }),
        PartKind::Media(medium) => {
            if !media::write(medium, origin, it) {
                dropped.note("messages[].content[]");
            }
        }
        PartKind::Other(Dialect::Responses, node) => it.node(*node),
        PartKind::Reasoning(_)
        | PartKind::ToolCall(_)
        | PartKind::ToolResult(_)
        | PartKind::Other(..) => dropped.note("messages[].content[]"),
    }
}
