//! A stream for a client.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::dialect::chat::Extras;
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event};
use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::dialect::chat::message::{Arguments, Thought, ToolCall};
use crate::dialect::gemini::member::{camel, set};
use crate::dialect::gemini::{candidate, error, finish, logprobs, parts, usage};
use crate::json::node::{Node, Text};
use crate::json::write;

/// Writes a stream.
///
/// A call of a tool is written whole, when its answer is finished. What the calls of a stream
/// hold until then is bounded by 8 MiB; a stream with more fails.
/// Reasons of finishing are written at the end, beside the usage, as Gemini does.
#[derive(Debug)]
pub struct Writer {
    to: ReplyTo,
    id: Option<Text<'static>>,
    array: bool,
    has_begun: bool,
    is_over: bool,
    usage: Option<Usage>,
    finished: BTreeMap<u32, FinishReason>,
    calls: Vec<Call>,
    held: usize,
}

#[derive(Debug)]
struct Call {
    choice: u32,
    index: u32,
    what: ToolCall<'static>,
}

/// What calls may hold.
const MOST_HELD: usize = 8 * 1024 * 1024;

/// What a call takes besides its texts.
const CALL: usize = 256;

/// More answers at once than any model gives.
const MOST_CHOICES: usize = 128;

/// A longer id is replaced by one of ours.
const LONGEST_ID: usize = 256;

impl Writer {
    /// Writes server-sent events (`alt=sse`).
    pub fn new(to: ReplyTo) -> Self {
        Self {
            to,
            id: None,
            array: false,
            has_begun: false,
            is_over: false,
            usage: None,
            finished: BTreeMap::new(),
            calls: Vec::new(),
            held: 0,
        }
    }

    /// Writes a JSON array.
    pub fn array(to: ReplyTo) -> Self {
        Self { array: true, ..Self::new(to) }
    }

    fn delta(&mut self, choice: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let none = Extras::new();
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => {
                self.part(choice, out, |it| parts::text(it, text, &none));
            }
            Delta::Reasoning(text) => {
                let thought = Thought { text: Some(text.clone()), ..Thought::default() };
                self.part(choice, out, |it| parts::thought(it, &thought, &none));
            }
            Delta::Signature(signature) => {
                if parts::can_sign(signature) {
                    let signature = Some(signature.clone());
                    let thought = Thought { signature, ..Thought::default() };
                    self.part(choice, out, |it| parts::thought(it, &thought, &none));
                }
            }
            Delta::ToolCall { index, id, name, signature, custom } => {
                let call = ToolCall {
                    id: id.clone().into_owned(),
                    name: name.clone().into_owned(),
                    arguments: Arguments::Text(Text::default()),
                    signature: signature.clone().map(Text::into_owned),
                    custom: *custom,
                };
                let texts = [Some(id), Some(name), signature.as_ref()];
                let length: usize = texts.iter().flatten().map(|it| it.as_escaped().len()).sum();
                self.calls.push(Call { choice, index: *index, what: call });
                self.hold(length + CALL, out);
            }
            Delta::Arguments { index, piece } => {
                let mut calls = self.calls.iter_mut().rev();
                let found = calls.find(|call| (call.choice, call.index) == (choice, *index));
                if let Some(Call {
                    what: ToolCall { arguments: Arguments::Text(text), .. }, ..
                }) = found
                {
                    text.push(piece);
                    self.hold(piece.as_escaped().len(), out);
                }
            }
            Delta::Media(media) => {
                if parts::source_kind(media).is_none() {
                    self.part(choice, out, |it| parts::media(it, media, &none));
                }
            }
            Delta::Other(Dialect::Gemini, node) => self.own(choice, *node, out),
            Delta::Logprobs(openai) => self.candidate(choice, out, |it| {
                it.key("logprobsResult");
                logprobs::write(openai, it);
            }),
            Delta::Finish(finish) => {
                self.hand_out_calls(Some(choice), out);
                if self.finished.len() < MOST_CHOICES {
                    self.finished.insert(choice, finish.reason);
                }
            }
            Delta::Encrypted { .. } | Delta::Other(..) => {}
        }
    }

    /// Writes what came out of Gemini: a part, or a member of a candidate.
    fn own(&mut self, choice: u32, node: Node<'_>, out: &mut Vec<u8>) {
        let Some((name, value)) = set(node).next() else { return };
        if MEMBERS.contains(&&*camel(&name)) {
            self.candidate(choice, out, |it| it.key(&name).node(value));
        } else {
            self.part(choice, out, |it| it.node(node));
        }
    }

    fn hold(&mut self, more: usize, out: &mut Vec<u8>) {
        self.held = self.held.saturating_add(more);
        if self.held > MOST_HELD {
            self.calls.clear();
            self.fail(
                &Failure {
                    status: 502,
                    kind: FailureKind::Server,
                    message: "A tool call is larger than can be passed on.".into(),
                    code: None,
                    param: None,
                    retry_after: None,
                },
                out,
            );
        }
    }

    /// Writes the calls of one answer, or of all.
    fn hand_out_calls(&mut self, of: Option<u32>, out: &mut Vec<u8>) {
        let calls = std::mem::take(&mut self.calls);
        let (now, later): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| of.is_none_or(|choice| call.choice == choice));
        self.calls = later;
        for calls in now.chunk_by(|one, other| one.choice == other.choice) {
            let Some(choice) = calls.first().map(|call| call.choice) else { continue };
            self.parts(choice, out, |it| {
                for Call { what, .. } in calls {
                    parts::call(it, what, what.signature.as_ref(), &Extras::new());
                }
            });
        }
        if self.calls.is_empty() {
            self.held = 0;
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.hand_out_calls(None, out);
        let (finished, usage) = (std::mem::take(&mut self.finished), self.usage.take());
        let mut finished: Vec<_> = finished.into_iter().collect();
        if finished.is_empty() {
            finished.push((0, FinishReason::Stop));
        }
        self.frame(out, |it| {
            it.key("candidates").array(|it| {
                for (choice, reason) in finished {
                    it.object(|it| {
                        it.key("content").object(|it| {
                            it.key("parts").raw(candidate::NOTHING);
                            it.key("role").string("model");
                        });
                        it.key("finishReason").string(finish::write(reason));
                        it.key("index").number(choice);
                    });
                }
            });
            if let Some(usage) = usage {
                it.key("usageMetadata");
                usage::write(&usage, it);
            }
        });
        self.close(out);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.begin_frame(out);
        out.extend_from_slice(&error::write(failure));
        self.end_frame(out);
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.array {
            out.extend_from_slice(b"]");
        }
        self.is_over = true;
    }

    fn part(&mut self, choice: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut write::Writer)) {
        self.parts(choice, out, fill);
    }

    fn parts(&mut self, choice: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut write::Writer)) {
        self.candidate(choice, out, |it| {
            it.key("content").object(|it| {
                it.key("parts").array(fill);
                it.key("role").string("model");
            });
        });
    }

    fn candidate(&mut self, choice: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut write::Writer)) {
        self.frame(out, |it| {
            it.key("candidates").array(|it| {
                it.object(|it| {
                    fill(it);
                    it.key("index").number(choice);
                });
            });
        });
    }

    fn frame(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&mut write::Writer)) {
        self.begin_frame(out);
        let start = out.len();
        let mut writer = write::Writer::after(std::mem::take(out));
        writer.object(|it| {
            fill(it);
            it.key("modelVersion").string(&self.to.model);
            it.key("responseId");
            match &self.id {
                Some(id) => it.text(id),
                None => it.string(&self.to.id),
            }
        });
        *out = writer.into_bytes();
        // What was read as JSON may have lines, and an event's data may not.
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\r' | b'\n')) {
            *byte = b' ';
        }
        self.end_frame(out);
    }

    fn begin_frame(&mut self, out: &mut Vec<u8>) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        out.extend_from_slice(match (self.array, is_first) {
            (false, _) => b"data: ",
            (true, true) => b"[",
            (true, false) => b",\r\n",
        });
    }

    fn end_frame(&self, out: &mut Vec<u8>) {
        if !self.array {
            out.extend_from_slice(b"\r\n\r\n");
        }
    }
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start(start) => {
                let id = start.id.clone().filter(|id| id.as_escaped().len() <= LONGEST_ID);
                self.id = id.map(Text::into_owned);
            }
            Event::Choice { choice, delta } => self.delta(*choice, delta, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => {}
            Event::Failed(failure) => self.fail(failure, out),
            Event::End => self.end(out),
        }
    }
}

/// Members of candidates that the reader hands out one by one.
const MEMBERS: &[&str] = &[
    "avgLogprobs",
    "citationMetadata",
    "continuationToken",
    "finishMessage",
    "groundingAttributions",
    "groundingMetadata",
    "safetyRatings",
    "tokenCount",
    "urlContextMetadata",
];
