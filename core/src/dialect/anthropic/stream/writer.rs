//! Writes a stream for a client.

use super::calls::{Call, Calls};
use crate::dialect::Dialect;
use crate::dialect::anthropic::block::{CALL_PROOF, write as block};
use crate::dialect::anthropic::{error, media, response, stop, usage};
use crate::dialect::chat::answer::{Finish, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::json::node::{Node, Text};
use crate::json::write::Writer as Json;

/// The state between two events: the block that is open, and what the end has to tell.
#[derive(Debug)]
pub struct Writer {
    to: ReplyTo,
    has_started: bool,
    is_over: bool,
    open: Option<Open>,
    /// Index of the block that comes next.
    next: u32,
    calls: Calls,
    has_called: bool,
    has_refused: bool,
    finish: Option<Finish<'static>>,
    usage: Option<Usage>,
}

/// What the open block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call(u32),
    /// A block that only this dialect knows, by the provider's index.
    Other(u64),
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start(start) => self.start(start, out),
            Event::Choice { choice: 0, delta } => {
                self.start(&Start::default(), out);
                self.delta(delta, out);
            }
            // Clients of this dialect cannot ask for several answers.
            Event::Choice { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => {
                self.start(&Start::default(), out);
                frame("ping", out, |_| {});
            }
            Event::Failed(failure) => {
                self.is_over = true;
                out.extend_from_slice(b"event: error\ndata: ");
                out.extend_from_slice(&error::write(failure));
                out.extend_from_slice(b"\n\n");
            }
            Event::End => self.end(out),
        }
    }
}

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self {
            to,
            has_started: false,
            is_over: false,
            open: None,
            next: 0,
            calls: Calls::default(),
            has_called: false,
            has_refused: false,
            finish: None,
            usage: None,
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let counted = || {
            let mut usage = Usage::default();
            usage.tokens.input = self.to.input_tokens;
            usage
        };
        let usage = self.usage.unwrap_or_else(counted);
        frame("message_start", out, |it| {
            it.key("message").object(|it| {
                response::write_id(start.id.as_ref(), &self.to, it);
                it.key("type").string("message");
                it.key("role").string("assistant");
                it.key("model").string(&self.to.model);
                it.key("content").array(|_| {});
                it.key("stop_reason").null();
                it.key("stop_sequence").null();
                it.key("usage").object(|it| usage::write_members(&usage, it));
            });
        });
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) => self.text(text, out),
            Delta::Refusal(text) => {
                self.has_refused = true;
                self.text(text, out);
            }
            Delta::Media(medium) => self.text(&media::as_text(medium), out),
            Delta::Reasoning(text) => {
                self.begin(Open::Thinking, out);
                self.piece("thinking_delta", "thinking", text, out);
            }
            Delta::Signature(signature) => self.signature(signature, out),
            Delta::Encrypted { data, id } => {
                self.encrypted(&block::redacted(data, id.as_ref()), out);
            }
            Delta::ToolCall { index, id, name, signature, .. } => {
                self.tool_call(
                    Call {
                        index: *index,
                        id: id.clone().into_owned(),
                        name: name.clone().into_owned(),
                        signature: signature.clone().map(Text::into_owned),
                        arguments: Text::default(),
                    },
                    out,
                );
            }
            Delta::Arguments { index, piece } => self.arguments(*index, piece, out),
            Delta::Other(Dialect::Anthropic, event) => self.other(*event, out),
            Delta::Other(..) | Delta::Logprobs(_) => {}
            Delta::Finish(finish) => {
                let stop_sequence = finish.stop_sequence.clone().map(Text::into_owned);
                self.finish = Some(Finish { reason: finish.reason, stop_sequence });
            }
        }
    }

    fn text(&mut self, text: &Text<'_>, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.begin(Open::Text, out);
            self.piece("text_delta", "text", text, out);
        }
    }

    fn signature(&mut self, signature: &Text<'_>, out: &mut Vec<u8>) {
        self.begin(Open::Thinking, out);
        self.piece("signature_delta", "signature", signature, out);
        self.close(out);
    }

    fn encrypted(&mut self, data: &Text<'_>, out: &mut Vec<u8>) {
        self.close_all(out);
        self.open_block(out, |it| {
            it.key("type").string("redacted_thinking");
            it.key("data").text(data);
        });
        self.open = Some(Open::Thinking);
        self.close(out);
    }

    fn tool_call(&mut self, call: Call, out: &mut Vec<u8>) {
        let is_open = matches!(self.open, Some(Open::Call(index)) if index == call.index);
        if is_open || self.calls.has(call.index) {
            return;
        }
        self.has_called = true;
        if matches!(self.open, Some(Open::Call(_))) && !self.calls.is_complete() {
            self.calls.wait(call);
            if self.calls.overflows() {
                self.close_all(out);
            }
        } else {
            self.open_call(&call, out);
        }
    }

    fn arguments(&mut self, index: u32, piece: &Text<'_>, out: &mut Vec<u8>) {
        if self.open != Some(Open::Call(index)) {
            self.calls.keep(index, piece);
            if self.calls.overflows() {
                self.close_all(out);
            }
            return;
        }
        self.argument_piece(piece, out);
        while self.calls.is_complete()
            && let Some(call) = self.calls.next()
        {
            self.open_call(&call, out);
        }
    }

    fn argument_piece(&mut self, piece: &Text<'_>, out: &mut Vec<u8>) {
        if !piece.is_empty() {
            self.calls.follow(piece);
            self.piece("input_json_delta", "partial_json", piece, out);
        }
    }

    /// Opens the block of a call, with what has arrived of its arguments.
    fn open_call(&mut self, call: &Call, out: &mut Vec<u8>) {
        self.close(out);
        if let Some(signature) = &call.signature {
            let mut proof = Text::of(CALL_PROOF);
            proof.push(signature);
            self.open_words(Open::Thinking, out);
            self.piece("signature_delta", "signature", &proof, out);
            self.close(out);
        }
        let id = response::call_id(&call.id, &self.to, call.index);
        self.open_block(out, |it| {
            it.key("type").string("tool_use");
            it.key("id").text(&id);
            it.key("name").text(&call.name);
            it.key("input").object(|_| {});
        });
        self.open = Some(Open::Call(call.index));
        self.calls.opened();
        self.argument_piece(&call.arguments, out);
    }

    /// Passes on an event of a block that only this dialect knows, or of a citation.
    fn other(&mut self, event: Node<'_>, out: &mut Vec<u8>) {
        let kind = event.get("type").and_then(Node::string);
        let index = event.get("index").and_then(Node::u64).unwrap_or(0);
        match kind.as_deref() {
            Some("content_block_start") => {
                let Some(block) = event.get("content_block") else { return };
                self.close_all(out);
                let at = self.next;
                frame("content_block_start", out, |it| {
                    it.key("index").number(at);
                    it.key("content_block").node(block);
                });
                self.next += 1;
                self.open = Some(Open::Other(index));
            }
            Some("content_block_delta") => {
                let Some(delta) = event.get("delta") else { return };
                let is_citation = delta
                    .get("type")
                    .and_then(Node::text)
                    .is_some_and(|it| it == "citations_delta");
                if is_citation {
                    self.begin(Open::Text, out);
                } else if self.open != Some(Open::Other(index)) {
                    return;
                }
                let at = self.next.saturating_sub(1);
                frame("content_block_delta", out, |it| {
                    it.key("index").number(at);
                    it.key("delta").node(delta);
                });
            }
            Some("content_block_stop") if self.open == Some(Open::Other(index)) => self.close(out),
            _ => {}
        }
    }

    /// Opens a text or thinking block unless it is open.
    fn begin(&mut self, kind: Open, out: &mut Vec<u8>) {
        if self.open == Some(kind) {
            return;
        }
        self.close_all(out);
        self.open_words(kind, out);
    }

    fn open_words(&mut self, kind: Open, out: &mut Vec<u8>) {
        self.open_block(out, |it| {
            if kind == Open::Thinking {
                it.key("type").string("thinking");
                it.key("thinking").string("");
                it.key("signature").string("");
            } else {
                it.key("type").string("text");
                it.key("text").string("");
            }
        });
        self.open = Some(kind);
    }

    fn open_block(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Json)) {
        frame("content_block_start", out, |it| {
            it.key("index").number(self.next);
            it.key("content_block").object(fill);
        });
        self.next += 1;
    }

    fn piece(&self, kind: &str, member: &str, text: &Text<'_>, out: &mut Vec<u8>) {
        frame("content_block_delta", out, |it| {
            it.key("index").number(self.next.saturating_sub(1));
            it.key("delta").object(|it| {
                it.key("type").string(kind);
                it.key(member).text(text);
            });
        });
    }

    /// Closes the block that is open.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let at = self.next.saturating_sub(1);
            frame("content_block_stop", out, |it| it.key("index").number(at));
        }
    }

    /// Closes the block that is open, after the calls that wait behind it.
    fn close_all(&mut self, out: &mut Vec<u8>) {
        while let Some(call) = self.calls.next() {
            self.open_call(&call, out);
        }
        self.close(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(&Start::default(), out);
        self.close_all(out);
        self.is_over = true;
        let reason = self.finish.as_ref().map(|finish| finish.reason);
        let sequence = self.finish.as_ref().and_then(|finish| finish.stop_sequence.as_ref());
        frame("message_delta", out, |it| {
            it.key("delta").object(|it| {
                let name = stop::name(reason, self.has_called, self.has_refused);
                it.key("stop_reason").string(name);
                match sequence {
                    Some(sequence) => it.key("stop_sequence").text(sequence),
                    None => it.key("stop_sequence").null(),
                }
            });
            let usage = self.usage.unwrap_or_default();
            it.key("usage").object(|it| usage::write_members(&usage, it));
        });
        frame("message_stop", out, |_| {});
    }
}

/// Writes an event: its name, and the same as `type` before other members.
fn frame(name: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Json)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut json = Json::after(std::mem::take(out));
    json.object(|it| {
        it.key("type").string(name);
        fill(it);
    });
    *out = json.into_bytes();
    out.extend_from_slice(b"\n\n");
}
