//! A vocabulary as one table of merges, used where it lies in the binary.
//!
//! In byte-pair encoding each token of more than one byte is made of two others, and always of
//! the same two: what its own bytes were merged into before it. So a vocabulary is a set of
//! triples (left, right, rank), and no token's bytes are needed. A triple packs into 64 bits. A
//! perfect hash over the names of left and right, which come from their ranks, gives it its slot,
//! and the slot is the number by which other triples refer to it.
//! `tests/tokens/vocabulary.rs` writes the files and fails when they are stale.

/// A token: its name, which is in the order of ranks, above 32 bits of its number.
///
/// Single bytes come first and are their own name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(u64);

impl Token {
    /// What two neighbours become that do not merge: later than all tokens.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// Returns the token that a single byte is.
    #[inline]
    pub(crate) fn byte(byte: u8) -> Self {
        Self(u64::from(byte) << 32 | u64::from(byte))
    }

    /// Returns what orders merges: the lowest comes first.
    #[inline]
    pub(crate) fn name(self) -> u32 {
        low(self.0 >> 32)
    }

    #[inline]
    fn number(self) -> u32 {
        low(self.0)
    }
}

/// How many tokens are single bytes.
const BYTES: u32 = 256;
/// How many bits a token and a rank have in an entry.
const BITS: u32 = 18;
const MASK: u64 = (1 << BITS) - 1;

/// The merges of one vocabulary.
#[derive(Debug)]
pub(crate) struct Table {
    seeds: &'static [[u8; 2]],
    entries: &'static [[u8; 8]],
}

impl Table {
    /// Takes a file apart: the number of seeds, the seeds, the entries.
    pub(crate) const fn new(file: &'static [u8]) -> Self {
        let empty = Self { seeds: &[], entries: &[] };
        let Some((count, rest)) = file.split_first_chunk::<4>() else { return empty };
        let Some((seeds, entries)) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * 2)
        else {
            return empty;
        };
        Self { seeds: seeds.as_chunks().0, entries: entries.as_chunks().0 }
    }

    /// Returns what two neighbours become, or [`Token::NONE`].
    #[inline]
    pub(crate) fn merge(&self, left: Token, right: Token) -> Token {
        let (bucket, hash) = place(left, right, self.seeds.len());
        let Some(seed) = self.seeds.get(bucket) else { return Token::NONE };
        let index = slot(hash, u16::from_le_bytes(*seed), self.entries.len());
        let Some(entry) = self.entries.get(index) else { return Token::NONE };
        let entry = u64::from_le_bytes(*entry);
        if entry >> BITS == u64::from(left.number()) << BITS | u64::from(right.number()) {
            return token(entry, index);
        }
        Token::NONE
    }

    /// Returns the two tokens that one is made of; `None` for a single byte.
    #[inline]
    pub(crate) fn parts(&self, token: Token) -> Option<(Token, Token)> {
        let entry = self.entry(token.number())?;
        Some((self.token(entry >> (2 * BITS)), self.token(entry >> BITS)))
    }

    fn entry(&self, number: u32) -> Option<u64> {
        let index = number.checked_sub(BYTES)?;
        self.entries.get(index as usize).map(|entry| u64::from_le_bytes(*entry))
    }

    /// Returns the token whose number is in the low bits.
    fn token(&self, number: u64) -> Token {
        let number = low(number & MASK);
        match (self.entry(number), number.checked_sub(BYTES)) {
            (Some(entry), Some(index)) => token(entry, index as usize),
            _ => Token(u64::from(number) << 32 | u64::from(number)),
        }
    }
}

/// Makes a token of an entry and its slot.
#[inline]
fn token(entry: u64, slot: usize) -> Token {
    let bytes = u64::from(BYTES);
    Token(((entry & MASK) + bytes) << 32 | (slot as u64 + bytes))
}

/// Returns the bucket of a pair, whose seed decides its slot, and its hash.
#[inline]
fn place(left: Token, right: Token, buckets: usize) -> (usize, u32) {
    let names = u64::from(left.name()) << 32 | u64::from(right.name());
    let hash = names.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (scale(low(hash), buckets), low(hash >> 32))
}

#[inline]
fn slot(hash: u32, seed: u16, slots: usize) -> usize {
    let mixed = (hash ^ u32::from(seed).wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35);
    scale(mixed ^ (mixed >> 15), slots)
}

/// Maps a hash evenly to `0..size`.
#[inline]
fn scale(hash: u32, size: usize) -> usize {
    low((u64::from(hash) * size as u64) >> 32) as usize
}

/// Returns the lower half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
pub(crate) fn low(wide: u64) -> u32 {
    wide as u32
}
