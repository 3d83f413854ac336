//! Cuts text into the pieces within which bytes are merged.
//!
//! The encodings define them by regular expressions (in `tiktoken_ext/openai_public.py` of the
//! package `tiktoken`); here each alternative is a walk over character classes, in the order in
//! which the expression tries them. A character is looked at no more than three times.

use super::Encoding;
use super::class::{self, Class};

/// Returns how long the first piece of `text` is; `text` is UTF-8 and not empty.
pub(crate) fn piece(encoding: Encoding, text: &[u8]) -> usize {
    match encoding {
        Encoding::O200k => o200k(text),
        Encoding::Cl100k => cl100k(text),
    }
}

fn o200k(text: &[u8]) -> usize {
    let Some((first, len)) = class::at(text, 0) else { return 0 };
    match first {
        Class::Upper | Class::Lower | Class::Caseless => {
            let end = match word(text, 0) {
                Word::Cased(end) | Word::Upper(end) => end,
                Word::None => len,
            };
            end + contraction(text, end)
        }
        Class::Number => numbers(text),
        Class::Line => space(text, true),
        Class::Space | Class::Mark | Class::Other => {
            let end = match (word(text, len), first) {
                (Word::Cased(end), _) => end,
                // A mark is a word of its own before it is the prefix of one in upper case.
                (_, Class::Mark) => len,
                (Word::Upper(end), _) => end,
                (Word::None, Class::Space) => return symbols_or_space(text, b"\r\n/", true),
                (Word::None, _) => return symbols(text, len, b"\r\n/"),
            };
            end + contraction(text, end)
        }
    }
}

fn cl100k(text: &[u8]) -> usize {
    let Some((first, len)) = class::at(text, 0) else { return 0 };
    let contracted = contraction(text, 0);
    if contracted > 0 {
        return contracted;
    }
    match first {
        Class::Upper | Class::Lower | Class::Caseless => letters(text, len),
        Class::Number => numbers(text),
        Class::Line => space(text, false),
        Class::Space | Class::Mark | Class::Other => {
            let end = letters(text, len);
            if end > len {
                return end;
            }
            if first == Class::Space {
                return symbols_or_space(text, b"\r\n", false);
            }
            symbols(text, len, b"\r\n")
        }
    }
}

/// Where a word of o200k ends that begins at some place.
enum Word {
    /// Upper case, then lower case: the first alternative.
    Cased(usize),
    /// Upper case alone: the second.
    Upper(usize),
    None,
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
            Some((Class::Lower, len)) => return Word::Cased(lower(text, at + len)),
            _ => break,
        }
    }
    // Without lower case the second class must get a character back that belongs to both.
    match last_caseless {
        Some(end) => Word::Cased(end),
        None if at > from => Word::Upper(at),
        None => Word::None,
    }
}

fn lower(text: &[u8], mut at: usize) -> usize {
    while let Some((Class::Lower | Class::Caseless | Class::Mark, len)) = class::at(text, at) {
        at += len;
    }
    at
}

fn letters(text: &[u8], mut at: usize) -> usize {
    while let Some((class, len)) = class::at(text, at)
        && class.is_letter()
    {
        at += len;
    }
    at
}

/// Matches `\p{N}{1,3}`.
fn numbers(text: &[u8]) -> usize {
    let mut end = 0;
    for _ in 0..3 {
        let Some((Class::Number, len)) = class::at(text, end) else { break };
        end += len;
    }
    end
}

/// Matches the rest of `[^\s\p{L}\p{N}]+` and then any of `after`.
fn symbols(text: &[u8], mut at: usize, after: &[u8]) -> usize {
    while let Some((Class::Other | Class::Mark, len)) = class::at(text, at) {
        at += len;
    }
    while text.get(at).is_some_and(|byte| after.contains(byte)) {
        at += 1;
    }
    at
}

/// Decides what follows white space: a space takes symbols along.
fn symbols_or_space(text: &[u8], after: &[u8], ends_at_line: bool) -> usize {
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
fn space(text: &[u8], ends_at_line: bool) -> usize {
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
    if line_end > 0 && (ends_at_line || !all) {
        line_end
    } else if all || before_last == 0 {
        at
    } else {
        before_last
    }
}

/// Returns the length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` in any case, or 0.
fn contraction(text: &[u8], at: usize) -> usize {
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
