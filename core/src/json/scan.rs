//! A validating cursor over JSON text.
//!
//! One pass, no allocation, linear on any input, nesting bounded. Strings are skipped with SIMD
//! searches, since prompts are mostly strings.

use std::ops::Range;

use memchr::memchr2;
use thiserror::Error;

/// How deep objects and arrays may nest. Far above any real request; a bound all the same.
pub const MAX_DEPTH: usize = 256;

/// Why some text is not the JSON we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// Byte offset of the fault.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// One member of an object. All ranges are offsets into the scanned text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key, between its quotes, as written.
    pub key: Range<usize>,
    /// The value, without surrounding white space.
    pub value: Range<usize>,
    /// The comma before this member, or the byte after `{` for the first one.
    pub before: usize,
    /// The byte after the comma that follows, or `None` for the last member.
    pub comma: Option<usize>,
}

/// The members of an object in order.
///
/// ```
/// use tollgate_core::json::scan::Object;
///
/// let text = br#"{"model": "gpt-4o", "n": 1}"#;
/// let mut object = Object::open(text).unwrap();
/// let first = object.next_member().unwrap().unwrap();
/// assert_eq!(&text[first.key], b"model");
/// assert_eq!(&text[first.value], br#""gpt-4o""#);
/// ```
#[derive(Debug)]
pub struct Object<'a> {
    cursor: Cursor<'a>,
    before: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Rest,
    Ended,
}

impl<'a> Object<'a> {
    /// Enters the object that `text` consists of.
    ///
    /// # Errors
    /// When the first value is not an object.
    pub fn open(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_space();
        if cursor.peek() != Some(b'{') {
            return Err(cursor.fault("expected an object"));
        }
        cursor.at += 1;
        Ok(Self { before: cursor.at, cursor, state: State::First })
    }

    /// Returns the next member, or `None` when the object has ended and nothing but white space
    /// follows it.
    ///
    /// # Errors
    /// At the first byte that is not JSON.
    pub fn next_member(&mut self) -> Result<Option<Member>, Malformed> {
        let cursor = &mut self.cursor;
        if self.state == State::Ended {
            return Ok(None);
        }
        cursor.skip_space();
        if self.state == State::First && cursor.peek() == Some(b'}') {
            cursor.at += 1;
            return self.end();
        }
        let key = cursor.string()?;
        cursor.skip_space();
        cursor.expect(b':', "expected a colon")?;
        cursor.skip_space();
        let start = cursor.at;
        cursor.value()?;
        let value = start..cursor.at;
        cursor.skip_space();
        let before = self.before;
        let comma = match cursor.peek() {
            Some(b',') => {
                self.before = cursor.at;
                cursor.at += 1;
                self.state = State::Rest;
                Some(cursor.at)
            }
            Some(b'}') => {
                cursor.at += 1;
                self.end()?;
                None
            }
            _ => return Err(cursor.fault("expected a comma or the end of the object")),
        };
        Ok(Some(Member { key, value, before, comma }))
    }

    fn end(&mut self) -> Result<Option<Member>, Malformed> {
        self.state = State::Ended;
        self.cursor.skip_space();
        if self.cursor.at < self.cursor.text.len() {
            return Err(self.cursor.fault("unexpected text after the object"));
        }
        Ok(None)
    }
}

/// The elements of an array in order. Text that is not an array has none.
#[derive(Debug)]
pub struct Array<'a> {
    cursor: Cursor<'a>,
    ended: bool,
}

impl<'a> Array<'a> {
    /// Enters the array that `text` consists of.
    pub fn open(text: &'a [u8]) -> Self {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_space();
        let ended = cursor.peek() != Some(b'[');
        cursor.at += 1;
        Self { cursor, ended }
    }
}

impl Iterator for Array<'_> {
    type Item = Range<usize>;

    /// Returns the place of the next element; stops at the first fault.
    fn next(&mut self) -> Option<Range<usize>> {
        if self.ended {
            return None;
        }
        let cursor = &mut self.cursor;
        cursor.skip_space();
        let start = cursor.at;
        if cursor.value().is_err() {
            self.ended = true;
            return None;
        }
        let element = start..cursor.at;
        cursor.skip_space();
        self.ended = cursor.peek() != Some(b',');
        cursor.at += 1;
        Some(element)
    }
}

#[derive(Debug)]
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Malformed> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fault(what))
    }

    /// Skips a string and returns what is between its quotes.
    fn string(&mut self) -> Result<Range<usize>, Malformed> {
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        loop {
            let rest = self.rest();
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                self.at = self.text.len();
                return Err(self.fault("unterminated string"));
            };
            let plain = rest.get(..found).unwrap_or_default();
            if has_control(plain) {
                return Err(self.fault("control character in a string"));
            }
            self.at += found;
            if self.peek() == Some(b'"') {
                let end = self.at;
                self.at += 1;
                return Ok(start..end);
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
                if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) {
                    self.at += 5;
                    return Ok(());
                }
                Err(self.fault("bad unicode escape"))
            }
            _ => Err(self.fault("bad escape")),
        }
    }

    /// Skips one value of any kind.
    fn value(&mut self) -> Result<(), Malformed> {
        let mut open = Nesting::default();
        loop {
            if self.begin_value(&mut open)? {
                continue;
            }
            // A value is complete: close what ends here, or go on after a comma.
            loop {
                let Some(array) = open.innermost() else { return Ok(()) };
                self.skip_space();
                match (self.peek(), array) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.skip_space();
                        break;
                    }
                    (Some(b','), false) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (Some(b']'), true) | (Some(b'}'), false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(self.fault("expected a comma or a closing bracket")),
                }
            }
        }
    }

    /// Starts a value. Returns whether a container was entered, so that its first value is next.
    fn begin_value(&mut self, open: &mut Nesting) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| false),
            Some(b'{') => {
                self.at += 1;
                self.skip_space();
                if self.peek() == Some(b'}') {
                    self.at += 1;
                    return Ok(false);
                }
                open.push(false).map_err(|what| self.fault(what))?;
                self.key()?;
                Ok(true)
            }
            Some(b'[') => {
                self.at += 1;
                self.skip_space();
                if self.peek() == Some(b']') {
                    self.at += 1;
                    return Ok(false);
                }
                open.push(true).map_err(|what| self.fault(what))?;
                Ok(true)
            }
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            _ => Err(self.fault("expected a value")),
        }
    }

    fn key(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        self.string()?;
        self.skip_space();
        self.expect(b':', "expected a colon")?;
        self.skip_space();
        Ok(())
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<bool, Malformed> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            return Ok(false);
        }
        Err(self.fault("expected a value"))
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.fault("bad number")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("bad number")) } else { Ok(()) }
    }
}

/// Which containers are open: one bit each, set for arrays.
#[derive(Debug, Default)]
struct Nesting {
    bits: [u64; MAX_DEPTH / 64],
    depth: usize,
}

impl Nesting {
    fn push(&mut self, array: bool) -> Result<(), &'static str> {
        let Some(word) = self.bits.get_mut(self.depth / 64) else {
            return Err("nested too deeply");
        };
        let bit = 1 << (self.depth % 64);
        if array {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn innermost(&self) -> Option<bool> {
        let top = self.depth.checked_sub(1)?;
        self.bits.get(top / 64).map(|word| word & (1 << (top % 64)) != 0)
    }
}

/// Tells whether a control character is among `bytes`. Written as a fold so that it vectorises.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |found, byte| found | u8::from(*byte < 0x20)) != 0
}

#[cfg(test)]
mod tests;
