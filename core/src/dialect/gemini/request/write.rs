//! A request, written.

use super::history::Calls;
use super::{config, tools};
use crate::dialect::Dialect;
use crate::dialect::chat::message::{Thought, ToolResult};
use crate::dialect::chat::{
    Conversation, Dropped, Extras, Field, Media, Message, Part, PartKind, Role, Towards, written,
};
use crate::dialect::gemini::member::{camel, write_extras};
use crate::dialect::gemini::parts;
use crate::json::node::Text;
use crate::json::write::Writer;

pub(super) fn write(it: &Conversation<'_>, towards: Towards<'_>, dropped: &mut Dropped) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        let own = it.origin == Dialect::Gemini;
        let mut turns = Turns {
            it,
            own,
            generation: Generation::of(towards.model),
            calls: Calls::default(),
            dropped,
        };
        turns.write(out);
        tools::write(out, it, dropped);
        tools::write_choice(out, it, dropped);
        config::write(out, it, towards, dropped);
        wishes(out, it, dropped);
        if own {
            let placed =
                |name: &str| name.starts_with(config::PLACE) || camel(name) == "toolConfig";
            for (name, value) in it.extras.iter().filter(|(name, _)| !placed(name)) {
                out.key(name).node(*value);
            }
        }
        dropped.note_extras(it, Dialect::Gemini, "", &it.extras);
    });
    out.into_bytes()
}

/// Models differ in what they take; their names tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Before 2.5: no thinking.
    First,
    /// 2.5: budgets.
    Second,
    /// 3 and later: levels, signatures that must come back, media in answers of tools.
    Third,
    /// Another model.
    Other,
}

impl Generation {
    /// Tells a model's generation.
    pub(super) fn of(model: &str) -> Self {
        let Some((_, version)) = model.split_once("gemini-") else { return Self::Other };
        if version.starts_with('1') || version.starts_with("2.0") {
            Self::First
        } else if version.starts_with('2') {
            Self::Second
        } else {
            Self::Third
        }
    }
}

/// What is said around the conversation.
fn wishes(out: &mut Writer, it: &Conversation<'_>, dropped: &mut Dropped) {
    dropped.note_field(it.user.is_some(), Field::User, it.origin);
    if let Some(labels) = it.metadata {
        if it.origin == Dialect::Gemini {
            out.key("labels").node(labels);
        } else {
            dropped.note_field(true, Field::Metadata, it.origin);
        }
    }
    let Some(tier) = &it.service_tier else { return };
    match &*tier.decoded() {
        "default" | "standard_only" => out.key("serviceTier").string("standard"),
        "flex" | "priority" | "standard" => out.key("serviceTier").text(tier),
        _ if it.origin == Dialect::Gemini => out.key("serviceTier").text(tier),
        "auto" => {}
        _ => dropped.note_field(true, Field::ServiceTier, it.origin),
    }
}

struct Turns<'c, 'a> {
    it: &'c Conversation<'a>,
    own: bool,
    generation: Generation,
    calls: Calls<'c, 'a>,
    dropped: &'c mut Dropped,
}

impl<'c, 'a> Turns<'c, 'a> {
    fn write(&mut self, out: &mut Writer) {
        let is_system =
            |message: &&Message<'_>| matches!(message.role, Role::System | Role::Developer);
        let (prompts, rest): (Vec<_>, Vec<_>) = self.it.messages.iter().partition(is_system);
        if rest.is_empty() {
            // There must be something to answer.
            out.key("contents").array(|all| self.content(all, "user", &prompts));
            return;
        }
        if !prompts.is_empty() {
            let mut system = Writer::default();
            system.array(|all| self.content(all, "user", &prompts));
            let system = system.into_bytes();
            if let Some(inner) = system.get(1..system.len() - 1).filter(|inner| !inner.is_empty()) {
                out.key("systemInstruction").raw(inner);
            }
        }
        let own = self.own;
        let mut contents = Writer::default();
        contents.array(|all| {
            for turn in rest.chunk_by(|one, other| is_one_turn(own, one, other)) {
                let role = turn.first().map_or("user", |first| role(first.role));
                self.content(all, role, turn);
            }
        });
        let contents = contents.into_bytes();
        if contents == b"[]" {
            out.key("contents").raw(br#"[{"role":"user","parts":[{"text":""}]}]"#);
        } else {
            out.key("contents").raw(&contents);
        }
    }

    fn content(&mut self, out: &mut Writer, role: &str, messages: &[&'c Message<'a>]) {
        if let [message] = messages
            && let Some(whole) = written(&message.extras).filter(|_| self.own)
        {
            self.note_calls(message);
            out.node(whole);
            return;
        }
        let mut all = Writer::default();
        all.array(|all| {
            if role == "model" {
                self.calls.begin_turn();
            }
            let several = messages.iter().map(|message| message.parts.len()).sum::<usize>() > 1;
            let mut turn = Turn { several, ..Turn::default() };
            for message in messages {
                self.dropped.note_if(message.name.is_some(), "messages[].name");
                self.dropped.note_extras(self.it, Dialect::Gemini, "messages[]", &message.extras);
                for part in &message.parts {
                    self.part(all, part, &mut turn);
                }
            }
            turn.rest(all);
        });
        let all = all.into_bytes();
        if all == b"[]" && !self.own {
            return;
        }
        out.object(|out| {
            out.key("role").string(role);
            out.key("parts").raw(&all);
            if let [message] = messages
                && self.own
            {
                write_extras(out, &message.extras);
            }
        });
    }

    fn note_calls(&mut self, message: &'c Message<'a>) {
        for part in &message.parts {
            if let PartKind::ToolCall(call) = &part.kind {
                self.calls.note(call);
            }
        }
    }

    fn part(&mut self, out: &mut Writer, part: &'c Part<'a>, turn: &mut Turn<'c, 'a>) {
        let own = self.own;
        self.dropped.note_if(part.cache.is_some(), "messages[].content[].cache_control");
        self.dropped.note_extras(self.it, Dialect::Gemini, "messages[].content[]", &part.extras);
        let none = Extras::new();
        let extras = if own { &part.extras } else { &none };
        if let PartKind::ToolCall(call) = &part.kind {
            self.calls.note(call);
        }
        if let Some(whole) = written(extras) {
            out.node(whole);
            return;
        }
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => {
                if own || !text.is_empty() || !turn.several {
                    parts::text(out, text, extras);
                }
            }
            PartKind::Reasoning(thought) => self.thought(out, thought, extras, turn),
            PartKind::ToolCall(call) => {
                let carried = turn.carried.take().map(|thought| thought.signature.as_ref());
                let mut signature = call.signature.as_ref().or(carried.flatten());
                let unclaimed = parts::unclaimed();
                if signature.is_none_or(|signature| !parts::can_sign(signature))
                    && !own
                    && !turn.has_called
                    && self.generation == Generation::Third
                {
                    signature = Some(&unclaimed);
                }
                turn.has_called = true;
                parts::call(out, call, signature, extras);
            }
            PartKind::ToolResult(result) => self.result(out, result),
            PartKind::Media(media) => self.media(out, media, extras),
            PartKind::Other(Dialect::Gemini, node) => out.node(*node),
            PartKind::Other(_, node) => {
                let kind = node.get("type").and_then(crate::json::node::Node::string);
                let kind = kind.unwrap_or_default();
                let plain = kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
                let plain: String = plain.take(64).collect();
                self.dropped.note(format!("messages[].content[].{plain}"));
            }
        }
    }

    fn thought(
        &mut self,
        out: &mut Writer,
        thought: &'c Thought<'a>,
        extras: &Extras<'_>,
        turn: &mut Turn<'c, 'a>,
    ) {
        let anthropic = self.it.origin == Dialect::Anthropic;
        let encrypted = if anthropic { "redacted_thinking" } else { "encrypted_content" };
        self.dropped.note_if(thought.encrypted.is_some(), encrypted);
        let silent = thought.text.as_ref().is_none_or(Text::is_empty);
        if silent && thought.signature.is_some() && !self.own {
            // The proof of a call that follows, as clients without a place for it bring it back.
            turn.carried = Some(thought);
        } else if !silent || self.own {
            parts::thought(out, thought, extras);
        }
    }

    fn media(&mut self, out: &mut Writer, media: &Media<'_>, extras: &Extras<'_>) {
        if let Some(name) = parts::source_kind(media) {
            self.dropped.note(format!("messages[].content[].{name}"));
            return;
        }
        if !self.own {
            let name = if self.it.origin == Dialect::Anthropic { "title" } else { "filename" };
            self.dropped.note_if(media.name.is_some(), name);
            let detail = media.detail.as_ref().is_some_and(|detail| *detail != *"auto");
            self.dropped.note_if(detail, "detail");
        }
        parts::media(out, media, extras);
    }

    /// Writes a tool's answer. Media stand inside of it where the model takes them there, and
    /// after it otherwise.
    fn result(&mut self, out: &mut Writer, result: &'c ToolResult<'a>) {
        let name = self.calls.name_of(result);
        let mut said = String::new();
        let mut media = Vec::new();
        for part in &result.parts {
            match &part.kind {
                PartKind::Text(text) | PartKind::Refusal(text) => {
                    if !said.is_empty() {
                        said.push('\n');
                    }
                    said.push_str(&text.decoded());
                }
                PartKind::Media(medium) => media.push(medium),
                PartKind::Reasoning(_)
                | PartKind::ToolCall(_)
                | PartKind::ToolResult(_)
                | PartKind::Other(..) => self.dropped.note("messages[].content[].content[]"),
            }
        }
        let mut inside = Writer::default();
        inside.array(|all| media.iter().for_each(|it| self.media(all, it, &Extras::new())));
        let inside = inside.into_bytes();
        let inner = inside.get(1..inside.len() - 1).filter(|inner| !inner.is_empty());
        let nested = self.generation == Generation::Third;
        out.object(|out| {
            out.key("functionResponse").object(|out| {
                if !result.id.is_empty() {
                    out.key("id").text(&result.id);
                }
                match name {
                    Some(name) => out.key("name").text(name),
                    None => out.key("name").string("tool"),
                }
                out.key("response");
                parts::spoken(out, &said, result.is_error);
                if nested && inner.is_some() {
                    out.key("parts").raw(&inside);
                }
            });
        });
        if let Some(inner) = inner.filter(|_| !nested) {
            out.raw(inner);
        }
    }
}

/// What is kept in mind from part to part of one content.
#[derive(Default)]
struct Turn<'c, 'a> {
    several: bool,
    has_called: bool,
    /// A proof without thought, for the call that follows.
    carried: Option<&'c Thought<'a>>,
}

impl Turn<'_, '_> {
    /// Writes a proof that no call followed.
    fn rest(&mut self, out: &mut Writer) {
        if let Some(thought) = self.carried.take() {
            parts::thought(out, thought, &Extras::new());
        }
    }
}

fn role(role: Role) -> &'static str {
    if role == Role::Assistant { "model" } else { "user" }
}

/// All results of a turn's calls must stand together, and so must what the model said. What
/// Gemini's own clients keep apart stays apart.
fn is_one_turn(own: bool, one: &Message<'_>, other: &Message<'_>) -> bool {
    one.role == other.role && !own && matches!(one.role, Role::Assistant | Role::Tool)
}
