//! The messages of a chat request, as they are written for a provider.

use std::collections::VecDeque;

use super::super::{call, media, thought};
use super::names::{self, Thing};
use super::tools;
use crate::dialect::Dialect;
use crate::dialect::chat::message::{ToolCall, ToolResult};
use crate::dialect::chat::{
    Conversation, Dropped, Media, Message, Part, PartKind, Role, Towards, written,
};
use crate::json::node::Text;
use crate::json::write::Writer;

/// Writes the elements of `messages`.
pub(super) fn write(
    it: &mut Writer,
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    let mut history = History {
        it,
        dropped,
        conversation,
        own: conversation.origin == Dialect::OpenAi,
        knows_developer: towards.completion_tokens_cap,
        knows_custom: tools::knows_custom(towards),
        habits: Habits::of(towards.model),
        ids: Ids::default(),
        shown_by_tools: Vec::new(),
    };
    for message in &conversation.messages {
        history.message(message);
    }
    history.show();
}

/// What some providers want differently, told by the name of the model, which is all that is
/// known of them here.
#[derive(Debug, Clone, Copy)]
struct Habits {
    /// Thoughts must come back with the turn that they led to
    /// (<https://api-docs.deepseek.com/guides/thinking_mode#tool-calls>). OpenAI has no use for
    /// them; Groq and Mistral refuse them.
    wants_thoughts: bool,
    /// Content is a string wherever it is text alone.
    wants_strings: bool,
}

impl Habits {
    fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let is_one_of = |names: &[&str]| names.iter().any(|name| model.contains(name));
        Self {
            wants_thoughts: is_one_of(&["deepseek", "kimi", "glm-", "minimax", "mimo"]),
            wants_strings: is_one_of(&["deepseek"]),
        }
    }
}

struct History<'h, 'a> {
    it: &'h mut Writer,
    dropped: &'h mut Dropped,
    conversation: &'h Conversation<'a>,
    /// The conversation came from this dialect.
    own: bool,
    knows_developer: bool,
    knows_custom: bool,
    habits: Habits,
    ids: Ids,
    /// Images that tools answered, which only a user can show here, after all tools answered.
    shown_by_tools: Vec<&'h Media<'a>>,
}

impl<'h, 'a> History<'h, 'a> {
    fn message(&mut self, message: &'h Message<'a>) {
        let mut has_results = false;
        for part in &message.parts {
            if let PartKind::ToolResult(result) = &part.kind {
                has_results = true;
                self.result(message, result);
                self.note_part(part);
            }
        }
        if message.role == Role::Tool || (has_results && message.parts.len() == 1) {
            return;
        }
        self.show();
        self.turn(message);
    }

    fn note(&mut self, thing: Thing) {
        self.dropped.note(names::of(self.conversation.origin, thing));
    }

    /// Notes what belongs to a part and cannot be said.
    fn note_part(&mut self, part: &Part<'_>) {
        if self.own {
            return;
        }
        if part.cache.is_some() {
            self.note(Thing::Cache);
        }
        let place = names::of(self.conversation.origin, Thing::Parts);
        self.dropped.note_extras(self.conversation, Dialect::OpenAi, place, &part.extras);
    }

    fn result(&mut self, message: &Message<'_>, result: &'h ToolResult<'a>) {
        let id = self.ids.answered(result);
        let mut texts = Vec::new();
        for part in &result.parts {
            match &part.kind {
                PartKind::Text(_) => texts.push(part),
                PartKind::Media(media) => self.shown_by_tools.push(media),
                PartKind::Other(Dialect::OpenAi, _) if self.own => texts.push(part),
                PartKind::Refusal(_)
                | PartKind::Reasoning(_)
                | PartKind::ToolCall(_)
                | PartKind::ToolResult(_)
                | PartKind::Other(..) => self.note(Thing::OtherPart),
            }
            self.note_part(part);
        }
        if result.is_error {
            self.note(Thing::IsError);
        }
        let (own, habits) = (self.own, self.habits);
        self.it.object(|it| {
            it.key("role").string("tool");
            it.key("tool_call_id").text(&id);
            if let Some(name) = result.name.as_ref().filter(|_| own) {
                it.key("name").text(name);
            }
            it.key("content");
            write_content(it, &texts, own, habits);
            write_extras(it, message, own);
        });
        self.note_message_extras(message);
    }

    fn note_message_extras(&mut self, message: &Message<'_>) {
        let place = names::of(self.conversation.origin, Thing::Messages);
        self.dropped.note_extras(self.conversation, Dialect::OpenAi, place, &message.extras);
    }

    /// Lets a user show what tools answered.
    fn show(&mut self) {
        let shown = std::mem::take(&mut self.shown_by_tools);
        let (shown, unsayable): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|media| media::is_sayable(media));
        if !unsayable.is_empty() {
            self.note(Thing::Media);
        }
        if shown.is_empty() {
            return;
        }
        self.it.object(|it| {
            it.key("role").string("user");
            it.key("content").array(|it| {
                for media in shown {
                    media::write(it, media);
                }
            });
        });
    }

    fn turn(&mut self, message: &'h Message<'a>) {
        let content = self.content(message);
        let calls = self.calls(message);
        let (own, habits, custom) = (self.own, self.habits, self.knows_custom);
        let role = match message.role {
            Role::Developer if self.knows_developer => "developer",
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        self.it.object(|it| {
            it.key("role").string(role);
            it.key("content");
            let refuses =
                message.parts.iter().any(|part| matches!(part.kind, PartKind::Refusal(_)));
            if content.is_empty() && (refuses || !calls.is_empty()) {
                it.null();
            } else {
                write_content(it, &content, own, habits);
            }
            if let Some(name) = &message.name {
                it.key("name").text(name);
            }
            write_refusal(it, message, own);
            if own {
                thought::write_as_read(it, &message.parts);
            } else if habits.wants_thoughts && message.role == Role::Assistant {
                let has_thoughts =
                    message.parts.iter().any(|part| matches!(part.kind, PartKind::Reasoning(_)));
                if has_thoughts || !calls.is_empty() {
                    thought::write_content(it, &message.parts);
                }
            }
            if !calls.is_empty() {
                it.key("tool_calls").array(|it| {
                    for (part, tool_call, id) in &calls {
                        let as_read = own && !tool_call.id.is_empty();
                        call::write(it, part, tool_call, id, call::Form { as_read, custom });
                    }
                });
            }
            write_extras(it, message, own);
        });
        self.note_message_extras(message);
    }

    /// Returns the parts that stand in `content`, and notes those that can stand nowhere.
    fn content(&mut self, message: &'h Message<'a>) -> Vec<&'h Part<'a>> {
        let mut content = Vec::new();
        for part in &message.parts {
            match &part.kind {
                PartKind::Text(_) => content.push(part),
                PartKind::Refusal(_) if written(&part.extras).is_some() && self.own => {
                    content.push(part);
                }
                PartKind::Media(media) => {
                    let sayable = message.role == Role::User && media::is_sayable(media);
                    if sayable || (self.own && written(&part.extras).is_some()) {
                        content.push(part);
                    } else {
                        self.note(Thing::Media);
                    }
                }
                PartKind::Reasoning(thought) if !self.own => {
                    let proven = thought.signature.is_some() || thought.encrypted.is_some();
                    if proven || !self.habits.wants_thoughts {
                        self.note(Thing::Thought);
                    }
                }
                PartKind::Reasoning(_) if thought::is_in_content(part) => content.push(part),
                PartKind::Other(Dialect::OpenAi, _) if self.own => content.push(part),
                PartKind::Other(..) => self.note(Thing::OtherPart),
                PartKind::Refusal(_)
                | PartKind::Reasoning(_)
                | PartKind::ToolCall(_)
                | PartKind::ToolResult(_) => {}
            }
            if !matches!(part.kind, PartKind::ToolResult(_)) {
                self.note_part(part);
            }
        }
        content
    }

    fn calls(
        &mut self,
        message: &'h Message<'a>,
    ) -> Vec<(&'h Part<'a>, &'h ToolCall<'a>, Text<'a>)> {
        let mut calls = Vec::new();
        for part in &message.parts {
            if let PartKind::ToolCall(tool_call) = &part.kind {
                calls.push((part, tool_call, self.ids.called(tool_call)));
            }
        }
        calls
    }
}

/// Writes a text, or an array of parts. A content that was an array stays one.
fn write_content(it: &mut Writer, parts: &[&Part<'_>], own: bool, habits: Habits) {
    let was_array = own && parts.iter().any(|part| written(&part.extras).is_some());
    let all_text = parts.iter().all(|part| matches!(part.kind, PartKind::Text(_)));
    if all_text && !was_array && (parts.len() < 2 || habits.wants_strings) {
        let mut whole = Text::default();
        for part in parts {
            let PartKind::Text(text) = &part.kind else { continue };
            if !whole.is_empty() {
                whole.push(&Text::of("\n\n"));
            }
            whole.push(text);
        }
        return it.text(&whole);
    }
    it.array(|it| {
        for part in parts {
            match (&part.kind, &written(&part.extras).filter(|_| own)) {
                (PartKind::Other(_, node), _) | (_, Some(node)) => it.node(*node),
                (PartKind::Text(text), None) => it.object(|it| {
                    it.key("type").string("text");
                    it.key("text").text(text);
                }),
                (PartKind::Media(media), None) => {
                    media::write(it, media);
                }
                (
                    PartKind::Refusal(_)
                    | PartKind::Reasoning(_)
                    | PartKind::ToolCall(_)
                    | PartKind::ToolResult(_),
                    None,
                ) => {}
            }
        }
    });
}

fn write_refusal(it: &mut Writer, message: &Message<'_>, own: bool) {
    let refusal = message.parts.iter().find_map(|part| {
        let PartKind::Refusal(text) = &part.kind else { return None };
        let in_content = own && written(&part.extras).is_some();
        (!in_content).then_some(text)
    });
    if let Some(text) = refusal {
        it.key("refusal").text(text);
    }
}

fn write_extras(it: &mut Writer, message: &Message<'_>, own: bool) {
    for (name, value) in message.extras.iter().filter(|(name, _)| own && !name.is_empty()) {
        it.key(name).node(*value);
    }
}

/// Ids for calls of dialects that have none: results follow in the order of the calls.
#[derive(Debug, Default)]
struct Ids {
    made: usize,
    waiting: VecDeque<(Text<'static>, Text<'static>)>,
}

/// How far back a result is looked for by its tool's name.
const MOST_WAITING: usize = 128;

impl Ids {
    fn called<'a>(&mut self, call: &ToolCall<'a>) -> Text<'a> {
        if !call.id.is_empty() {
            return call.id.clone();
        }
        let id = self.make();
        self.waiting.push_back((call.name.clone().into_owned(), id.clone()));
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
        }
        id
    }

    fn answered<'a>(&mut self, result: &ToolResult<'a>) -> Text<'a> {
        if !result.id.is_empty() {
            return result.id.clone();
        }
        let named = result.name.as_ref().and_then(|name| {
            self.waiting.iter().position(|(waiting, _)| waiting.decoded() == name.decoded())
        });
        let found = self.waiting.remove(named.unwrap_or(0));
        found.map_or_else(|| self.make(), |(_, id)| id)
    }

    fn make(&mut self) -> Text<'static> {
        let id = Text::of(&format!("call_{}", self.made));
        self.made += 1;
        id
    }
}
