//! Reading a provider's chunks.

use std::borrow::Cow;

use super::super::{call, error, finish, media, part, thought, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::Usage;
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::chat::message::Arguments;
use crate::dialect::chat::{Media, MediaKind, Part, PartKind, Source};
use crate::json::node::{Node, Text};
use crate::sse::{self, Data, Parser};

type Sink<'s> = dyn FnMut(Event<'_>) + 's;

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub struct Reader {
    parser: Parser,
    chunks: Chunks,
}

/// What is known of the chunks so far.
#[derive(Debug, Default)]
struct Chunks {
    started: bool,
    /// A finish reason came: the provider said its last word.
    finished: bool,
    failed: bool,
    ended: bool,
    choices: Vec<Choice>,
}

/// How far one of several answers has come.
#[derive(Debug, Default)]
struct Choice {
    index: u64,
    calls: Vec<Call>,
}

/// A call that has begun.
#[derive(Debug)]
struct Call {
    /// The provider's number of it, if it has one.
    index: Option<u64>,
    id: Box<[u8]>,
}

/// More answers than these are passed over: OpenAI gives at most as many.
const MOST_CHOICES: usize = 128;
/// More calls than these in one answer are passed over.
const MOST_CALLS: usize = 1024;
/// Of an id, so much is compared.
const LONGEST_ID: usize = 128;

impl event::Reader for Reader {
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        let Self { parser, chunks } = self;
        parser.push(piece, |raw| chunks.event(raw, sink));
    }

    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let Self { parser, chunks } = self;
        chunks.event(parser.rest(), sink);
        if chunks.finished && !chunks.failed {
            chunks.end(sink);
        }
        chunks.ended = true;
    }
}

impl Chunks {
    fn event(&mut self, raw: &[u8], sink: &mut Sink<'_>) {
        match sse::data(raw) {
            Data::None => {}
            Data::Line(at) => self.payload(raw.get(at).unwrap_or_default(), sink),
            Data::Joined(payload) => self.payload(&payload, sink),
        }
    }

    fn payload(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        if self.ended {
            return;
        }
        if payload.trim_ascii() == b"[DONE]" {
            return self.end(sink);
        }
        let Ok(chunk) = Node::object(payload) else { return };
        if !self.failed && std::str::from_utf8(payload).is_ok() {
            self.chunk(chunk, sink);
        }
    }

    fn end(&mut self, sink: &mut Sink<'_>) {
        if !self.ended {
            self.ended = true;
            sink(Event::End);
        }
    }

    fn chunk(&mut self, chunk: Node<'_>, sink: &mut Sink<'_>) {
        let (mut start, mut choices, mut used) = (Start::default(), None, None);
        let (mut failure, mut groq) = (None, None);
        for (name, value) in chunk.members() {
            match &*name {
                "id" => start.id = value.text().filter(|id| !id.is_empty()),
                "model" => start.model = value.text(),
                "created" => start.created = value.u64(),
                "choices" => choices = Some(value),
                "usage" => used = usage::read(value),
                "error" if !value.is_null() => failure = Some(chunk),
                // vLLM and Mistral name the whole chunk an error.
                "object" if value.string().is_some_and(|kind| kind == "error") => {
                    failure = Some(chunk);
                }
                // Older Groq has usage here alone.
                "x_groq" => groq = value.get("usage").and_then(usage::read),
                _ => {}
            }
        }
        let is_filled = choices.is_some_and(|choices| choices.items().next().is_some());
        if !(is_filled || used.is_some() || failure.is_some()) {
            return;
        }
        if !self.started {
            self.started = true;
            sink(Event::Start(start));
        }
        let mut told = used.or(groq);
        for choice in choices.iter().flat_map(|choices| choices.items()) {
            self.choice(choice, &mut told, sink);
        }
        if let Some(usage) = told {
            sink(Event::Usage(usage));
        }
        if let Some(failure) = failure {
            self.failed = true;
            sink(Event::Failed(error::read_in_stream(failure)));
        }
    }

    fn choice(&mut self, node: Node<'_>, told: &mut Option<Usage>, sink: &mut Sink<'_>) {
        let (mut index, mut delta, mut finish, mut logprobs) = (0, None, None, None);
        for (name, value) in node.members() {
            match &*name {
                "index" => index = value.u64().unwrap_or(0),
                "delta" | "message" => delta = Some(value),
                "finish_reason" => finish = finish::read(value),
                "logprobs" if value.is_object() => logprobs = Some(value),
                // Moonshot.
                "usage" => *told = told.or_else(|| usage::read(value)),
                _ => {}
            }
        }
        let Some((number, choice)) = self.known(index) else { return };
        let mut say = |delta: Delta<'_>| sink(Event::Choice { choice: number, delta });
        if let Some(delta) = delta {
            choice.delta(delta, &mut say);
        }
        if let Some(logprobs) = logprobs {
            say(Delta::Logprobs(Cow::Borrowed(logprobs.raw())));
        }
        if let Some(finish) = finish {
            say(Delta::Finish(finish));
            self.finished = true;
        }
    }

    /// Returns the number of an answer and what is known of it.
    fn known(&mut self, index: u64) -> Option<(u32, &mut Choice)> {
        let number = u32::try_from(index).ok()?;
        let at = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None if self.choices.len() < MOST_CHOICES => {
                self.choices.push(Choice { index, calls: Vec::new() });
                self.choices.len() - 1
            }
            None => return None,
        };
        Some((number, self.choices.get_mut(at)?))
    }
}

/// Members of a delta that events are made of, and those that say nothing.
pub(super) const READ: [&str; 12] = [
    "role",
    "content",
    "refusal",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "tool_calls",
    "function_call",
    "audio",
    "images",
    "channel",
    "obfuscation",
];

impl Choice {
    fn delta(&mut self, delta: Node<'_>, say: &mut dyn FnMut(Delta<'_>)) {
        let (mut content, mut refusal, mut calls, mut function) = (None, None, None, None);
        let (mut audio, mut images, mut thoughts) = (None, None, thought::Fields::default());
        let mut has_more = false;
        for (name, value) in delta.members() {
            match &*name {
                _ if value.is_null() => {}
                "content" => content = Some(value),
                "refusal" => refusal = value.text(),
                "tool_calls" => calls = Some(value),
                "function_call" => function = Some(value),
                "audio" => audio = Some(value),
                "images" => images = Some(value),
                other if thoughts.take(other, value) => {}
                other => has_more |= !READ.contains(&other) && value.raw() != b"[]",
            }
        }
        for part in thoughts.parts() {
            think(part, say);
        }
        if let Some(content) = content {
            speak(content, say);
        }
        if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
            say(Delta::Refusal(refusal));
        }
        for image in images.iter().flat_map(|images| images.items()) {
            let media = image.get("image_url").and_then(|it| part::linked(MediaKind::Image, it));
            if let Some(media) = media {
                say(Delta::Media(media));
            }
        }
        if let Some(audio) = audio {
            sound(audio, say);
        }
        for item in calls.iter().flat_map(|calls| calls.items()) {
            self.call(item, say);
        }
        if let Some(function) = function {
            self.piece(Piece { index: Some(0), body: Some(function), ..Piece::default() }, say);
        }
        if has_more {
            say(Delta::Other(Dialect::OpenAi, delta));
        }
    }

    fn call(&mut self, node: Node<'_>, say: &mut dyn FnMut(Delta<'_>)) {
        let mut piece = Piece::default();
        for (name, value) in node.members() {
            match &*name {
                "index" => piece.index = value.u64(),
                "id" => piece.id = value.text().unwrap_or_default(),
                "function" => piece.body = Some(value),
                "custom" => {
                    piece.body = Some(value);
                    piece.custom = true;
                }
                "extra_content" => piece.signature = call::google_signature(value),
                _ => {}
            }
        }
        self.piece(piece, say);
    }

    fn piece(&mut self, piece: Piece<'_>, say: &mut dyn FnMut(Delta<'_>)) {
        let (mut name, mut arguments) = (Text::default(), None);
        for (key, value) in piece.body.iter().flat_map(|body| body.members()) {
            match &*key {
                "name" => name = value.text().unwrap_or_default(),
                "arguments" | "input" => arguments = Some(call::given(value)),
                _ => {}
            }
        }
        let at = match self.begun(&piece) {
            Some(at) => at,
            None if self.calls.len() < MOST_CALLS => {
                let id = compared(&piece.id).into();
                self.calls.push(Call { index: piece.index, id });
                let index = number(self.calls.len() - 1);
                let Piece { id, signature, custom, .. } = piece;
                say(Delta::ToolCall { index, id, name, signature, custom });
                self.calls.len() - 1
            }
            None => return,
        };
        let index = number(at);
        match arguments {
            Some(Arguments::Text(piece)) if !piece.is_empty() => {
                say(Delta::Arguments { index, piece });
            }
            Some(Arguments::Json(node)) => {
                say(Delta::Arguments { index, piece: Text::of_json(node.raw()) });
            }
            Some(Arguments::Text(_)) | None => {}
        }
    }

    /// Returns the place of the call that a piece belongs to. Some providers number no calls, or
    /// all of them 0: there a new id is a new call.
    fn begun(&self, piece: &Piece<'_>) -> Option<usize> {
        let id = compared(&piece.id);
        let is_it = |call: &Call| {
            let numbered = piece.index.is_none() || call.index == piece.index;
            numbered && (id.is_empty() || *call.id == *id)
        };
        self.calls.iter().rposition(is_it)
    }
}

/// A piece of a call.
#[derive(Default)]
struct Piece<'a> {
    index: Option<u64>,
    id: Text<'a>,
    body: Option<Node<'a>>,
    signature: Option<Text<'a>>,
    custom: bool,
}

fn compared<'t>(id: &'t Text<'_>) -> &'t [u8] {
    let id = id.as_escaped();
    id.get(..LONGEST_ID).unwrap_or(id)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn think(part: Part<'_>, say: &mut dyn FnMut(Delta<'_>)) {
    let PartKind::Reasoning(thought) = part.kind else { return };
    if let Some(data) = thought.encrypted {
        return say(Delta::Encrypted { data, id: thought.id });
    }
    if let Some(text) = thought.text.filter(|text| !text.is_empty()) {
        say(Delta::Reasoning(text));
    }
    if let Some(signature) = thought.signature {
        say(Delta::Signature(signature));
    }
}

/// Takes a text, or the array that Mistral sends.
fn speak(content: Node<'_>, say: &mut dyn FnMut(Delta<'_>)) {
    if let Some(text) = content.text().filter(|text| !text.is_empty()) {
        say(Delta::Text(text));
    }
    for item in content.items() {
        let Ok(part) = part::read(item) else { continue };
        match part.kind {
            PartKind::Text(text) if !text.is_empty() => say(Delta::Text(text)),
            PartKind::Reasoning(_) => think(part, say),
            PartKind::Media(media) => say(Delta::Media(media)),
            PartKind::Refusal(_)
            | PartKind::Text(_)
            | PartKind::ToolCall(_)
            | PartKind::ToolResult(_)
            | PartKind::Other(..) => {}
        }
    }
}

/// Takes a piece of sound, and of what is said with it.
fn sound(audio: Node<'_>, say: &mut dyn FnMut(Delta<'_>)) {
    let (mut data, mut words) = (None, None);
    for (name, value) in audio.members() {
        match &*name {
            "data" => data = value.text().filter(|data| !data.is_empty()),
            "transcript" => words = value.text().filter(|words| !words.is_empty()),
            _ => {}
        }
    }
    if let Some(words) = words {
        say(Delta::Text(words));
    }
    if let Some(data) = data {
        let source = Source::Base64 { mime: media::audio_mime(&data), data };
        say(Delta::Media(Media { kind: MediaKind::Audio, source, name: None, detail: None }));
    }
}
