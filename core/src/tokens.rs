//! Counts tokens as providers do: exactly for the vocabularies that OpenAI has published.
//!
//! [`request_tokens`] is for the prompt of a request, whose model's [`Family`] says how its
//! provider counts; [`upper_bound`] is the same without counting, and never less.
//! [`count`] and [`Counter`] are for texts at hand, [`StreamCounter`] and
//! [`OutputCounter`] for those that are arriving.
//! Text is cut into pieces (`split`) over character classes (`class`), and the bytes of each
//! piece are merged (`merge`) by a table (`table`) that is used where it lies in the binary.
//! Time is linear in the text, whatever it is: pieces without end are merged window by window
//! (`long`, `endless`). `docs/tokens.md` has the sources and the figures.

mod class;
mod endless;
mod estimate;
mod family;
mod long;
mod media;
mod merge;
mod request;
mod schema;
mod split;
mod stream;
mod table;
mod tally;

pub use family::Family;
use long::Chain;
use merge::Merger;
pub use request::{Counted, request_tokens, text_tokens, upper_bound};
pub use stream::{OutputCounter, StreamCounter};
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
    merger: Merger,
}

impl Counter {
    /// Makes a counter; it allocates nothing before it meets a piece of some hundred bytes.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, merger: Merger::new(encoding.table()) }
    }

    /// Counts the tokens of a text.
    pub fn count(&mut self, text: &str) -> u64 {
        count_pieces(self.encoding, &mut self.merger, text.as_bytes())
    }

    /// Returns how many steps merging has taken so far: bytes taken up and merges made.
    pub fn work(&self) -> u64 {
        self.merger.work()
    }
}

/// Counts the tokens of UTF-8.
fn count_pieces(encoding: Encoding, merger: &mut Merger, mut text: &[u8]) -> u64 {
    let mut tokens = 0;
    while !text.is_empty() {
        let piece;
        ((piece, text), _) = first_piece(encoding, text);
        tokens += count_piece(merger, piece);
    }
    tokens
}

#[inline]
fn count_piece(merger: &mut Merger, piece: &[u8]) -> u64 {
    match piece.len() {
        0 | 1 => piece.len() as u64,
        ..=merge::SHORT => merger.count_short(piece) as u64,
        _ => Chain::default().count_with(merger, piece),
    }
}

/// Parts the first piece from the rest, and tells whether more text could change it.
#[inline]
fn first_piece(encoding: Encoding, text: &[u8]) -> ((&[u8], &[u8]), bool) {
    let found = split::piece(encoding, text);
    // A piece has at least a byte, so that every loop over them ends.
    let parts = text.split_at_checked(found.end.max(1)).unwrap_or((text, &[]));
    (parts, found.seen > text.len())
}

static O200K: Table = Table::new(include_bytes!("tokens/o200k.bin"));
static CL100K: Table = Table::new(include_bytes!("tokens/cl100k.bin"));
