//! What kind of character stands where: the few Unicode classes that both encodings tell apart.

/// A class of characters, as far as splitting needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Punctuation, symbols, controls, unassigned.
    Other,
    /// White space but for line ends.
    Space,
    /// Carriage return or line feed.
    Line,
    /// A number of any kind (`\p{N}`).
    Number,
    /// A letter that is upper or title case (`\p{Lu}`, `\p{Lt}`).
    Upper,
    /// A letter in lower case (`\p{Ll}`).
    Lower,
    /// A letter without case (`\p{Lm}`, `\p{Lo}`).
    Caseless,
    /// A combining mark (`\p{M}`).
    Mark,
}

impl Class {
    /// Tells whether it is one of `\p{L}`.
    #[inline]
    pub(crate) fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Caseless)
    }

    /// Tells whether it is one of `\s`.
    #[inline]
    pub(crate) fn is_space(self) -> bool {
        matches!(self, Self::Space | Self::Line)
    }

    const fn from_digit(digit: u8) -> Self {
        match digit {
            1 => Self::Space,
            2 => Self::Line,
            3 => Self::Number,
            4 => Self::Upper,
            5 => Self::Lower,
            6 => Self::Caseless,
            7 => Self::Mark,
            _ => Self::Other,
        }
    }
}

/// Returns the class of the character at `at` and how many bytes it has; `None` at the end.
///
/// The bytes are UTF-8; what is not counts as one byte of class `Other`.
#[inline]
pub(crate) fn at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    let first = *text.get(at)?;
    if first < 0x80 {
        let digit = ASCII.get(usize::from(first)).copied().unwrap_or(Class::Other);
        return Some((digit, 1));
    }
    Some(beyond_ascii(text, at, first))
}

fn beyond_ascii(text: &[u8], at: usize, first: u8) -> (Class, usize) {
    let tail = |index: usize| text.get(at + index).map_or(0, |byte| u32::from(byte & 0x3F));
    let first = u32::from(first);
    let (point, len) = match first {
        0xC0..0xE0 => ((first & 0x1F) << 6 | tail(1), 2),
        0xE0..0xF0 => ((first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3),
        0xF0..0xF8 => ((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
        _ => return (Class::Other, 1),
    };
    (of(point), len)
}

/// Returns the class of a code point: the first stage says which block of 128 classes it has.
fn of(point: u32) -> Class {
    let (stage, blocks) = TABLE;
    let block = stage.get(point as usize / BLOCK).copied().unwrap_or_default();
    let digits = blocks.get(usize::from(block) * (BLOCK / 2) + point as usize % BLOCK / 2);
    let digits = digits.copied().unwrap_or_default();
    Class::from_digit(if point & 1 == 0 { digits & 15 } else { digits >> 4 })
}

/// How many code points share an entry of the first stage.
const BLOCK: usize = 128;
const STAGE: usize = 0x11_0000 / BLOCK;

/// First stage and blocks, two classes a byte; `tests/tokens/vocabulary.rs` writes them.
static TABLE: (&[u8], &[u8]) = include_bytes!("classes.bin").split_at(STAGE);

static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut rest: &mut [Class] = &mut classes;
    let mut byte = 0;
    while let Some((class, others)) = rest.split_first_mut() {
        *class = match byte {
            b'\n' | b'\r' => Class::Line,
            b' ' | 9 | 11 | 12 => Class::Space,
            b'0'..=b'9' => Class::Number,
            b'A'..=b'Z' => Class::Upper,
            b'a'..=b'z' => Class::Lower,
            _ => Class::Other,
        };
        rest = others;
        byte += 1;
    }
    classes
};
