//! Reads a provider's stream.

use crate::dialect::chat::answer::Finish;
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::chat::message::Thought;
use crate::dialect::chat::{Part, PartKind};
use crate::dialect::instant::unix_seconds;
use crate::dialect::members::Members;
use crate::dialect::ollama::request::said;
use crate::dialect::ollama::{error, line, logprobs, usage};
use crate::json::node::Node;

/// A line longer than this is passed over: memory stays bounded.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// The state between two pieces of a stream.
#[derive(Debug, Default)]
pub struct Reader {
    pending: Vec<u8>,
    /// The line that is under way is too long to be kept.
    skips: bool,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    has_started: bool,
    is_over: bool,
    calls: u32,
}

impl event::Reader for Reader {
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let mut rest = piece;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(at).unwrap_or_default();
            self.keep(line);
            self.line(sink);
            rest = after.get(1..).unwrap_or_default();
        }
        self.keep(rest);
    }

    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.line(sink);
    }
}

impl Reader {
    fn keep(&mut self, bytes: &[u8]) {
        if self.pending.len() + bytes.len() > LONGEST_LINE {
            self.skips = true;
            self.pending = Vec::new();
        }
        if !self.skips {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Reads the line that is complete.
    fn line(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let skips = std::mem::take(&mut self.skips);
        if let Ok(answer) = Node::object(&self.pending)
            && !skips
            && !self.state.is_over
        {
            self.state.answer(answer, sink);
        }
        self.pending.clear();
    }
}

impl State {
    fn answer(&mut self, node: Node<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let mut members = Members::of(node);
        if let Some(error) = members.take("error") {
            self.is_over = true;
            return sink(Event::Failed(error::read_error(500, Some(error))));
        }
        if !std::mem::replace(&mut self.has_started, true) {
            let created = members.take("created_at").and_then(Node::string);
            let created = created.and_then(|text| unix_seconds(&text));
            let created = created.and_then(|at| at.try_into().ok());
            sink(Event::Start(Start { id: None, model: members.take_text("model"), created }));
        }
        let message = members.take("message").map(Members::of);
        let parts = message.and_then(|mut message| said(&mut message).ok()).unwrap_or_default();
        for part in parts {
            self.part(part, sink);
        }
        if let Some(list) = members.take("logprobs").and_then(logprobs::read) {
            choice(sink, Delta::Logprobs(list.into()));
        }
        if members.take("done").and_then(Node::bool) == Some(true) {
            self.done(members, sink);
        }
    }

    fn part(&mut self, part: Part<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        match part.kind {
            PartKind::Text(text) => choice(sink, Delta::Text(text)),
            PartKind::Reasoning(Thought { text: Some(text), .. }) => {
                choice(sink, Delta::Reasoning(text));
            }
            PartKind::Media(media) => choice(sink, Delta::Media(media)),
            PartKind::ToolCall(call) => {
                let index = self.calls;
                self.calls = self.calls.saturating_add(1);
                let piece = call.arguments.to_text();
                let (id, name, signature, custom) = (call.id, call.name, None, false);
                choice(sink, Delta::ToolCall { index, id, name, signature, custom });
                choice(sink, Delta::Arguments { index, piece });
            }
            PartKind::Reasoning(_)
            | PartKind::Refusal(_)
            | PartKind::ToolResult(_)
            | PartKind::Other(..) => {}
        }
    }

    fn done(&mut self, mut members: Members<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        self.is_over = true;
        let mut count = |name: &str| members.take(name).and_then(Node::u64);
        let (input, output) = (count("prompt_eval_count"), count("eval_count"));
        if let Some(usage) = usage::read(input, output) {
            sink(Event::Usage(usage));
        }
        let reason = members.take("done_reason").and_then(Node::string);
        let reason = line::reason(reason.as_deref(), self.calls > 0);
        choice(sink, Delta::Finish(Finish { reason, stop_sequence: None }));
        sink(Event::End);
    }
}

fn choice(sink: &mut dyn FnMut(Event<'_>), delta: Delta<'_>) {
    sink(Event::Choice { choice: 0, delta });
}
