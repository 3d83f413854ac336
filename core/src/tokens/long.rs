//! Counts the tokens of a piece without end, in bounded memory and linear time.
//!
//! Merging a window cannot know what follows, so its last tokens are not believed. It is cut
//! before them, the next window begins there, and the cut is right when the tokens on both sides
//! of it stay apart: neighbours that stay apart are all that makes a sequence the one that its
//! bytes merge into. A cut that was wrong is made again with both windows as one.

use super::merge::{Merger, stay_apart};
use super::table::Token;

/// How many bytes are merged at once.
const WINDOW: usize = 2048;
/// How many of them are not believed, since they may merge with what follows; no token has more
/// than 128 bytes.
const DOUBTFUL: usize = 256;

/// A piece that arrives in parts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chain {
    /// Tokens that are certain; their bytes are gone.
    settled: u64,
    /// The bytes after those.
    held: Vec<u8>,
    /// Where the window begins within them.
    cut: Cut,
}

/// A place among the held bytes, with what is known of those before it.
#[derive(Debug, Default, Clone, Copy)]
struct Cut {
    bytes: usize,
    tokens: u64,
    last: Option<Token>,
}

impl Chain {
    /// Takes the next bytes of the piece.
    pub(crate) fn push(&mut self, merger: &mut Merger, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (self.cut.bytes + WINDOW).saturating_sub(self.held.len());
            let (now, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(now);
            bytes = rest;
            if self.held.len() >= self.cut.bytes + WINDOW {
                self.advance(merger);
            }
        }
    }

    /// Returns the number of tokens of what has come so far.
    pub(crate) fn count(&self, merger: &mut Merger) -> u64 {
        let before = self.merge_window(merger);
        self.settled + before.tokens + merger.tokens().count() as u64
    }

    /// Returns the number of tokens there would be with these bytes at the end.
    pub(crate) fn count_with(&self, merger: &mut Merger, bytes: &[u8]) -> u64 {
        let mut longer = self.clone();
        longer.push(merger, bytes);
        longer.count(merger)
    }

    /// Returns a number that the count does not exceed.
    pub(crate) fn at_most(&self) -> u64 {
        self.settled + self.held.len() as u64
    }

    /// Returns how much memory the held bytes take.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.held.capacity()
    }

    /// Tells whether nothing has come yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Merges the window and moves the cut near its end.
    fn advance(&mut self, merger: &mut Merger) {
        let before = self.merge_window(merger);
        self.settled += before.tokens;
        self.held.drain(..before.bytes);
        let believed = self.held.len().saturating_sub(DOUBTFUL);
        self.cut = Cut::default();
        for (begin, token) in merger.tokens() {
            self.cut.bytes = begin;
            if begin >= believed {
                break;
            }
            (self.cut.tokens, self.cut.last) = (self.cut.tokens + 1, Some(token));
        }
    }

    /// Merges what follows the cut or, when the cut proves wrong, all that is held. Returns the
    /// place where that begins.
    fn merge_window(&self, merger: &mut Merger) -> Cut {
        let window = self.held.get(self.cut.bytes..).unwrap_or_default();
        merger.merge(window);
        let first = merger.tokens().next();
        if let (Some(left), Some((_, right))) = (self.cut.last, first)
            && !stay_apart(merger.table(), left, right)
        {
            merger.merge(&self.held);
            return Cut::default();
        }
        self.cut
    }
}
