//! Reads a provider's stream.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::anthropic::usage::Counts;
use crate::dialect::anthropic::{error, stop};
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::json::node::{Node, Text};
use crate::sse::{self, Data};

/// The state between two pieces of a stream: which blocks are open, and what was counted.
#[derive(Debug, Default)]
pub struct Reader {
    events: sse::Parser,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    /// Blocks that are open, by the provider's index; there is one at a time as a rule.
    open: Vec<(u64, Block)>,
    calls: u32,
    counts: Counts,
    has_started: bool,
    has_finished: bool,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    Call(u32),
    /// Only this dialect knows it.
    Other,
}

/// No honest provider has more blocks open at a time.
const MOST_OPEN: usize = 64;

impl event::Reader for Reader {
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let Self { events, state } = self;
        events.push(piece, |raw| state.raw(raw, sink));
    }

    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let rest = std::mem::take(&mut self.events);
        self.state.raw(rest.rest(), sink);
        if self.state.has_finished && !self.state.is_over {
            self.state.is_over = true;
            sink(Event::End);
        }
    }
}

impl State {
    fn raw(&mut self, raw: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let payload = match sse::data(raw) {
            Data::None => return,
            Data::Line(at) => Cow::Borrowed(raw.get(at).unwrap_or_default()),
            Data::Joined(payload) => payload,
        };
        if self.is_over {
            return;
        }
        if let Ok(event) = Node::object(&payload) {
            self.event(event, sink);
        }
    }

    fn event(&mut self, node: Node<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let found = Members::of(node);
        let kind = found.kind.and_then(Node::string);
        if kind.as_deref() == Some("message_start") {
            return self.start(found.message, sink);
        }
        if !self.has_started && !matches!(kind.as_deref(), Some("ping" | "error") | None) {
            self.has_started = true;
            sink(Event::Start(Start::default()));
        }
        match kind.as_deref() {
            Some("content_block_start") => self.open(node, &found, sink),
            Some("content_block_delta") => self.delta(node, &found, sink),
            Some("content_block_stop") => self.close(node, &found, sink),
            Some("message_delta") => self.message_delta(&found, sink),
            Some("message_stop") => {
                self.is_over = true;
                sink(Event::End);
            }
            Some("ping") => sink(Event::Ping),
            Some("error") => {
                self.is_over = true;
                sink(Event::Failed(error::read_error(200, found.error)));
            }
            _ => {}
        }
    }

    fn start(&mut self, message: Option<Node<'_>>, sink: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let (mut start, mut usage) = (Start::default(), None);
        for (name, value) in message.into_iter().flat_map(Node::members) {
            match &*name {
                "id" => start.id = value.text(),
                "model" => start.model = value.text(),
                "usage" => usage = Some(value),
                _ => {}
            }
        }
        sink(Event::Start(start));
        self.usage(usage, sink);
    }

    fn usage(&mut self, usage: Option<Node<'_>>, sink: &mut dyn FnMut(Event<'_>)) {
        if usage.is_some_and(|usage| self.counts.take(usage)) {
            sink(Event::Usage(self.counts.usage()));
        }
    }

    fn open(&mut self, event: Node<'_>, found: &Members<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let (Some(index), Some(block)) = (found.index, found.block) else { return };
        let block = Content::of(block);
        let kind = match block.kind.as_deref() {
            Some("text") => Block::Text,
            Some("thinking") => Block::Thinking,
            Some("tool_use") => Block::Call(self.calls),
            Some("redacted_thinking") => {
                if let Some(data) = block.data {
                    choice(sink, Delta::Encrypted { data, id: None });
                }
                // Nothing of it follows, and its end means nothing to anyone.
                return;
            }
            _ => Block::Other,
        };
        self.open.retain(|(open, _)| *open != index);
        if self.open.len() < MOST_OPEN {
            self.open.push((index, kind));
        }
        match kind {
            Block::Text => say(sink, block.text, Delta::Text),
            Block::Thinking => {
                say(sink, block.thinking, Delta::Reasoning);
                say(sink, block.signature, Delta::Signature);
            }
            Block::Call(index) => {
                self.calls += 1;
                let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
                let call = Delta::ToolCall { index, id, name, signature: None, custom: false };
                choice(sink, call);
                if let Some(input) = block.input.filter(|input| input.members().next().is_some()) {
                    let piece = Text::of_json(input.raw());
                    choice(sink, Delta::Arguments { index, piece });
                }
            }
            Block::Other => choice(sink, Delta::Other(Dialect::Anthropic, event)),
        }
    }

    fn delta(&mut self, event: Node<'_>, found: &Members<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let (Some(index), Some(delta)) = (found.index, found.delta) else { return };
        let Some(block) = self.block(index) else { return };
        if block == Block::Other {
            return choice(sink, Delta::Other(Dialect::Anthropic, event));
        }
        let delta = Content::of(delta);
        match (delta.kind.as_deref(), block) {
            (Some("text_delta"), _) => say(sink, delta.text, Delta::Text),
            (Some("thinking_delta"), _) => say(sink, delta.thinking, Delta::Reasoning),
            (Some("signature_delta"), _) => say(sink, delta.signature, Delta::Signature),
            (Some("input_json_delta"), Block::Call(index)) => {
                say(sink, delta.partial_json, |piece| Delta::Arguments { index, piece });
            }
            _ => choice(sink, Delta::Other(Dialect::Anthropic, event)),
        }
    }

    fn close(&mut self, event: Node<'_>, found: &Members<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(index) = found.index else { return };
        if self.block(index) == Some(Block::Other) {
            choice(sink, Delta::Other(Dialect::Anthropic, event));
        }
        self.open.retain(|(open, _)| *open != index);
    }

    fn block(&self, index: u64) -> Option<Block> {
        self.open.iter().find(|(open, _)| *open == index).map(|(_, block)| *block)
    }

    fn message_delta(&mut self, found: &Members<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        self.usage(found.usage, sink);
        let Some(delta) = found.delta else { return };
        let reason = delta.get("stop_reason");
        let finish = reason.and_then(|reason| stop::read(reason, delta.get("stop_sequence")));
        if let Some(finish) = finish.filter(|_| !self.has_finished) {
            self.has_finished = true;
            choice(sink, Delta::Finish(finish));
        }
    }
}

/// The members of an event.
#[derive(Default)]
struct Members<'a> {
    kind: Option<Node<'a>>,
    index: Option<u64>,
    message: Option<Node<'a>>,
    block: Option<Node<'a>>,
    delta: Option<Node<'a>>,
    usage: Option<Node<'a>>,
    error: Option<Node<'a>>,
}

impl<'a> Members<'a> {
    fn of(event: Node<'a>) -> Self {
        let mut found = Self::default();
        for (name, value) in event.members() {
            match &*name {
                "type" => found.kind = Some(value),
                "index" => found.index = value.u64(),
                "message" => found.message = Some(value),
                "content_block" => found.block = Some(value),
                "delta" => found.delta = Some(value),
                "usage" => found.usage = Some(value),
                "error" => found.error = Some(value),
                _ => {}
            }
        }
        found
    }
}

/// The members of a block that begins, or of a piece of one.
#[derive(Default)]
struct Content<'a> {
    kind: Option<Cow<'a, str>>,
    text: Option<Text<'a>>,
    thinking: Option<Text<'a>>,
    signature: Option<Text<'a>>,
    data: Option<Text<'a>>,
    id: Option<Text<'a>>,
    name: Option<Text<'a>>,
    input: Option<Node<'a>>,
    partial_json: Option<Text<'a>>,
}

impl<'a> Content<'a> {
    fn of(node: Node<'a>) -> Self {
        let mut found = Self::default();
        for (name, value) in node.members() {
            match &*name {
                "type" => found.kind = value.string(),
                "text" => found.text = value.text(),
                "thinking" => found.thinking = value.text(),
                "signature" => found.signature = value.text(),
                "data" => found.data = value.text(),
                "id" => found.id = value.text(),
                "name" => found.name = value.text(),
                "input" => found.input = Some(value),
                "partial_json" => found.partial_json = value.text(),
                _ => {}
            }
        }
        found
    }
}

fn choice(sink: &mut dyn FnMut(Event<'_>), delta: Delta<'_>) {
    sink(Event::Choice { choice: 0, delta });
}

/// Hands out a text unless it is empty.
fn say<'a>(
    sink: &mut dyn FnMut(Event<'_>),
    text: Option<Text<'a>>,
    delta: impl FnOnce(Text<'a>) -> Delta<'a>,
) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        choice(sink, delta(text));
    }
}
