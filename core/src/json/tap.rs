//! An answer that arrives in pieces: its `model` is replaced and its `usage` read as it passes.
//!
//! Nothing is held back: what a piece allows to be forwarded is forwarded with it. Text that is
//! not an object passes untouched.

use memchr::memchr2;

use super::text;

/// How much of one value is kept. Real `usage` objects are below 2 KiB.
const CAPTURE_LIMIT: usize = 64 * 1024;
/// Longer keys are none of ours.
const KEY_LIMIT: usize = 64;

/// The state between two pieces.
#[derive(Debug)]
pub struct Tap {
    model: Vec<u8>,
    at: At,
    key: Vec<u8>,
    escaped: bool,
    in_string: bool,
    depth: usize,
    field: Field,
    captured: Captured,
}

/// What was read on the way, as raw JSON values. Empty when there was none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The last top-level `usage`.
    pub usage: Vec<u8>,
    /// The top-level `id`.
    pub id: Vec<u8>,
    /// The top-level `error`.
    pub error: Vec<u8>,
    /// The top-level `duration`.
    pub duration: Vec<u8>,
    /// The top-level `type`.
    pub kind: Vec<u8>,
    /// How many objects the top-level `data` has so far.
    pub items: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Members,
    Key,
    Colon,
    ValueStart,
    Value,
    OldModel,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Model,
    Usage,
    Id,
    Error,
    Duration,
    Kind,
    Data,
    Other,
}

impl Tap {
    /// Replaces `model` by `name` in what is going to pass.
    pub fn new(name: &str) -> Self {
        Self {
            model: text::encode(name),
            at: At::Start,
            key: Vec::new(),
            escaped: false,
            in_string: false,
            depth: 0,
            field: Field::Other,
            captured: Captured::default(),
        }
    }

    /// Replaces nothing.
    pub fn watching() -> Self {
        Self { model: Vec::new(), ..Self::new("") }
    }

    /// Returns what has been read so far.
    pub fn captured(&self) -> &Captured {
        &self.captured
    }

    /// Takes the next piece. Returns what to forward instead, or `None` to forward it as it is.
    pub fn push(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        let mut out = Output { piece, copied: 0, text: None };
        if self.at == At::OldModel {
            out.cut(0);
        }
        let mut at = 0;
        let mut value_from = 0;
        while let Some(&byte) = piece.get(at) {
            let was = self.at;
            at = self.step(byte, at, &mut out);
            if was == At::ValueStart && self.at == At::Value {
                value_from = at.saturating_sub(1);
            }
            if was == At::Value && self.at != At::Value {
                self.keep(piece.get(value_from..at.saturating_sub(1)).unwrap_or_default());
            }
            if self.at == At::Off {
                break;
            }
        }
        if self.at == At::Value {
            self.keep(piece.get(value_from..).unwrap_or_default());
        }
        out.finish(self.at == At::OldModel)
    }

    /// Handles one byte, or a run of plain string bytes, and returns where the next one is.
    fn step(&mut self, byte: u8, at: usize, out: &mut Output<'_>) -> usize {
        match self.at {
            At::Start => match byte {
                b'{' => self.at = At::Members,
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => self.at = At::Off,
            },
            At::Members => match byte {
                b'"' => {
                    self.key.clear();
                    self.at = At::Key;
                }
                b'}' => self.at = At::Off,
                _ => {}
            },
            At::Key => self.key_byte(byte),
            At::Colon => {
                if byte == b':' {
                    self.field = field(&self.key);
                    self.at = At::ValueStart;
                }
            }
            At::ValueStart => self.value_start(byte, at, out),
            At::Value => return self.value_bytes(at, out.piece),
            At::OldModel => {
                if self.string_ended(byte) {
                    self.at = At::Members;
                    out.resume(at + 1);
                }
            }
            At::Off => {}
        }
        at + 1
    }

    fn key_byte(&mut self, byte: u8) {
        if self.string_ended(byte) {
            self.at = At::Colon;
        } else if self.key.len() <= KEY_LIMIT {
            self.key.push(byte);
        }
    }

    fn value_start(&mut self, byte: u8, at: usize, out: &mut Output<'_>) {
        match (byte, self.field) {
            (b' ' | b'\n' | b'\r' | b'\t', _) => {}
            (b'"', Field::Model) if !self.model.is_empty() => {
                out.cut(at);
                out.write(&self.model);
                self.at = At::OldModel;
            }
            _ => {
                self.reset_capture();
                self.depth = usize::from(matches!(byte, b'{' | b'['));
                self.in_string = byte == b'"';
                self.at = At::Value;
            }
        }
    }

    /// Runs through a value until it or the piece ends, and returns where the next byte is. Most
    /// of an answer passes here, so the state lives in locals and strings are searched, not read.
    fn value_bytes(&mut self, from: usize, piece: &[u8]) -> usize {
        let (mut at, mut depth) = (from, self.depth);
        while let Some(&byte) = piece.get(at) {
            if self.in_string {
                at = self.string_bytes(at, piece);
                continue;
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    if depth == 1 && self.field == Field::Data {
                        self.captured.items = self.captured.items.saturating_add(1);
                    }
                    depth += 1;
                }
                b'}' | b']' if depth == 0 => {
                    self.at = At::Off;
                    break;
                }
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => {
                    self.at = At::Members;
                    break;
                }
                _ => {}
            }
        }
        self.depth = depth;
        at
    }

    /// Runs through a string until it or the piece ends.
    fn string_bytes(&mut self, from: usize, piece: &[u8]) -> usize {
        let mut at = from;
        while let Some(&byte) = piece.get(at) {
            if !self.escaped && byte != b'"' && byte != b'\\' {
                let rest = piece.get(at..).unwrap_or_default();
                // Keys and tokens are short; the search pays for texts.
                let near = rest.get(..16).unwrap_or(rest);
                at += match near.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
                    Some(found) => found,
                    None => memchr2(b'"', b'\\', rest).unwrap_or(rest.len()),
                };
                continue;
            }
            at += 1;
            if self.string_ended(byte) {
                self.in_string = false;
                break;
            }
        }
        at
    }

    /// Follows escapes and tells whether `byte` is the closing quote.
    fn string_ended(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
            return false;
        }
        self.escaped = byte == b'\\';
        byte == b'"'
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(kept) = self.captured.slot(self.field) else { return };
        let room = CAPTURE_LIMIT.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    fn reset_capture(&mut self) {
        if let Some(kept) = self.captured.slot(self.field) {
            kept.clear();
        }
    }
}

impl Captured {
    fn slot(&mut self, field: Field) -> Option<&mut Vec<u8>> {
        match field {
            Field::Usage => Some(&mut self.usage),
            Field::Id => Some(&mut self.id),
            Field::Error => Some(&mut self.error),
            Field::Duration => Some(&mut self.duration),
            Field::Kind => Some(&mut self.kind),
            Field::Model | Field::Data | Field::Other => None,
        }
    }
}

fn field(key: &[u8]) -> Field {
    if text::means(key, "model") {
        Field::Model
    } else if text::means(key, "usage") {
        Field::Usage
    } else if text::means(key, "id") {
        Field::Id
    } else if text::means(key, "error") {
        Field::Error
    } else if text::means(key, "duration") {
        Field::Duration
    } else if text::means(key, "type") {
        Field::Kind
    } else if text::means(key, "data") {
        Field::Data
    } else {
        Field::Other
    }
}

/// Builds the changed piece; costs nothing while nothing has changed.
struct Output<'a> {
    piece: &'a [u8],
    copied: usize,
    text: Option<Vec<u8>>,
}

impl Output<'_> {
    fn cut(&mut self, at: usize) {
        let text = self.text.get_or_insert_with(|| Vec::with_capacity(self.piece.len() + 64));
        text.extend_from_slice(self.piece.get(self.copied..at).unwrap_or_default());
        self.copied = at;
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(text) = &mut self.text {
            text.extend_from_slice(bytes);
        }
    }

    fn resume(&mut self, at: usize) {
        self.copied = at;
    }

    fn finish(mut self, cutting: bool) -> Option<Vec<u8>> {
        if self.text.is_some() && !cutting {
            self.cut(self.piece.len());
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(answer: &str, size: usize) -> (String, Captured) {
        let mut tap = Tap::new("public/name");
        let mut out = Vec::new();
        for piece in answer.as_bytes().chunks(size) {
            match tap.push(piece) {
                Some(changed) => out.extend(changed),
                None => out.extend_from_slice(piece),
            }
        }
        (String::from_utf8(out).unwrap(), tap.captured().clone())
    }

    const ANSWER: &str = r#" {"id":"chatcmpl-1", "model" : "gpt-4o-2024\"-08", "choices":[{"model":"inner","text":"a\"},{"}],
  "usage": {"prompt_tokens": 3, "x":["}"]} , "model":null,"model":"again" } "#;

    #[test]
    fn replaces_every_model_string_and_reads_usage() {
        let (out, captured) = run(ANSWER, usize::MAX);

        let expected = ANSWER
            .replace(r#""gpt-4o-2024\"-08""#, r#""public/name""#)
            .replace(r#""again""#, r#""public/name""#);
        assert_eq!(out, expected);
        assert_eq!(captured.usage.trim_ascii(), br#"{"prompt_tokens": 3, "x":["}"]}"#);
        assert_eq!(captured.id, br#""chatcmpl-1""#);
    }

    #[test]
    fn counts_the_objects_of_data() {
        let (out, captured) = run(r#"{"data":[{"b64":"{[","x":[{}]},{}],"type":"done"}"#, 3);

        assert_eq!(out.len(), 49);
        assert_eq!((captured.items, &*captured.kind), (2, &b"\"done\""[..]));
    }

    #[test]
    fn any_chunking_gives_the_same() {
        let whole = run(ANSWER, usize::MAX);

        for size in 1..ANSWER.len() {
            assert_eq!(run(ANSWER, size), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn passes_what_is_not_an_object() {
        for text in ["", "[{\"model\":\"a\"}]", "<html>", "\"model\"", "{", "{\"model\"", "}{"] {
            assert_eq!(run(text, 3).0, text);
        }
    }

    #[test]
    fn does_not_touch_an_answer_without_a_model() {
        assert_eq!(Tap::new("x").push(br#"{"data":[0.1,-2]}"#), None);
    }
}
