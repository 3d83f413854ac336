//! Splitting a file that comes in pieces into lines.

use bytes::{Bytes, BytesMut};

/// Lines of what comes in pieces. Holds no more than one line and one piece.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: BytesMut,
    /// Bytes of `held` that have no line end.
    seen: usize,
}

/// A line is longer than any may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Takes a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
    }

    /// Returns the next whole line, without its end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        let rest = self.held.get(self.seen..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', rest) else {
            self.seen = self.held.len();
            return if self.seen > LONGEST_LINE { Err(TooLong) } else { Ok(None) };
        };
        let end = self.seen.saturating_add(at);
        self.seen = 0;
        let line = self.held.split_to(end);
        // The line end.
        let _ = self.held.split_to(1);
        if line.len() > LONGEST_LINE { Err(TooLong) } else { Ok(Some(line.freeze())) }
    }

    /// Returns what stands behind the last line end.
    pub(super) fn last(self) -> Bytes {
        self.held.freeze()
    }
}

/// How long a line may be: as long as bodies of requests are by default.
pub(super) const LONGEST_LINE: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in text.chunks(size) {
            lines.push(piece);
            while let Some(line) = lines.next().unwrap() {
                found.push(line.to_vec());
            }
        }
        found.push(lines.last().to_vec());
        found
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        for size in 1..9 {
            assert_eq!(split(b"one\n\ntwo\r\nthree", size), [&b"one"[..], b"", b"two\r", b"three"]);
            assert_eq!(split(b"one\n", size), [&b"one"[..], b""]);
        }
    }

    #[test]
    fn a_line_without_end_is_not_held_for_ever() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; LONGEST_LINE / 2 + 1];
        lines.push(&piece);
        assert_eq!(lines.next(), Ok(None));
        lines.push(&piece);

        assert_eq!(lines.next(), Err(TooLong));
    }
}
