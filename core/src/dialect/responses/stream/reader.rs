//! Reading a provider's stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::dialect::chat::answer::Finish;
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::chat::{Part, PartKind};
use crate::dialect::responses::item::Item;
use crate::dialect::responses::seal::Sealed;
use crate::dialect::responses::{error, response, usage};
use crate::json::node::{Node, Text};
use crate::sse;

/// Reads a stream of Responses.
#[derive(Debug, Default)]
pub struct Reader {
    events: sse::Parser,
    reading: Reading,
}

impl event::Reader for Reader {
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let reading = &mut self.reading;
        self.events.push(piece, |raw| reading.raw(raw, sink));
    }

    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let rest = self.events.rest().to_vec();
        self.reading.raw(&rest, sink);
        self.events = sse::Parser::default();
    }
}

/// What is to be known between events.
#[derive(Debug, Default)]
struct Reading {
    started: bool,
    ended: bool,
    /// What was streamed of each item, by its place in the output.
    items: BTreeMap<u64, Seen>,
    calls: u32,
    /// Proof of the next call.
    signature: Option<Text<'static>>,
    /// Something was thought, so that a new part of thoughts begins a new paragraph.
    thought: bool,
}

/// An item that was seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// Which call it is.
    call: Option<u32>,
    /// Some of it was streamed.
    streamed: bool,
}

/// No answer has as many items; more are read as far as they need no memory.
const ITEMS: usize = 4096;

impl Reading {
    fn raw(&mut self, raw: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let joined = match sse::data(raw) {
            sse::Data::None => return,
            sse::Data::Line(line) => Cow::Borrowed(raw.get(line).unwrap_or_default()),
            sse::Data::Joined(joined) => joined,
        };
        if self.ended {
            return;
        }
        if let Ok(data) = Node::object(&joined) {
            self.event(&Fields::read(data), sink);
        }
    }

    fn event(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(kind) = event.kind.as_deref() else { return };
        match kind.strip_prefix("response.").unwrap_or(kind) {
            "created" | "queued" | "in_progress" => self.start(event, sink),
            "output_item.added" => self.added(event, sink),
            "output_text.delta" => self.text(event, sink),
            "refusal.delta" => self.piece(event, sink, Delta::Refusal),
            "reasoning_summary_part.added" => self.paragraph(sink),
            "reasoning_summary_text.delta" | "reasoning_text.delta" => {
                self.thought |= event.delta.is_some();
                self.piece(event, sink, Delta::Reasoning);
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.arguments(event, sink);
            }
            "output_text.annotation.added" => {
                event.whole.into_iter().for_each(|node| {
                    choice(Delta::Other(Dialect::Responses, node), sink);
                });
            }
            "output_item.done" => self.done(event, sink),
            "completed" | "incomplete" => self.end(event, sink),
            "failed" | "error" => self.fail(event, sink),
            _ => {}
        }
    }

    fn start(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut start = Start::default();
        for (name, value) in event.response.into_iter().flat_map(Node::members) {
            match &*name {
                "id" => start.id = value.text(),
                "model" => start.model = value.text(),
                "created_at" => start.created = value.u64(),
                _ => {}
            }
        }
        sink(Event::Start(start));
    }

    fn added(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let (Some(place), Some(item)) = (event.place, event.item) else { return };
        let item = Item::read(item);
        let custom = match item.kind.as_deref() {
            Some("function_call") => false,
            Some("custom_tool_call") => true,
            _ => return,
        };
        if self.items.len() < ITEMS && !self.items.contains_key(&place) {
            let call = self.call(&item, custom, sink);
            self.items.insert(place, Seen { call, streamed: false });
        }
    }

    /// Begins a call.
    fn call(
        &mut self,
        item: &Item<'_>,
        custom: bool,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Option<u32> {
        let (id, name) = (item.call_id.clone()?, item.name.clone()?);
        let (index, signature) = (self.calls, self.signature.take());
        self.calls += 1;
        choice(Delta::ToolCall { index, id, name, signature, custom }, sink);
        Some(index)
    }

    fn text(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        self.piece(event, sink, Delta::Text);
        let likely = event.logprobs.map(|node| response::elements(node.raw()));
        if let Some(likely) = likely.filter(|likely| !likely.is_empty()) {
            choice(Delta::Logprobs(response::as_in_chat(likely)), sink);
        }
    }

    fn piece<'t>(
        &mut self,
        event: &Fields<'t>,
        sink: &mut dyn FnMut(Event<'_>),
        delta: fn(Text<'t>) -> Delta<'t>,
    ) {
        self.streamed(event);
        if let Some(text) = event.delta.clone().filter(|text| !text.is_empty()) {
            choice(delta(text), sink);
        }
    }

    fn streamed(&mut self, event: &Fields<'_>) -> Option<u32> {
        let place = event.place?;
        if self.items.len() >= ITEMS && !self.items.contains_key(&place) {
            return None;
        }
        let seen = self.items.entry(place).or_default();
        seen.streamed = true;
        seen.call
    }

    fn paragraph(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        if self.thought {
            choice(Delta::Reasoning(Text::of("\n\n")), sink);
        }
    }

    fn arguments(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let call = self.streamed(event);
        if let (Some(index), Some(piece)) = (call, event.delta.clone())
            && !piece.is_empty()
        {
            choice(Delta::Arguments { index, piece }, sink);
        }
    }

    /// Takes an item that is whole: what was not streamed of it comes now.
    fn done(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(node) = event.item else { return };
        let item = Item::read(node);
        let seen = event.place.and_then(|place| self.items.get(&place).copied());
        let seen = seen.unwrap_or_default();
        match item.kind.as_deref() {
            Some("message") if seen.streamed => {}
            Some("message") => item.said().into_iter().for_each(|part| said(part, sink)),
            Some("reasoning") => self.thoughts(&item, seen, sink),
            Some(kind @ ("function_call" | "custom_tool_call")) => {
                let call = seen.call.or_else(|| self.call(&item, kind == "custom_tool_call", sink));
                let whole = item.arguments.filter(|text| !seen.streamed && !text.is_empty());
                if let (Some(index), Some(piece)) = (call, whole) {
                    choice(Delta::Arguments { index, piece }, sink);
                }
            }
            _ => choice(Delta::Other(Dialect::Responses, node), sink),
        }
    }

    fn thoughts(&mut self, item: &Item<'_>, seen: Seen, sink: &mut dyn FnMut(Event<'_>)) {
        // A new stretch of thinking begins after this one.
        self.thought = false;
        let (parts, proof) = item.thoughts();
        self.signature = proof.map(Text::into_owned);
        if !seen.streamed {
            let mut between = false;
            for part in &parts {
                let PartKind::Reasoning(thought) = &part.kind else { continue };
                let Some(text) = thought.text.clone().filter(|text| !text.is_empty()) else {
                    continue;
                };
                if std::mem::replace(&mut between, true) {
                    choice(Delta::Reasoning(Text::of("\n\n")), sink);
                }
                choice(Delta::Reasoning(text), sink);
            }
        }
        match item.sealed() {
            Some(Sealed::Signature(signature)) => choice(Delta::Signature(signature), sink),
            Some(Sealed::Redacted(data)) => choice(Delta::Encrypted { data, id: None }, sink),
            Some(Sealed::Native(data)) => {
                let id = Some(item.id.clone().unwrap_or_default());
                choice(Delta::Encrypted { data, id }, sink);
            }
            Some(Sealed::Call(_)) | None => {}
        }
    }

    fn end(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        self.start(event, sink);
        let (mut status, mut details, mut used) = (None, None, None);
        for (name, value) in event.response.into_iter().flat_map(Node::members) {
            match &*name {
                "status" => status = value.string(),
                "incomplete_details" => details = Some(value),
                "usage" => used = usage::read(value),
                _ => {}
            }
        }
        if let Some(used) = used {
            sink(Event::Usage(used));
        }
        if let Some(reason) = response::reason(status.as_deref(), details, self.calls > 0) {
            choice(Delta::Finish(Finish { reason, stop_sequence: None }), sink);
        }
        self.over(sink);
    }

    fn fail(&mut self, event: &Fields<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let nested = event.error.or_else(|| event.response?.get("error"));
        // Some write the error's members into the event itself.
        let error = nested.filter(|node| node.is_object()).or(event.whole);
        let failure = error::of_error(0, error.unwrap_or(Node::trusted(b"{}")));
        sink(Event::Failed(failure));
        self.over(sink);
    }

    fn over(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::End);
    }
}

fn said(part: Part<'_>, sink: &mut dyn FnMut(Event<'_>)) {
    if let PartKind::Text(text) = part.kind {
        if !text.is_empty() {
            choice(Delta::Text(text), sink);
        }
    } else if let PartKind::Refusal(text) = part.kind {
        choice(Delta::Refusal(text), sink);
    }
}

fn choice(delta: Delta<'_>, sink: &mut dyn FnMut(Event<'_>)) {
    sink(Event::Choice { choice: 0, delta });
}

/// The members of an event.
#[derive(Default)]
struct Fields<'a> {
    whole: Option<Node<'a>>,
    kind: Option<Cow<'a, str>>,
    place: Option<u64>,
    delta: Option<Text<'a>>,
    item: Option<Node<'a>>,
    response: Option<Node<'a>>,
    error: Option<Node<'a>>,
    logprobs: Option<Node<'a>>,
}

impl<'a> Fields<'a> {
    fn read(data: Node<'a>) -> Self {
        let mut fields = Self { whole: Some(data), ..Self::default() };
        for (name, value) in data.members() {
            match &*name {
                "type" => fields.kind = value.string(),
                "output_index" => fields.place = value.u64(),
                "delta" => fields.delta = value.text(),
                "item" => fields.item = Some(value),
                "response" => fields.response = Some(value),
                "error" => fields.error = Some(value),
                "logprobs" => fields.logprobs = Some(value),
                _ => {}
            }
        }
        fields
    }
}
