//! Writing chunks for a client.

use std::collections::BTreeMap;

use super::super::{call, error, finish, media, response, thought, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::chat::message::Thought;
use crate::dialect::chat::{Media, MediaKind, Source, tool};
use crate::json::node::{Node, Text};
use crate::json::write::Writer as Json;

/// Most bytes of arguments that are gathered in one stream, of calls that must be free text; more
/// than that is given as it comes.
pub const MOST_GATHERED: usize = 8 * 1024 * 1024;
/// More answers than these are not written.
const MOST_CHOICES: usize = 128;
/// Of so many calls of an answer it is known that they take free text.
const MOST_CALLS: usize = 1024;

/// Writes a stream for a client.
#[derive(Debug)]
pub struct Writer {
    to: ReplyTo,
    /// What every chunk begins with, once the answer has begun.
    head: Vec<u8>,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    gathered: usize,
    failed: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Choice {
    finished: bool,
    /// Elements of `reasoning_details` so far.
    details: u64,
    calls: BTreeMap<u32, Call>,
}

/// A call that takes free text.
#[derive(Debug)]
enum Call {
    /// The provider writes it so.
    Custom,
    /// The provider writes JSON around it, which is gathered.
    Gathered(Text<'static>),
}

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self {
            to,
            head: Vec::new(),
            choices: BTreeMap::new(),
            usage: None,
            gathered: 0,
            failed: false,
            ended: false,
        }
    }

    fn start(&mut self, start: &Start<'_>) {
        let mut json = Json::after(b"data: ".to_vec());
        json.object(|it| {
            match &start.id {
                Some(id) => it.key("id").text(id),
                None => it.key("id").string(&format!("chatcmpl-{}", self.to.id)),
            }
            it.key("object").string("chat.completion.chunk");
            it.key("created").number(start.created.unwrap_or(self.to.created));
            it.key("model").string(&self.to.model);
        });
        self.head = json.into_bytes();
        self.head.pop();
    }

    /// Writes a chunk of one answer. Its first one says who speaks.
    fn choice(&mut self, number: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if !self.choices.contains_key(&number) {
            if self.choices.len() >= MOST_CHOICES {
                return;
            }
            self.choices.insert(number, Choice::default());
            self.chunk(number, out, |it| {
                it.object(|it| {
                    it.key("role").string("assistant");
                    it.key("content").string("");
                    it.key("refusal").null();
                });
            });
        }
        if self.choices.get(&number).is_some_and(|choice| choice.finished) {
            return;
        }
        self.delta(number, delta, out);
    }

    fn delta(&mut self, number: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) => self.member(number, "content", out, |it| it.text(text)),
            Delta::Refusal(text) => self.member(number, "refusal", out, |it| it.text(text)),
            Delta::Reasoning(text) => {
                self.member(number, "reasoning_content", out, |it| it.text(text));
            }
            Delta::Signature(signature) => {
                let signature = Some(signature.clone());
                self.detail(number, &Thought { signature, ..Thought::default() }, out);
            }
            Delta::Encrypted { data, id } => {
                let encrypted = Some(data.clone());
                let thought = Thought { encrypted, id: id.clone(), ..Thought::default() };
                self.detail(number, &thought, out);
            }
            Delta::ToolCall { index, id, name, signature, custom } => {
                self.begin(number, *index, *custom, name);
                let custom = self.call(number, *index).is_some();
                let made;
                let id = if id.is_empty() {
                    made = Text::of(&format!("call_{}{index}", self.to.id));
                    &made
                } else {
                    id
                };
                self.member(number, "tool_calls", out, |it| {
                    call::begin(it, *index, id, name, custom, signature.as_ref());
                });
            }
            Delta::Arguments { index, piece } => self.arguments(number, *index, piece, out),
            Delta::Media(media) => self.media(number, media, out),
            Delta::Other(Dialect::OpenAi, node) => self.other(number, *node, out),
            Delta::Other(..) => {}
            Delta::Logprobs(logprobs) => self.chunk_with(number, out, Some(logprobs), None),
            Delta::Finish(finish) => self.finish(number, finish.reason, out),
        }
    }

    fn call(&mut self, number: u32, index: u32) -> Option<&mut Call> {
        self.choices.get_mut(&number)?.calls.get_mut(&index)
    }

    /// Takes note of a call that takes free text.
    fn begin(&mut self, number: u32, index: u32, custom: bool, name: &Text<'_>) {
        let is_text = || self.to.custom_tools.iter().any(|tool| *name == **tool);
        let call = match custom {
            true => Call::Custom,
            false if is_text() => Call::Gathered(Text::default()),
            false => return,
        };
        if let Some(choice) = self.choices.get_mut(&number)
            && choice.calls.len() < MOST_CALLS
        {
            choice.calls.insert(index, call);
        }
    }

    fn arguments(&mut self, number: u32, index: u32, piece: &Text<'_>, out: &mut Vec<u8>) {
        let full = self.gathered.saturating_add(piece.as_escaped().len()) > MOST_GATHERED;
        match self.call(number, index) {
            None => self.piece(number, index, false, piece, out),
            Some(Call::Custom) => self.piece(number, index, true, piece, out),
            Some(Call::Gathered(gathered)) if !full => {
                gathered.push(piece);
                self.gathered += piece.as_escaped().len();
            }
            Some(call @ Call::Gathered(_)) => {
                let gathered = std::mem::replace(call, Call::Custom);
                if let Call::Gathered(gathered) = gathered {
                    self.piece(number, index, true, &gathered, out);
                }
                self.piece(number, index, true, piece, out);
            }
        }
    }

    fn piece(
        &mut self,
        number: u32,
        index: u32,
        custom: bool,
        piece: &Text<'_>,
        out: &mut Vec<u8>,
    ) {
        let (kind, member) = if custom { ("custom", "input") } else { ("function", "arguments") };
        self.member(number, "tool_calls", out, |it| {
            it.array(|it| {
                it.object(|it| {
                    it.key("index").number(index);
                    it.key(kind).object(|it| it.key(member).text(piece));
                });
            });
        });
    }

    /// Gives the free texts that were gathered.
    fn give(&mut self, number: u32, out: &mut Vec<u8>) {
        let Some(choice) = self.choices.get_mut(&number) else { return };
        for (index, call) in std::mem::take(&mut choice.calls) {
            if let Call::Gathered(gathered) = call {
                let text = tool::free_text(&gathered);
                if !text.is_empty() {
                    self.piece(number, index, true, &text, out);
                }
            }
        }
    }

    fn detail(&mut self, number: u32, thought: &Thought<'_>, out: &mut Vec<u8>) {
        let Some(choice) = self.choices.get_mut(&number) else { return };
        let index = choice.details;
        choice.details += 1;
        self.member(number, "reasoning_details", out, |it| {
            it.array(|it| thought::write_detail(it, thought, index));
        });
    }

    fn media(&mut self, number: u32, media: &Media<'_>, out: &mut Vec<u8>) {
        match (media.kind, &media.source) {
            (MediaKind::Audio, Source::Base64 { data, .. }) => {
                let mut json = Json::default();
                response::write_audio(&mut json, data, &self.to);
                let audio = json.into_bytes();
                self.member(number, "audio", out, |it| it.raw(&audio));
            }
            (MediaKind::Image, Source::Base64 { .. } | Source::Url { .. }) => {
                self.member(number, "images", out, |it| {
                    it.array(|it| media::write(it, media));
                });
            }
            _ => {}
        }
    }

    /// Writes what only this dialect knows, as it came.
    fn other(&mut self, number: u32, delta: Node<'_>, out: &mut Vec<u8>) {
        self.chunk(number, out, |it| {
            it.object(|it| {
                for (name, value) in delta.members() {
                    if !super::reader::READ.contains(&&*name) && !value.is_null() {
                        it.key(&name).node(value);
                    }
                }
            });
        });
    }

    fn finish(&mut self, number: u32, reason: FinishReason, out: &mut Vec<u8>) {
        self.give(number, out);
        self.chunk_with(number, out, None, Some(reason));
        if let Some(choice) = self.choices.get_mut(&number) {
            choice.finished = true;
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        if !self.failed {
            let open: Vec<u32> = self
                .choices
                .iter()
                .filter(|(_, choice)| !choice.finished)
                .map(|(number, _)| *number)
                .collect();
            for number in open {
                self.finish(number, FinishReason::Stop, out);
            }
            if let Some(usage) = self.usage.filter(|_| self.to.stream_usage) {
                self.begin_if_new();
                let mut json = self.open(out);
                json.key("choices").array(|_| {});
                usage::write(json.key("usage"), &usage);
                close(json, out);
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn member(
        &mut self,
        number: u32,
        name: &str,
        out: &mut Vec<u8>,
        value: impl FnOnce(&mut Json),
    ) {
        self.chunk(number, out, |it| it.object(|it| value(it.key(name))));
    }

    fn chunk(&mut self, number: u32, out: &mut Vec<u8>, delta: impl FnOnce(&mut Json)) {
        self.write(number, out, delta, None, None);
    }

    fn chunk_with(
        &mut self,
        number: u32,
        out: &mut Vec<u8>,
        logprobs: Option<&[u8]>,
        finish: Option<FinishReason>,
    ) {
        self.write(number, out, |it| it.object(|_| {}), logprobs, finish);
    }

    fn write(
        &mut self,
        number: u32,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut Json),
        logprobs: Option<&[u8]>,
        finish: Option<FinishReason>,
    ) {
        self.begin_if_new();
        let mut json = self.open(out);
        json.key("choices").array(|it| {
            it.object(|it| {
                it.key("index").number(number);
                delta(it.key("delta"));
                match logprobs {
                    Some(logprobs) => it.key("logprobs").raw(logprobs),
                    None => it.key("logprobs").null(),
                }
                match finish {
                    Some(reason) => it.key("finish_reason").string(finish::word(reason)),
                    None => it.key("finish_reason").null(),
                }
            });
        });
        if self.to.stream_usage {
            json.key("usage").null();
        }
        close(json, out);
    }

    fn begin_if_new(&mut self) {
        if self.head.is_empty() {
            self.start(&Start::default());
        }
    }

    /// Begins a chunk with what all of them begin with; [`close`] ends it.
    fn open(&self, out: &mut Vec<u8>) -> Json {
        out.extend_from_slice(&self.head);
        out.push(b',');
        Json::after(std::mem::take(out))
    }
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.ended || (self.failed && *event != Event::End) {
            return;
        }
        match event {
            Event::Start(start) => {
                if self.head.is_empty() {
                    self.start(start);
                }
            }
            Event::Choice { choice, delta } => self.choice(*choice, delta, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Failed(failure) => {
                self.failed = true;
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&error::write(failure));
                out.extend_from_slice(b"\n\n");
            }
            Event::End => self.end(out),
        }
    }
}

fn close(json: Json, out: &mut Vec<u8>) {
    *out = json.into_bytes();
    out.extend_from_slice(b"}\n\n");
}
