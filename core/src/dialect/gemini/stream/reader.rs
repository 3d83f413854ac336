//! A provider's stream.

use std::collections::BTreeMap;

use super::frames::Frames;
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Finish, FinishReason};
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::chat::{Part, PartKind, written};
use crate::dialect::gemini::member::{camel, each, find, set};
use crate::dialect::gemini::{error, finish, logprobs, parts, response, usage};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Reads a stream in either framing.
#[derive(Debug, Default)]
pub struct Reader {
    frames: Frames,
    progress: Progress,
}

#[derive(Debug, Default)]
struct Progress {
    has_begun: bool,
    has_failed: bool,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    calls: u32,
    is_finished: bool,
}

/// More answers at once than any model gives.
const MOST_CHOICES: u32 = 128;

impl event::Reader for Reader {
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let Self { frames, progress } = self;
        frames.push(piece, |frame| progress.frame(frame, sink));
    }

    /// Gemini has no last word of its own: the stream is over when each answer has its reason.
    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let Self { frames, progress } = self;
        frames.end(|frame| progress.frame(frame, sink));
        let choices = std::mem::take(&mut progress.choices);
        let is_over = !choices.is_empty() && choices.values().all(|choice| choice.is_finished);
        if is_over && !progress.has_failed {
            sink(Event::End);
        }
    }
}

impl Progress {
    fn frame(&mut self, frame: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let Some(node) = Node::object(frame).ok().filter(|_| !self.has_failed) else { return };
        let (mut candidates, mut usage, mut blocked) = (None, None, None);
        let mut start = Start::default();
        for (key, value) in set(node) {
            match &*camel(&key) {
                "candidates" => candidates = Some(value),
                "usageMetadata" => usage = usage::read(value),
                "modelVersion" => start.model = value.text(),
                "responseId" => start.id = value.text(),
                response::FEEDBACK => blocked = response::blocked(value),
                "error" => {
                    self.has_failed = true;
                    sink(Event::Failed(error::read(200, frame)));
                    return;
                }
                _ => {}
            }
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            sink(Event::Start(start));
        }
        for (at, candidate) in candidates.into_iter().flat_map(each).enumerate() {
            self.candidate(at, candidate, sink);
        }
        if let Some(words) = blocked {
            if !words.is_empty() {
                sink(Event::Choice { choice: 0, delta: Delta::Refusal(words) });
            }
            self.finish(0, FinishReason::ContentFilter, sink);
        }
        if let Some(usage) = usage {
            sink(Event::Usage(usage));
        }
    }

    fn candidate(&mut self, at: usize, node: Node<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let (mut content, mut reason, mut index) = (None, None, u32::try_from(at).ok());
        let mut others = Vec::new();
        for (key, value) in set(node) {
            match &*camel(&key) {
                "content" => content = find(value, "parts"),
                "finishReason" => reason = value.string(),
                "index" => index = value.u64().and_then(|index| u32::try_from(index).ok()),
                _ => others.push((key, value)),
            }
        }
        let Some(choice) = index.filter(|index| *index < MOST_CHOICES) else { return };
        for part in content.into_iter().flat_map(each).filter(|part| part.is_object()) {
            self.part(choice, part, sink);
        }
        for (name, value) in others {
            if camel(&name) == "logprobsResult" {
                if let Some(openai) = logprobs::read(value) {
                    sink(Event::Choice { choice, delta: Delta::Logprobs(openai.into()) });
                }
            } else {
                let member = member(&name, value);
                let delta = Delta::Other(Dialect::Gemini, Node::trusted(&member));
                sink(Event::Choice { choice, delta });
            }
        }
        let state = self.choices.entry(choice).or_default();
        if let Some(name) = reason.filter(|name| name != "FINISH_REASON_UNSPECIFIED") {
            let reason = finish::read(&name, state.calls > 0);
            self.finish(choice, reason, sink);
        }
    }

    fn part(&mut self, choice: u32, node: Node<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        let state = self.choices.entry(choice).or_default();
        let Part { kind, extras, .. } = parts::read(node);
        let mut hand_out = |delta| sink(Event::Choice { choice, delta });
        match kind {
            PartKind::Text(text) => {
                if !text.is_empty() {
                    hand_out(Delta::Text(text));
                }
                let signature = written(&extras).and_then(|node| find(node, "thoughtSignature"));
                if let Some(signature) = signature {
                    let part = member("thoughtSignature", signature);
                    hand_out(Delta::Other(Dialect::Gemini, Node::trusted(&part)));
                }
            }
            PartKind::Reasoning(thought) => {
                if let Some(text) = thought.text.filter(|text| !text.is_empty()) {
                    hand_out(Delta::Reasoning(text));
                }
                if let Some(signature) = thought.signature {
                    hand_out(Delta::Signature(signature));
                }
            }
            PartKind::ToolCall(call) => {
                let index = state.calls;
                state.calls = index.saturating_add(1);
                let piece = call.arguments.to_text();
                let (id, name, signature) = (call.id, call.name, call.signature);
                hand_out(Delta::ToolCall { index, id, name, signature, custom: false });
                hand_out(Delta::Arguments { index, piece });
            }
            PartKind::Media(media) => hand_out(Delta::Media(media)),
            PartKind::Refusal(_) | PartKind::ToolResult(_) | PartKind::Other(..) => {
                hand_out(Delta::Other(Dialect::Gemini, node));
            }
        }
    }

    fn finish(&mut self, choice: u32, reason: FinishReason, sink: &mut dyn FnMut(Event<'_>)) {
        let state = self.choices.entry(choice).or_default();
        if !std::mem::replace(&mut state.is_finished, true) {
            let delta = Delta::Finish(Finish { reason, stop_sequence: None });
            sink(Event::Choice { choice, delta });
        }
    }
}

/// Makes an object of one member.
fn member(name: &str, value: Node<'_>) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        if name == "thoughtSignature" {
            out.key("text").text(&Text::default());
        }
        out.key(name).node(value);
    });
    out.into_bytes()
}
