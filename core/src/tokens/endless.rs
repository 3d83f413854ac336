//! A piece that goes on for so long that it is counted before it has ended.
//!
//! Two things may turn out: all of it is one piece, or it ends at a place known by now (after the
//! last line end of white space, after the last caseless letter before upper case) and the rest
//! is another piece. Both are counted until it is known.

use super::Encoding;
use super::class::{self, Class};
use super::long::Chain;
use super::merge::Merger;

/// What has come of such a piece.
#[derive(Debug)]
pub(crate) struct Endless {
    encoding: Encoding,
    kind: Kind,
    /// All of it.
    full: Chain,
    /// What is one piece if it turns out to end early.
    cut: Option<Chain>,
    /// What follows the cut.
    tail: Chain,
    /// The last character of white space, which may go with what follows; it is in no chain.
    kept: Vec<u8>,
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A word of o200k in which no lower case has come.
    Word,
    /// A word that ends with the first character that is not in its class.
    Lower,
    /// Letters of cl100k.
    Letters,
    Symbols,
    /// What may follow symbols.
    AfterSymbols,
    Space,
}

impl Endless {
    /// Prepares for a piece that begins like `text`; it has still to be taken.
    pub(crate) fn new(encoding: Encoding, text: &[u8]) -> Self {
        let first = class::at(text, 0).unwrap_or((Class::Other, 1));
        let second = class::at(text, first.1).map_or(Class::Other, |(class, _)| class);
        let kind = match (first.0, second, encoding) {
            (first, second, Encoding::O200k)
                if first.is_letter() || second.is_letter() || second == Class::Mark =>
            {
                Kind::Word
            }
            (first, second, Encoding::Cl100k) if first.is_letter() || second.is_letter() => {
                Kind::Letters
            }
            (first, second, _) if first.is_space() && second.is_space() => Kind::Space,
            _ => Kind::Symbols,
        };
        let chain = Chain::default;
        let (full, tail, kept) = (chain(), chain(), Vec::new());
        Self { encoding, kind, full, cut: None, tail, kept, begun: false }
    }

    /// Takes what belongs to the piece, and returns how many bytes that is; fewer than there are
    /// when it ends.
    pub(crate) fn take(&mut self, merger: &mut Merger, text: &[u8]) -> usize {
        let mut at = 0;
        while let Some((class, len)) = class::at(text, at) {
            let character = text.get(at..at + len).unwrap_or_default();
            if !self.takes(merger, class, character) {
                break;
            }
            self.begun = true;
            at += len;
        }
        at
    }

    /// Returns a number that the tokens of the piece do not exceed.
    pub(crate) fn at_most(&self) -> u64 {
        let early = self.cut.as_ref().map_or(0, Chain::at_most) + self.tail.at_most();
        self.full.at_most().max(early) + self.kept.len() as u64
    }

    /// Returns how much memory the held bytes take.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let cut = self.cut.as_ref().map_or(0, Chain::memory);
        self.full.memory() + cut + self.tail.memory() + self.kept.capacity()
    }

    /// Tells whether a contraction may follow, which belongs to the piece then.
    pub(crate) fn may_contract(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Lower)
    }

    /// Returns the tokens of the piece, when it ends with `contraction`, and the character that
    /// goes with what follows; nothing follows `at_end`.
    pub(crate) fn finish(
        &self,
        merger: &mut Merger,
        contraction: &[u8],
        at_end: bool,
    ) -> (u64, &[u8]) {
        let all_at_once = at_end && self.encoding == Encoding::Cl100k;
        let (last, kept) = match (self.kind, at_end) {
            (Kind::Space, true) => (&*self.kept, &[][..]),
            (Kind::Space, false) => (&[][..], &*self.kept),
            _ => (contraction, &[][..]),
        };
        let tokens = match &self.cut {
            Some(cut) if self.kind == Kind::Space && !all_at_once => {
                cut.count(merger) + self.tail.count_with(merger, last)
            }
            Some(cut) if self.kind == Kind::Word && !self.tail.is_empty() => {
                cut.count(merger) + self.tail.count_with(merger, last)
            }
            _ => self.full.count_with(merger, last),
        };
        (tokens, kept)
    }

    fn takes(&mut self, merger: &mut Merger, class: Class, character: &[u8]) -> bool {
        let belongs = match self.kind {
            Kind::Word => return self.takes_word(merger, class, character),
            Kind::Space => return self.takes_space(merger, class, character),
            Kind::Lower => is_lower(class),
            Kind::Letters => !self.begun || class.is_letter(),
            Kind::Symbols if !self.begun || matches!(class, Class::Other | Class::Mark) => true,
            Kind::Symbols | Kind::AfterSymbols => {
                self.kind = Kind::AfterSymbols;
                matches!(character, b"\r" | b"\n")
                    || (character == b"/" && self.encoding == Encoding::O200k)
            }
        };
        if belongs {
            self.full.push(merger, character);
        }
        belongs
    }

    fn takes_word(&mut self, merger: &mut Merger, class: Class, character: &[u8]) -> bool {
        match class {
            Class::Caseless | Class::Mark => self.push_and_cut(merger, character),
            Class::Lower => {
                self.full.push(merger, character);
                self.kind = Kind::Lower;
            }
            Class::Upper => {
                self.full.push(merger, character);
                if self.cut.is_some() {
                    self.tail.push(merger, character);
                }
            }
            Class::Other | Class::Space | Class::Line | Class::Number => {
                if self.begun {
                    return false;
                }
                // The prefix.
                self.full.push(merger, character);
            }
        }
        true
    }

    fn takes_space(&mut self, merger: &mut Merger, class: Class, character: &[u8]) -> bool {
        if !class.is_space() {
            return false;
        }
        let before = std::mem::take(&mut self.kept);
        self.full.push(merger, &before);
        self.tail.push(merger, &before);
        if class == Class::Line {
            self.push_and_cut(merger, character);
        } else {
            self.kept.extend_from_slice(character);
        }
        true
    }

    /// Takes a character after which the piece may end.
    fn push_and_cut(&mut self, merger: &mut Merger, character: &[u8]) {
        self.full.push(merger, character);
        match &mut self.cut {
            // Nothing has come since the last cut: what came up to it grows alike.
            Some(cut) if self.tail.is_empty() => cut.push(merger, character),
            cut => {
                *cut = Some(self.full.clone());
                self.tail = Chain::default();
            }
        }
    }
}

fn is_lower(class: Class) -> bool {
    matches!(class, Class::Lower | Class::Caseless | Class::Mark)
}
