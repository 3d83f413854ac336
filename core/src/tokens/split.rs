//! Cuts text into the pieces within which bytes are merged.
//!
//! The encodings define them by regular expressions (in `tiktoken_ext/openai_public.py` of the
//! package `tiktoken`); here each alternative is a walk over character classes, in the order in
//! which the expression tries them. A character is looked at no more than three times.

use super::Encoding;
use super::class::{self, Class};

/// The first piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// How long it is.
    pub(crate) end: usize,
    /// How many bytes decided that: with more than the text has, more text could change it.
    pub(crate) seen: usize,
}

impl Piece {
    fn until(end: usize) -> Self {
        Self { end, seen: end + 1 }
    }
}

/// Returns the first piece of `text`, which is UTF-8 and not empty.
pub(crate) fn piece(encoding: Encoding, text: &[u8]) -> Piece {
    match encoding {
        Encoding::O200k => o200k(text),
        Encoding::Cl100k => cl100k(text),
    }
}

fn o200k(text: &[u8]) -> Piece {
    let Some((first, len)) = class::at(text, 0) else { return Piece::until(0) };
    match first {
        Class::Upper | Class::Lower | Class::Caseless => {
            let word = word(text, 0);
            contracted(text, word.cased.or(word.upper).unwrap_or(len), word.seen)
        }
        Class::Number => numbers(text),
        Class::Line => space(text, true),
        Class::Space | Class::Mark | Class::Other => {
            let word = word(text, len);
            // A mark is a word of its own before it is the prefix of one in upper case.
            let other = if first == Class::Mark { Some(len) } else { word.upper };
            let end = word.cased.or(other);
            match end {
                Some(end) => contracted(text, end, word.seen),
                None if first == Class::Space => symbols_or_space(text, b"\r\n/", true),
                None => symbols(text, len, b"\r\n/"),
            }
        }
    }
}

fn cl100k(text: &[u8]) -> Piece {
    let Some((first, len)) = class::at(text, 0) else { return Piece::until(0) };
    let contraction = contraction(text, 0);
    if contraction > 0 {
        return Piece { end: contraction, seen: CONTRACTION };
    }
    let found = match first {
        Class::Upper | Class::Lower | Class::Caseless => letters(text, len),
        Class::Number => numbers(text),
        Class::Line => space(text, false),
        Class::Space | Class::Mark | Class::Other => match letters(text, len) {
            word if word.end > len => word,
            _ if first == Class::Space => symbols_or_space(text, b"\r\n", false),
            _ => symbols(text, len, b"\r\n"),
        },
    };
    Piece { seen: found.seen.max(if first == Class::Other { CONTRACTION } else { 0 }), ..found }
}

/// Where a word of o200k ends that begins at some place.
struct Word {
    /// By the first alternative: upper case, then lower case.
    cased: Option<usize>,
    /// By the second, where the first does not match: upper case alone.
    upper: Option<usize>,
    seen: usize,
}

/// Matches `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, else the same with `+`
/// and `*` exchanged.
fn word(text: &[u8], from: usize) -> Word {
    let (mut at, mut last_caseless) = (from, None);
    loop {
        match class::at(text, at) {
            Some((Class::Upper, len)) => at += len,
            Some((Class::Caseless | Class::Mark, len)) => {
                at += len;
                last_caseless = Some(at);
            }
            Some((Class::Lower, len)) => {
                let end = lower(text, at + len);
                return Word { cased: Some(end), upper: None, seen: end + 1 };
            }
            _ => break,
        }
    }
    // Without lower case the second class must get a character back that belongs to both.
    Word { cased: last_caseless, upper: (at > from).then_some(at), seen: at + 1 }
}

/// Takes a contraction along that follows a word.
fn contracted(text: &[u8], end: usize, seen: usize) -> Piece {
    Piece { end: end + contraction(text, end), seen: seen.max(end + CONTRACTION) }
}

fn lower(text: &[u8], mut at: usize) -> usize {
    while let Some((Class::Lower | Class::Caseless | Class::Mark, len)) = class::at(text, at) {
        at += len;
    }
    at
}

fn letters(text: &[u8], mut at: usize) -> Piece {
    while let Some((class, len)) = class::at(text, at)
        && class.is_letter()
    {
        at += len;
    }
    Piece::until(at)
}

/// Matches `\p{N}{1,3}`.
fn numbers(text: &[u8]) -> Piece {
    let mut end = 0;
    for _ in 0..3 {
        let Some((Class::Number, len)) = class::at(text, end) else { break };
        end += len;
    }
    Piece::until(end)
}

/// Matches the rest of `[^\s\p{L}\p{N}]+` and then any of `after`.
fn symbols(text: &[u8], mut at: usize, after: &[u8]) -> Piece {
    while let Some((Class::Other | Class::Mark, len)) = class::at(text, at) {
        at += len;
    }
    while text.get(at).is_some_and(|byte| after.contains(byte)) {
        at += 1;
    }
    Piece::until(at)
}

/// Decides what follows white space: a space takes symbols along.
fn symbols_or_space(text: &[u8], after: &[u8], ends_at_line: bool) -> Piece {
    if text.first() == Some(&b' ')
        && let Some((Class::Other | Class::Mark, len)) = class::at(text, 1)
    {
        return symbols(text, 1 + len, after);
    }
    space(text, ends_at_line)
}

/// Matches white space: up to its last line end, else all but its last character, which goes with
/// what follows, else all of it.
///
/// At the end of the text cl100k takes everything at once; o200k looks for a line end first.
fn space(text: &[u8], ends_at_line: bool) -> Piece {
    let (mut at, mut before_last, mut line_end) = (0, 0, 0);
    while let Some((class, len)) = class::at(text, at)
        && class.is_space()
    {
        before_last = at;
        at += len;
        if class == Class::Line {
            line_end = at;
        }
    }
    let all = at == text.len();
    let end = if line_end > 0 && (ends_at_line || !all) {
        line_end
    } else if all || before_last == 0 {
        at
    } else {
        before_last
    };
    Piece { end, seen: at + 1 }
}

/// How many bytes tell whether there is a contraction.
pub(crate) const CONTRACTION: usize = 3;

/// Returns the length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` in any case, or 0.
pub(crate) fn contraction(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'\'') {
        return 0;
    }
    let letter = |index: usize| text.get(at + index).map_or(0, u8::to_ascii_lowercase);
    match (letter(1), letter(2)) {
        (b's' | b't' | b'm' | b'd', _) => 2,
        // The last is the long s, an s in another case.
        (b'r' | b'v', b'e') | (b'l', b'l') | (0xC5, 0xBF) => 3,
        _ => 0,
    }
}
