//! Which turns a request has: the API wants a first one of the user's, no empty blocks, and the
//! results of tools at the beginning of the turn that follows their calls.

use std::borrow::Cow;

use super::ids::Ids;
use crate::dialect::Dialect;
use crate::dialect::anthropic::block::write::{self as block, Besides};
use crate::dialect::chat::message::Thought;
use crate::dialect::chat::{
    Conversation, Dropped, Media, MediaKind, Message, Part, PartKind, Role, Source,
};
use crate::json::node::Text;
use crate::json::write::Writer;

/// What will be written, part by part.
pub(super) struct Turns<'c, 'a> {
    system: Vec<&'c Part<'a>>,
    turns: Vec<Turn<'c, 'a>>,
}

struct Turn<'c, 'a> {
    role: Role,
    parts: Vec<&'c Part<'a>>,
    message: &'c Message<'a>,
}

/// What the user says where the conversation does not begin with the user.
const BEGINNING: &str = ".";

/// Decides what is written, and notes what is not.
pub(super) fn plan<'c, 'a>(
    conversation: &'c Conversation<'a>,
    dropped: &mut Dropped,
) -> Turns<'c, 'a> {
    let is_own = conversation.origin == Dialect::Anthropic;
    let is_system = |message: &Message<'_>| matches!(message.role, Role::System | Role::Developer);
    // Instructions alone are a question to this API.
    let only_system = !is_own && conversation.messages.iter().all(is_system);
    let mut plan = Turns { system: Vec::new(), turns: Vec::new() };
    let mut previous = None;
    for message in &conversation.messages {
        dropped.note_extras(conversation, Dialect::Anthropic, "messages[]", &message.extras);
        dropped.note_if(message.name.is_some(), "messages[].name");
        let role = role(message.role, only_system);
        let leads = plan.turns.is_empty() || !is_own;
        let parts =
            message.parts.iter().filter(|part| is_carried(part, role, conversation, dropped));
        if role == Role::System && leads {
            plan.system.extend(parts);
            continue;
        }
        let parts: Vec<_> = parts.collect();
        let follows_result = previous == Some(Role::Tool) && message.role == Role::User;
        previous = Some(message.role);
        if parts.is_empty() {
            continue;
        }
        match plan.turns.last_mut() {
            Some(last) if last.role == role && (!is_own || follows_result) => {
                last.parts.extend(parts);
            }
            _ => plan.turns.push(Turn { role, parts, message }),
        }
    }
    for turn in &mut plan.turns {
        // Stable: what is no result stays in order behind them.
        turn.parts.sort_by_key(|part| !matches!(part.kind, PartKind::ToolResult(_)));
    }
    plan
}

/// Returns who speaks, as far as this dialect tells them apart.
fn role(role: Role, only_system: bool) -> Role {
    match role {
        Role::System | Role::Developer if !only_system => Role::System,
        Role::Assistant => Role::Assistant,
        Role::System | Role::Developer | Role::User | Role::Tool => Role::User,
    }
}

fn is_carried(
    part: &Part<'_>,
    role: Role,
    conversation: &Conversation<'_>,
    dropped: &mut Dropped,
) -> bool {
    let lost = match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => return !is_blank(text),
        PartKind::Other(Dialect::Anthropic, _) => return true,
        PartKind::Other(..) => Some("messages[].content[]"),
        PartKind::Media(_) if role != Role::User => Some("messages[].content[]"),
        PartKind::Media(media) => {
            note_detail(media, dropped);
            unknown_media(media, conversation.origin)
        }
        PartKind::Reasoning(thought) => {
            let proven = is_proven(thought, conversation.origin);
            (!proven || role != Role::Assistant).then_some("messages[].reasoning")
        }
        PartKind::ToolCall(_) | PartKind::ToolResult(_) => None,
    };
    if let Some(field) = lost {
        dropped.note(field);
        return false;
    }
    dropped.note_extras(conversation, Dialect::Anthropic, "messages[].content[]", &part.extras);
    true
}

/// The provider takes thoughts back only with the proof that they are its own.
fn is_proven(thought: &Thought<'_>, origin: Dialect) -> bool {
    let is_signed = thought.signature.as_ref().is_some_and(|signature| !signature.is_empty());
    let is_encrypted = thought.encrypted.is_some() && thought.id.is_none();
    is_encrypted || (is_signed && (thought.text.is_some() || origin == Dialect::Anthropic))
}

/// Returns where a medium stood that this dialect has no block for.
fn unknown_media(media: &Media<'_>, origin: Dialect) -> Option<&'static str> {
    let is_foreign_file = matches!(media.source, Source::File(_)) && origin != Dialect::Anthropic;
    match media.kind {
        MediaKind::Audio => Some("messages[].content[].audio"),
        MediaKind::Video => Some("messages[].content[].video"),
        MediaKind::Image | MediaKind::Document => {
            is_foreign_file.then_some("messages[].content[].file")
        }
    }
}

fn note_detail(media: &Media<'_>, dropped: &mut Dropped) {
    let is_wish = media.detail.as_ref().is_some_and(|detail| detail != "auto");
    dropped.note_if(is_wish, "messages[].content[].detail");
}

/// Tells whether a text is nothing but white space, which the API refuses.
fn is_blank(text: &Text<'_>) -> bool {
    let mut bytes = text.as_escaped().iter();
    while let Some(byte) = bytes.next() {
        let is_space = match byte {
            b'\\' => matches!(bytes.next(), Some(b'n' | b'r' | b't')),
            byte => *byte == b' ',
        };
        if !is_space {
            return false;
        }
    }
    true
}

impl Turns<'_, '_> {
    /// Tells whether a tool loop is under way that does not begin with a proven thought.
    pub(super) fn lack_proof(&self) -> bool {
        let mut from_last = self.turns.iter().rev();
        let is_result = |part: &&Part<'_>| matches!(part.kind, PartKind::ToolResult(_));
        let results = from_last.next().is_some_and(|turn| turn.parts.iter().any(is_result));
        let calls = from_last.next().filter(|turn| results && turn.role == Role::Assistant);
        let first = calls.and_then(|turn| turn.parts.first());
        first.is_some_and(|part| !matches!(part.kind, PartKind::Reasoning(_)))
    }

    /// Writes `system` and `messages`.
    pub(super) fn write(&self, conversation: &Conversation<'_>, writer: &mut Writer) {
        let mut blocks = Blocks { conversation, ids: Ids::default() };
        if !self.system.is_empty() {
            writer.key("system").array(|it| {
                self.system.iter().for_each(|part| blocks.part(part, it));
            });
        }
        writer.key("messages").array(|it| {
            if self.turns.first().is_none_or(|turn| turn.role == Role::Assistant) {
                it.object(|it| {
                    it.key("role").string("user");
                    it.key("content").string(BEGINNING);
                });
            }
            for (index, turn) in self.turns.iter().enumerate() {
                let is_prefill = turn.role == Role::Assistant && index + 1 == self.turns.len();
                blocks.turn(turn, is_prefill, it);
            }
        });
    }
}

/// Writes blocks of a request.
struct Blocks<'c, 'a> {
    conversation: &'c Conversation<'a>,
    ids: Ids,
}

impl<'a> Blocks<'_, 'a> {
    fn turn(&mut self, turn: &Turn<'_, 'a>, is_prefill: bool, writer: &mut Writer) {
        if turn.role == Role::Assistant {
            self.ids.next_turn();
        }
        writer.object(|it| {
            it.key("role").string(match turn.role {
                Role::Assistant => "assistant",
                Role::System | Role::Developer => "system",
                Role::User | Role::Tool => "user",
            });
            it.key("content").array(|it| match turn.parts.split_last() {
                Some((last, others)) if is_prefill => {
                    for part in others {
                        self.part(part, it);
                    }
                    self.part(&without_trailing_space(last), it);
                }
                _ => turn.parts.iter().for_each(|part| self.part(part, it)),
            });
            if self.is_own() {
                for (name, value) in turn.message.extras.iter().filter(|(name, _)| !name.is_empty())
                {
                    it.key(name).node(*value);
                }
            }
        });
    }

    fn is_own(&self) -> bool {
        self.conversation.origin == Dialect::Anthropic
    }

    fn part(&mut self, part: &Part<'_>, writer: &mut Writer) {
        let extras = self.is_own().then_some(&part.extras);
        let besides = Besides { cache: part.cache, extras };
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => block::text(text, besides, writer),
            PartKind::Media(media) => block::media(media, besides, writer),
            PartKind::Reasoning(thought) => {
                block::thought(thought, Besides { cache: None, extras }, writer);
            }
            PartKind::ToolCall(call) => {
                let id = self.ids.of_call(&call.id);
                let input = call.arguments.to_object();
                block::tool_use(&id, &call.name, &input, besides, writer);
            }
            PartKind::ToolResult(result) => {
                let id = self.ids.of_result(&result.id);
                block::tool_result(&id, result.is_error, besides, writer, |it| {
                    result.parts.iter().for_each(|part| self.inner(part, it));
                });
            }
            PartKind::Other(_, node) => writer.node(*node),
        }
    }

    /// Writes a part of a result. There are no results within results.
    fn inner(&mut self, part: &Part<'_>, writer: &mut Writer) {
        match &part.kind {
            PartKind::Text(text) if is_blank(text) => {}
            PartKind::Other(dialect, _) if *dialect != Dialect::Anthropic => {}
            PartKind::Media(media) if unknown_media(media, self.conversation.origin).is_some() => {}
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media(_) | PartKind::Other(..) => {
                self.part(part, writer);
            }
            PartKind::Reasoning(_) | PartKind::ToolCall(_) | PartKind::ToolResult(_) => {}
        }
    }
}

/// The API refuses an answer's beginning that ends with white space.
fn without_trailing_space<'p, 'a>(part: &'p Part<'a>) -> Cow<'p, Part<'a>> {
    let PartKind::Text(text) = &part.kind else { return Cow::Borrowed(part) };
    let decoded = text.decoded();
    let trimmed = decoded.trim_end();
    if trimmed.len() == decoded.len() {
        return Cow::Borrowed(part);
    }
    Cow::Owned(Part { kind: PartKind::Text(Text::of(trimmed)), ..part.clone() })
}
