//! Counts a text that arrives in pieces.

use super::endless::Endless;
use super::merge::Merger;
use super::{Counted, Encoding, Family, count_piece, count_pieces, first_piece, request, split};
use crate::json::text;

/// The exact count of everything pushed so far, in one text.
///
/// It keeps what the next push could still change: a few bytes as a rule, and never more than
/// 16 KiB beside the longest push, however long the text and whatever it is. Time is linear.
///
/// ```
/// use tollgate_core::tokens::{Encoding, StreamCounter};
///
/// let mut counter = StreamCounter::new(Encoding::O200k);
/// counter.push("Hel");
/// counter.push_json(br"lo,\u0020world!");
/// assert_eq!(counter.total(), 4);
/// ```
#[derive(Debug)]
pub struct StreamCounter {
    encoding: Encoding,
    settled: u64,
    /// Text that is not counted yet.
    pending: Vec<u8>,
    /// How much there must be before looking at it is worth while.
    enough: usize,
    endless: Option<Endless>,
}

impl StreamCounter {
    /// Starts a text.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, settled: 0, pending: Vec::new(), enough: BATCH, endless: None }
    }

    /// Takes the next part of the text.
    pub fn push(&mut self, text: &str) {
        self.pending.extend_from_slice(text.as_bytes());
        if self.pending.len() >= self.enough {
            self.settle();
        }
    }

    /// Takes the next part as it stands between the quotes of a JSON string.
    pub fn push_json(&mut self, raw: &[u8]) {
        self.push(&text::decode(raw));
    }

    /// Returns the tokens of the text so far, as if it ended here.
    pub fn total(&self) -> u64 {
        let mut merger = Merger::new(self.encoding.table());
        let mut rest = &*self.pending;
        let mut total = self.settled;
        if let Some(endless) = &self.endless {
            let (contraction, after) = contraction(endless, rest);
            total += endless.finish(&mut merger, contraction, rest.is_empty()).0;
            rest = after;
        }
        total + count_pieces(self.encoding, &mut merger, rest)
    }

    /// Returns a number that `total` does not exceed, at no cost: no token has less than a byte.
    pub fn at_most(&self) -> u64 {
        let endless = self.endless.as_ref().map_or(0, Endless::at_most);
        self.settled + endless + self.pending.len() as u64
    }

    /// Counts the pieces that no further text can change.
    fn settle(&mut self) {
        let mut merger = Merger::new(self.encoding.table());
        while self.settle_endless(&mut merger) {
            let mut rest = &*self.pending;
            while !rest.is_empty()
                && let ((piece, after), false) = first_piece(self.encoding, rest)
            {
                self.settled += count_piece(&mut merger, piece);
                rest = after;
            }
            let counted = self.pending.len() - rest.len();
            self.pending.drain(..counted);
            if self.pending.len() < LIMIT {
                // Looking again only at twice as much keeps the sum of looks linear.
                self.enough = self.pending.len() * 2 + BATCH;
                return;
            }
            self.endless = Some(Endless::new(self.encoding, &self.pending));
        }
    }

    /// Goes on with a piece that is being counted, and tells whether there is none any more.
    fn settle_endless(&mut self, merger: &mut Merger) -> bool {
        let Some(endless) = &mut self.endless else { return true };
        self.enough = 0;
        let taken = endless.take(merger, &self.pending);
        self.pending.drain(..taken);
        let undecided = endless.may_contract()
            && self.pending.first() == Some(&b'\'')
            && self.pending.len() < split::CONTRACTION;
        if self.pending.is_empty() || undecided {
            return false;
        }
        let (contraction, after) = contraction(endless, &self.pending);
        let (tokens, kept) = endless.finish(merger, contraction, false);
        self.settled += tokens;
        self.pending = [kept, after].concat();
        self.endless = None;
        true
    }
}

/// Counts what a model of some family generates, as it arrives.
///
/// Each text of an answer (a choice's content, its reasoning, the arguments of a call) has a
/// counter of its own: pieces of different texts do not merge.
#[derive(Debug)]
pub struct OutputCounter {
    family: Family,
    counter: StreamCounter,
}

impl OutputCounter {
    /// Starts a text.
    pub fn new(family: Family) -> Self {
        Self { family, counter: StreamCounter::new(family.encoding()) }
    }

    /// Takes the next part of the text.
    pub fn push(&mut self, text: &str) {
        self.counter.push(text);
    }

    /// Takes the next part as it stands between the quotes of a JSON string.
    pub fn push_json(&mut self, raw: &[u8]) {
        self.counter.push_json(raw);
    }

    /// Returns the tokens so far. They are not all where a model thinks unseen.
    pub fn total(&self) -> Counted {
        let counted = request::scaled(self.family, self.counter.total());
        Counted { exact: counted.exact && self.family != Family::Reasoning, ..counted }
    }

    /// Returns a number that `total` does not exceed, at no cost.
    pub fn at_most(&self) -> u64 {
        request::scaled(self.family, self.counter.at_most()).tokens
    }
}

/// Parts what belongs to the piece that has just ended from what follows.
fn contraction<'a>(endless: &Endless, text: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let len = if endless.may_contract() { split::contraction(text, 0) } else { 0 };
    text.split_at_checked(len).unwrap_or((text, &[]))
}

/// How much text is looked at once.
const BATCH: usize = 64;
/// A piece of more bytes is counted before it ends.
const LIMIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_no_more_than_sixteen_kilobytes_of_any_text() {
        for unit in ["a", "A", "日A", " ", "\n", " \n", "(", "\u{301}", "some words, ", "日本"] {
            let delta = unit.repeat(40 / unit.len());
            let mut counter = StreamCounter::new(Encoding::O200k);
            for _ in 0..5_000 {
                counter.push(&delta);
                let endless = counter.endless.as_ref().map_or(0, Endless::memory);
                let held = counter.pending.capacity() + endless;
                assert!(held <= 16 * 1024, "{held} bytes of {unit:?}");
            }
        }
    }
}
