//! A stream that stays in its dialect: only the name of the model changes.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::json::edit::Edits;
use crate::json::scan::Object;
use crate::json::text;
use crate::sse::{self, Data};

/// Cuts a stream into events and renames the model in each.
#[derive(Debug)]
pub(super) struct Passing {
    dialect: Dialect,
    model: Vec<u8>,
    events: Events,
}

#[derive(Debug)]
enum Events {
    Sse(sse::Parser),
    /// Lines, the last of which is incomplete.
    Lines(Vec<u8>),
}

impl Passing {
    pub(super) fn new(dialect: Dialect, model: &str) -> Self {
        let events = if is_lines(dialect) {
            Events::Lines(Vec::new())
        } else {
            Events::Sse(sse::Parser::default())
        };
        Self { dialect, model: text::encode(model), events }
    }

    /// Hands out each event that is complete, and what takes its place when it is edited. At the
    /// `end`, what is incomplete is handed out as it is.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        end: bool,
        mut event: impl FnMut(&[u8], Option<&[u8]>),
    ) {
        let (dialect, model) = (self.dialect, &self.model);
        let mut each = |raw: &[u8]| event(raw, renamed(dialect, raw, model).as_deref());
        match &mut self.events {
            Events::Sse(parser) => {
                parser.push(piece, &mut each);
                if end && !parser.rest().is_empty() {
                    each(parser.rest());
                }
            }
            Events::Lines(pending) => lines(pending, piece, end, &mut each),
        }
    }
}

fn lines(pending: &mut Vec<u8>, piece: &[u8], end: bool, each: &mut impl FnMut(&[u8])) {
    for line in piece.split_inclusive(|byte| *byte == b'\n') {
        let whole = line.ends_with(b"\n");
        if whole && pending.is_empty() {
            each(line);
            continue;
        }
        pending.extend_from_slice(line);
        if whole || pending.len() > sse::EVENT_LIMIT {
            each(pending);
            pending.clear();
        }
    }
    if end && !pending.is_empty() {
        each(pending);
        pending.clear();
    }
}

/// Returns an event with the model renamed. `None`: it stays as it is.
fn renamed(dialect: Dialect, raw: &[u8], model: &[u8]) -> Option<Vec<u8>> {
    let payload = if is_lines(dialect) {
        0..raw.len()
    } else {
        // Nobody writes an event of several lines in these dialects.
        let Data::Line(at) = sse::data(raw) else { return None };
        at
    };
    let edits = rename(dialect, raw, payload, model);
    (!edits.is_empty()).then(|| edits.apply(raw))
}

/// Finds the model's name in an answer, whole or an event of it, which is `range` of `whole`.
pub(in crate::dialect) fn rename(
    dialect: Dialect,
    whole: &[u8],
    range: Range<usize>,
    model: &[u8],
) -> Edits<'static> {
    let mut edits = Edits::default();
    collect(dialect, whole, range, model, 0, &mut edits);
    edits
}

fn collect(
    dialect: Dialect,
    whole: &[u8],
    range: Range<usize>,
    model: &[u8],
    depth: usize,
    edits: &mut Edits<'static>,
) {
    let value = whole.get(range.clone()).unwrap_or_default();
    let Ok(mut object) = Object::open(value) else { return };
    while let Ok(Some(member)) = object.next_member() {
        let key = value.get(member.key.clone()).unwrap_or_default();
        let at = range.start + member.value.start..range.start + member.value.end;
        let found = whole.get(at.clone()).unwrap_or_default();
        if text::means(key, name(dialect)) {
            if found.starts_with(b"\"") && found != model {
                edits.replace(at, model.to_vec());
            }
        } else if depth == 0 && wrapper(dialect).is_some_and(|name| text::means(key, name)) {
            collect(dialect, whole, at, model, 1, edits);
        }
    }
}

fn name(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Gemini { "modelVersion" } else { "model" }
}

/// Returns the member of an event that holds the answer so far.
fn wrapper(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Anthropic => Some("message"),
        Dialect::Responses => Some("response"),
        Dialect::OpenAi
        | Dialect::Completions
        | Dialect::Gemini
        | Dialect::Ollama
        | Dialect::OllamaGenerate => None,
    }
}

/// Tells whether each line is an event.
fn is_lines(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Ollama | Dialect::OllamaGenerate)
}
