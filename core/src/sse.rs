//! Server-sent events, cut out of a byte stream as they complete.
//!
//! The [`Parser`] keeps every byte: the raw events it hands out, and what [`Parser::rest`] holds in
//! the end, concatenate to what went in. Line ends may be LF, CRLF or CR, also mixed, and may be
//! split anywhere. The format is that of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// An event larger than this is handed out in pieces, unparsed: memory stays bounded.
pub const EVENT_LIMIT: usize = 8 * 1024 * 1024;

/// Finds the ends of events in a stream that arrives in any pieces.
///
/// ```
/// let mut parser = tollgate_core::sse::Parser::default();
/// let mut events = Vec::new();
/// for piece in [&b"data: 1\n"[..], b"\ndata: 2\n\n", b"data"] {
///     parser.push(piece, |raw| events.push(raw.to_vec()));
/// }
/// assert_eq!(events, [b"data: 1\n\n", b"data: 2\n\n"]);
/// assert_eq!(parser.rest(), b"data");
/// ```
#[derive(Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
    line: Line,
}

#[derive(Debug, Default, Clone, Copy)]
struct Line {
    /// The current line has bytes.
    filled: bool,
    /// The last byte was CR: an LF now belongs to it.
    after_cr: bool,
    /// An empty line ended with that CR, and earlier lines ended with CRLF: its LF is to come.
    ends_with_lf: bool,
    /// Lines of this stream end with CRLF.
    crlf: bool,
}

impl Parser {
    /// Takes the next piece and hands out every event that is complete now, raw, with the empty
    /// line that ends it.
    pub fn push(&mut self, piece: &[u8], mut event: impl FnMut(&[u8])) {
        let mut from = 0;
        let mut at = 0;
        while let Some(end) = self.line.next_end(piece, &mut at) {
            if self.pending.is_empty() {
                event(piece.get(from..end).unwrap_or_default());
            } else {
                self.pending.extend_from_slice(piece.get(from..end).unwrap_or_default());
                event(&self.pending);
                self.pending.clear();
            }
            from = end;
        }
        self.pending.extend_from_slice(piece.get(from..).unwrap_or_default());
        if self.pending.len() > EVENT_LIMIT {
            event(&self.pending);
            self.pending.clear();
        }
    }

    /// Returns the bytes of an event that is not complete.
    pub fn rest(&self) -> &[u8] {
        &self.pending
    }
}

impl Line {
    /// Moves `at` to the end of the next event in `piece` and returns it.
    fn next_end(&mut self, piece: &[u8], at: &mut usize) -> Option<usize> {
        while let Some(rest) = piece.get(*at..).filter(|rest| !rest.is_empty()) {
            if self.after_cr {
                self.after_cr = false;
                let owed = std::mem::take(&mut self.ends_with_lf);
                if rest.first() == Some(&b'\n') {
                    self.crlf = true;
                    *at += 1;
                }
                if owed {
                    return Some(*at);
                }
                continue;
            }
            let found = memchr2(b'\n', b'\r', rest);
            self.filled |= found.unwrap_or(rest.len()) > 0;
            let Some(found) = found else {
                *at = piece.len();
                return None;
            };
            *at += found + 1;
            let empty = !std::mem::take(&mut self.filled);
            self.after_cr = rest.get(found) == Some(&b'\r');
            if empty && self.after_cr && (self.crlf || *at < piece.len()) {
                self.ends_with_lf = true;
            } else if empty {
                return Some(*at);
            }
        }
        None
    }
}

/// The payload of one raw event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// No `data` field: a comment, a lone `event:` or an empty line.
    None,
    /// One line, at this place in the raw event.
    Line(Range<usize>),
    /// Several lines, joined by LF.
    Joined(Cow<'a, [u8]>),
}

/// Returns the payload of a raw event.
pub fn data(raw: &[u8]) -> Data<'_> {
    let mut lines = Lines { raw, at: 0 }.filter_map(|line| data_line(raw, line));
    let Some(first) = lines.next() else { return Data::None };
    let Some(second) = lines.next() else { return Data::Line(first) };
    let mut joined = raw.get(first).unwrap_or_default().to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.push(b'\n');
        joined.extend_from_slice(raw.get(line).unwrap_or_default());
    }
    Data::Joined(Cow::Owned(joined))
}

fn data_line(raw: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let text = raw.get(line.clone())?;
    let skipped_bom = if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let value = text.get(skipped_bom..)?.strip_prefix(b"data")?;
    let colon = usize::from(value.first() == Some(&b':'));
    if colon == 0 && !value.is_empty() {
        return None;
    }
    let space = usize::from(value.get(colon) == Some(&b' '));
    Some(line.start + skipped_bom + 4 + colon + space..line.end)
}

/// The lines of an event without their ends.
struct Lines<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.raw.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = self.at..self.at + length;
        let crlf = rest.get(length) == Some(&b'\r') && rest.get(length + 1) == Some(&b'\n');
        self.at = line.end + if crlf { 2 } else { 1 };
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &str, size: usize) -> (Vec<String>, String) {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            parser.push(piece, |raw| out.push(String::from_utf8(raw.to_vec()).unwrap()));
        }
        (out, String::from_utf8(parser.rest().to_vec()).unwrap())
    }

    const LF: &str = ": hi\n\ndata: 1\n\nevent: x\ndata: 2\ndata: 3\n\ndata: [DONE]\n\n";

    #[test]
    fn any_chunking_gives_the_same_events() {
        for stream in [LF.to_owned(), LF.replace('\n', "\r\n")] {
            let whole = events(&stream, usize::MAX);
            assert_eq!(whole.0.len(), 4);
            for size in 1..stream.len() {
                assert_eq!(events(&stream, size), whole, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn keeps_every_byte_with_lone_carriage_returns_too() {
        for stream in ["data: 1\r\rdata: 2\r\r", "data: 1\r\n\ndata: 2\n\r\n\r", "\n\n\r\n"] {
            for size in 1..=stream.len() {
                let (events, rest) = events(stream, size);
                assert_eq!(events.concat() + &rest, stream, "in pieces of {size}");
            }
        }
        assert_eq!(events("data: 1\r\rdata: 2\r\rx", 100).0, ["data: 1\r\r", "data: 2\r\r"]);
    }

    #[test]
    fn finds_the_payload() {
        assert_eq!(data(b"data: {\"a\":1}\n\n"), Data::Line(6..13));
        assert_eq!(data(b"data:x\r\n\r\n"), Data::Line(5..6));
        assert_eq!(data(b"event: e\ndata: x\n\n"), Data::Line(15..16));
        assert_eq!(data(b"\xEF\xBB\xBFdata: x\n\n"), Data::Line(9..10));
        assert_eq!(data(b"data\n\n"), Data::Line(4..4));
        assert_eq!(data(b"data: a\ndata:b\n\n"), Data::Joined(b"a\nb"[..].into()));
        assert_eq!(data(b": comment\n\n"), Data::None);
        assert_eq!(data(b"database: x\n\n"), Data::None);
    }

    #[test]
    fn bounds_an_event_without_end() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; EVENT_LIMIT / 2 + 1];
        let mut handed_out = 0;
        for _ in 0..4 {
            parser.push(&piece, |raw| handed_out += raw.len());
        }
        assert_eq!(handed_out + parser.rest().len(), 4 * piece.len());
        assert!(parser.rest().len() <= EVENT_LIMIT);
    }
}
