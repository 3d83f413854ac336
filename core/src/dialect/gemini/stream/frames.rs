//! The objects of a stream, cut out as they complete: of server-sent events or of a JSON array.

use crate::sse::{self, Data, EVENT_LIMIT};

/// Finds the objects of a stream that arrives in any pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    framing: Framing,
}

#[derive(Debug, Default)]
enum Framing {
    /// Nothing but white space so far.
    #[default]
    Unknown,
    Events(sse::Parser),
    Objects(Objects),
}

impl Frames {
    /// Takes a piece and hands out the text of each object that is complete now.
    pub(super) fn push(&mut self, piece: &[u8], mut frame: impl FnMut(&[u8])) {
        let mut piece = piece;
        if matches!(self.framing, Framing::Unknown) {
            piece = piece.trim_ascii_start();
            self.framing = match piece.first() {
                None => return,
                Some(b'[' | b'{') => Framing::Objects(Objects::default()),
                Some(_) => Framing::Events(sse::Parser::default()),
            };
        }
        match &mut self.framing {
            Framing::Unknown => {}
            Framing::Events(events) => events.push(piece, |raw| data(raw, &mut frame)),
            Framing::Objects(objects) => objects.push(piece, &mut frame),
        }
    }

    /// Hands out an event that lacks only the empty line after it.
    pub(super) fn end(&mut self, mut frame: impl FnMut(&[u8])) {
        if let Framing::Events(events) = &self.framing {
            data(events.rest(), &mut frame);
        }
        self.framing = Framing::Unknown;
    }
}

fn data(raw: &[u8], frame: &mut impl FnMut(&[u8])) {
    match sse::data(raw) {
        Data::None => {}
        Data::Line(at) => frame(raw.get(at).unwrap_or_default()),
        Data::Joined(joined) => frame(&joined),
    }
}

/// Objects that stand beside each other, whatever stands between them. One that is larger than
/// [`EVENT_LIMIT`] is passed over.
#[derive(Debug, Default)]
struct Objects {
    pending: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    too_large: bool,
}

impl Objects {
    fn push(&mut self, piece: &[u8], frame: &mut impl FnMut(&[u8])) {
        let mut from = 0;
        for (at, byte) in piece.iter().enumerate() {
            let was_open = self.depth > 0;
            self.step(*byte);
            if !was_open && self.depth > 0 {
                from = at;
            } else if was_open && self.depth == 0 {
                self.keep(piece.get(from..=at).unwrap_or_default());
                if !self.too_large {
                    frame(&self.pending);
                }
                self.pending.clear();
                self.too_large = false;
            }
        }
        if self.depth > 0 {
            self.keep(piece.get(from..).unwrap_or_default());
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            if std::mem::take(&mut self.escaped) {
                return;
            }
            self.escaped = byte == b'\\';
            self.in_string = byte != b'"';
            return;
        }
        match byte {
            b'{' => self.depth += 1,
            b'[' if self.depth > 0 => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b'"' => self.in_string = self.depth > 0,
            _ => {}
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.pending.len().saturating_add(bytes.len()) > EVENT_LIMIT {
            self.too_large = true;
            self.pending.clear();
        }
        if !self.too_large {
            self.pending.extend_from_slice(bytes);
        }
    }
}
