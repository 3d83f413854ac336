//! When an answer has its first real content: until then another target can take over.
//!
//! The beginning of an answer is read, in pieces cut anywhere, until there is something a client
//! would miss: text, thoughts, a tool call, a refusal, a picture, vectors. Whether it is a stream
//! or a whole body shows in its first byte.
//!
//! An answer may be meant to be empty. One that stopped at its limit of tokens, or because of its
//! contents, is an answer; so is one whose tokens went into thoughts that are not shown. One that
//! stops by itself and says nothing is none, whatever its status.

use super::content::split::Split;
use crate::dialect::Dialect;
use crate::json::node::Node;
use crate::sse::{self, Data, Parser};

mod anthropic;
mod gemini;
mod ollama;
mod openai;
mod responses;
mod split;
mod traces;

/// What is longer without an end is full of content, or nothing that can be judged.
const LIMIT: usize = 64 * 1024;

/// What an answer has shown of itself so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing yet.
    Waiting,
    /// Something a client would miss, or a reason why there is nothing.
    Content,
    /// An error, before any content: [`Watch::error`] has it.
    Error,
    /// It is over, and there was nothing.
    Empty,
}

/// Waits for the first content of an answer.
///
/// ```
/// use tollgate_core::dialect::Dialect;
/// use tollgate_core::routing::content::{Seen, Watch};
///
/// let mut watch = Watch::new(Dialect::OpenAi);
/// let role = br#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
/// assert_eq!(watch.push(&[role, &b"\n\n"[..]].concat()), Seen::Waiting);
/// assert_eq!(watch.push(br#"data: {"choices":[{"delta":{"cont"#), Seen::Waiting);
/// assert_eq!(watch.push(b"ent\":\"Hi\"}}]}\n\n"), Seen::Content);
/// ```
#[derive(Debug)]
pub struct Watch {
    judge: Judge,
    form: Form,
}

#[derive(Debug)]
struct Judge {
    dialect: Dialect,
    seen: Seen,
    /// Tokens were spent on what is not shown.
    spent: bool,
    error: Vec<u8>,
}

/// How an answer is cut into what can be judged.
#[derive(Debug)]
enum Form {
    Unknown,
    Events(Parser),
    Objects(Split),
}

/// What one event or body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Nothing that matters.
    Nothing,
    /// Tokens were spent on what is not shown.
    Spent,
    /// Content, or the reason why there is none.
    Content,
    /// An error.
    Error,
    /// The end of the answer.
    End,
    /// The end of an answer whose tokens were spent on what is not shown.
    SpentEnd,
}

impl Watch {
    /// Watches an answer in a provider's dialect.
    pub fn new(dialect: Dialect) -> Self {
        let judge = Judge { dialect, seen: Seen::Waiting, spent: false, error: Vec::new() };
        Self { judge, form: Form::Unknown }
    }

    /// Takes the next piece, and tells what was seen so far.
    pub fn push(&mut self, piece: &[u8]) -> Seen {
        if self.judge.seen != Seen::Waiting {
            return self.judge.seen;
        }
        let mut piece = piece;
        if matches!(self.form, Form::Unknown) {
            piece = piece.trim_ascii_start();
            self.form = match piece.first() {
                Some(b'{' | b'[') => Form::Objects(Split::default()),
                Some(_) => Form::Events(Parser::default()),
                None => return Seen::Waiting,
            };
        }
        let judge = &mut self.judge;
        let held = match &mut self.form {
            Form::Unknown => 0,
            Form::Events(parser) => {
                parser.push(piece, |raw| judge.event(raw));
                parser.rest().len()
            }
            Form::Objects(split) => {
                split.push(piece, |object| judge.payload(object));
                split.held()
            }
        };
        if held > LIMIT && judge.seen == Seen::Waiting {
            judge.seen = Seen::Content;
        }
        judge.seen
    }

    /// Notes that there is no more, and tells what was seen.
    pub fn end(&mut self) -> Seen {
        if let Form::Events(parser) = &self.form
            && self.judge.seen == Seen::Waiting
        {
            self.judge.event(parser.rest());
        }
        self.judge.end();
        self.judge.seen
    }

    /// Tells what was seen so far.
    pub fn seen(&self) -> Seen {
        self.judge.seen
    }

    /// Returns the error that was seen: a JSON object, for [`super::failure::classify`].
    pub fn error(&self) -> &[u8] {
        &self.judge.error
    }
}

/// Judges a whole body.
pub fn judge(dialect: Dialect, body: &[u8]) -> Seen {
    let mut watch = Watch::new(dialect);
    watch.push(body);
    watch.end()
}

impl Judge {
    fn event(&mut self, raw: &[u8]) {
        if self.seen != Seen::Waiting {
            return;
        }
        let data = match sse::data(raw) {
            Data::None => return,
            Data::Line(line) => raw.get(line).unwrap_or_default().into(),
            Data::Joined(joined) => joined,
        };
        if data.trim_ascii() == b"[DONE]" {
            self.end();
        } else if is_named_error(raw) {
            self.fail(&data);
        } else {
            self.payload(&data);
        }
    }

    fn payload(&mut self, json: &[u8]) {
        if self.seen != Seen::Waiting {
            return;
        }
        let Ok(node) = Node::object(json) else { return };
        let sign = match self.dialect {
            Dialect::OpenAi | Dialect::Completions => openai::read(node),
            Dialect::Responses => responses::read(node),
            Dialect::Anthropic => anthropic::read(node),
            Dialect::Gemini => gemini::read(node),
            Dialect::Ollama | Dialect::OllamaGenerate => ollama::read(node),
        };
        match sign {
            Sign::Nothing => {}
            Sign::Spent => self.spent = true,
            Sign::Content => self.seen = Seen::Content,
            Sign::Error => self.fail(json),
            Sign::End => self.end(),
            Sign::SpentEnd => {
                self.spent = true;
                self.end();
            }
        }
    }

    fn fail(&mut self, error: &[u8]) {
        self.seen = Seen::Error;
        self.error = error.get(..LIMIT).unwrap_or(error).to_vec();
    }

    fn end(&mut self) {
        if self.seen == Seen::Waiting {
            self.seen = if self.spent { Seen::Content } else { Seen::Empty };
        }
    }
}

/// Tells whether an event is called `error`.
fn is_named_error(raw: &[u8]) -> bool {
    raw.split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter_map(|line| line.strip_prefix(b"event:"))
        .any(|name| name.trim_ascii() == b"error")
}
