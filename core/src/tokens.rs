//! Counts tokens as providers do: exactly for the vocabularies that OpenAI has published.
//!
//! [`count`] is for a text at hand.
//! Text is cut into pieces (`split`) over character classes (`class`), and the bytes of each
//! piece are merged (`merge`) by a table (`table`) that is used where it lies in the binary.
//! Time is linear in the text, whatever it is: pieces without end are merged window by window
//! (`long`). `docs/tokens.md` has the sources and the figures.

mod class;
mod long;
mod merge;
mod split;
mod table;

use long::Chain;
use table::Table;

/// A published vocabulary with its way to cut text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// `o200k_base`, and `o200k_harmony`, which differs in special tokens only.
    O200k,
    /// `cl100k_base`.
    Cl100k,
}

impl Encoding {
    fn table(self) -> &'static Table {
        match self {
            Self::O200k => &O200K,
            Self::Cl100k => &CL100K,
        }
    }
}

/// Counts the tokens of a text. Special tokens in it count as the ordinary text they are written
/// as.
///
/// ```
/// use tollgate_core::tokens::{Encoding, count};
///
/// assert_eq!(count(Encoding::O200k, "Hello, world!"), 4);
/// ```
pub fn count(encoding: Encoding, text: &str) -> u64 {
    Counter::new(encoding).count(text)
}

/// Counts the tokens of bytes that should be UTF-8: what is not counts as U+FFFD, one for each
/// broken sequence, as in [`String::from_utf8_lossy`].
pub fn count_bytes(encoding: Encoding, bytes: &[u8]) -> u64 {
    count(encoding, &String::from_utf8_lossy(bytes))
}

/// Counts texts one after the other, with memory that they share.
#[derive(Debug)]
pub struct Counter {
    encoding: Encoding,
    chain: Chain,
    work: u64,
}

impl Counter {
    /// Makes a counter; it allocates nothing before it meets a piece of some hundred bytes.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, chain: Chain::default(), work: 0 }
    }

    /// Counts the tokens of a text.
    pub fn count(&mut self, text: &str) -> u64 {
        let mut rest = text.as_bytes();
        let mut tokens = 0;
        while !rest.is_empty() {
            let len = split::piece(self.encoding, rest).max(1);
            let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            tokens += self.piece(piece);
            rest = after;
        }
        tokens
    }

    /// Returns how many steps counting has taken so far: bytes looked at and merges made.
    pub fn work(&self) -> u64 {
        self.work
    }

    fn piece(&mut self, piece: &[u8]) -> u64 {
        let table = self.encoding.table();
        match piece.len() {
            0 | 1 => piece.len() as u64,
            ..=merge::SHORT => merge::count_short(table, piece, &mut self.work) as u64,
            _ => {
                self.chain.clear();
                self.chain.push(table, piece, &mut self.work);
                self.chain.count(table, &mut self.work)
            }
        }
    }
}

static O200K: Table = Table::new(include_bytes!("tokens/o200k.bin"));
static CL100K: Table = Table::new(include_bytes!("tokens/cl100k.bin"));
