//! Reading JSON where it lies: a value is a slice of the text it stands in.
//!
//! Translation reads requests and answers this way, so that prompts, images and tool arguments
//! are copied once, into the text that is written, with their escapes and their digits as they
//! were.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::scan::{Array, Malformed, Object};
use super::text;

/// A JSON value as it was written, without surrounding white space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Node<'a>(&'a [u8]);

impl<'a> Node<'a> {
    /// Takes an object, all of which is checked to be JSON.
    ///
    /// # Errors
    /// When it is not one object, or nests too deep.
    pub fn object(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut object = Object::open(text)?;
        while object.next_member()?.is_some() {}
        Ok(Self(text.trim_ascii()))
    }

    /// Takes a part of a text that is known to be a JSON value.
    pub fn trusted(text: &'a [u8]) -> Self {
        Self(text.trim_ascii())
    }

    /// Returns it as it was written.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Tells whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0 == b"null"
    }

    /// Tells whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with(b"{")
    }

    /// Tells whether it is an array.
    pub fn is_array(self) -> bool {
        self.0.starts_with(b"[")
    }

    /// Returns the text when it is a string.
    pub fn text(self) -> Option<Text<'a>> {
        let inner = self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some(Text(Cow::Borrowed(inner)))
    }

    /// Returns the decoded text when it is a string.
    pub fn string(self) -> Option<Cow<'a, str>> {
        text::string_value(self.0)
    }

    /// Returns it when it is `true` or `false`.
    pub fn bool(self) -> Option<bool> {
        match self.0 {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// Returns it when it is a number.
    pub fn number(self) -> Option<Number<'a>> {
        self.0.first().filter(|byte| matches!(byte, b'-' | b'0'..=b'9')).map(|_| Number(self.0))
    }

    /// Returns it when it is a whole number that is not negative; `3.0` is one too.
    pub fn u64(self) -> Option<u64> {
        self.number()?.u64()
    }

    /// Returns it when it is a whole number.
    pub fn i64(self) -> Option<i64> {
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// Goes through the members of an object; anything else has none.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Node<'a>)> + use<'a> {
        let text = self.0;
        let mut object = Object::open(text).ok();
        std::iter::from_fn(move || {
            let member = object.as_mut()?.next_member().ok()??;
            let key = text::decode(text.get(member.key)?);
            Some((key, Node(text.get(member.value)?)))
        })
    }

    /// Goes through the elements of an array; anything else has none.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let text = self.0;
        Array::open(text).map_while(move |at| text.get(at).map(Node))
    }

    /// Returns the last member of this name, unless it is `null`. Each call reads the whole
    /// object: go through [`Node::members`] where more than two or three are wanted, or where
    /// content stands among them.
    pub fn get(self, name: &str) -> Option<Self> {
        let found = self.members().filter(|(key, _)| key == name).last()?.1;
        (!found.is_null()).then_some(found)
    }
}

/// The text of a JSON string, with its escapes: what stands between the quotes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text<'a>(Cow<'a, [u8]>);

impl<'a> Text<'a> {
    /// Escapes a text.
    pub fn of(text: &str) -> Text<'static> {
        let mut quoted = text::encode(text);
        quoted.pop();
        quoted.drain(..1);
        Text(Cow::Owned(quoted))
    }

    /// Puts other JSON into a string, escaped: how OpenAI writes the arguments of a tool call.
    pub fn of_json(raw: &[u8]) -> Text<'static> {
        Self::of(&String::from_utf8_lossy(raw))
    }

    /// Takes what stands between the quotes of a JSON string.
    pub fn escaped(inner: impl Into<Cow<'a, [u8]>>) -> Self {
        Self(inner.into())
    }

    /// Returns the text without escapes.
    pub fn decoded(&self) -> Cow<'_, str> {
        text::decode(&self.0)
    }

    /// Returns what stands between the quotes.
    pub fn as_escaped(&self) -> &[u8] {
        &self.0
    }

    /// Returns how many bytes it has, escapes included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a part of it, as written; the ends may not be within an escape.
    pub fn slice(self, part: Range<usize>) -> Option<Self> {
        Some(Self(match self.0 {
            Cow::Borrowed(whole) => Cow::Borrowed(whole.get(part)?),
            Cow::Owned(whole) => Cow::Owned(whole.get(part)?.to_vec()),
        }))
    }

    /// Appends another text.
    pub fn push(&mut self, more: &Text<'_>) {
        self.0.to_mut().extend_from_slice(&more.0);
    }

    /// Keeps the text longer than what it was read from.
    pub fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes() || (self.0.contains(&b'\\') && self.decoded() == other)
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// A JSON number with the digits it was written with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(&'a [u8]);

impl<'a> Number<'a> {
    /// Returns the digits.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Returns it as a float.
    pub fn f64(self) -> Option<f64> {
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// Returns it when it is whole and not negative.
    pub fn u64(self) -> Option<u64> {
        if let Ok(number) = std::str::from_utf8(self.0).ok()?.parse() {
            return Some(number);
        }
        let float = self.f64().filter(|float| *float >= 0.0 && float.fract() == 0.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and the cast saturates"
        )]
        Some(float as u64)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_place() {
        let body = br#" {"a":"x\n","b":[1,2.0,-3],"c":{"d":null},"a":"last"} "#;
        let node = Node::object(body).unwrap();

        assert_eq!(node.get("a").unwrap().string().unwrap(), "last");
        let items: Vec<_> = node.get("b").unwrap().items().map(Node::u64).collect();
        assert_eq!(items, [Some(1), Some(2), None]);
        assert!(node.get("c").unwrap().get("d").is_none());
        assert!(node.get("b").unwrap().get("x").is_none());
        let first = node.members().next().unwrap();
        assert_eq!(first.1.text().unwrap().as_escaped(), br"x\n");
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for text in [&b"[]"[..], b"{", b"{}x", b"", br#"{"a":[}"#] {
            assert!(Node::object(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn keeps_escapes_and_compares_their_meaning() {
        assert_eq!(Text::of("a\"\n").as_escaped(), br#"a\"\n"#);
        assert_eq!(Text::escaped(&br"\u0061b"[..]), "ab");
        assert_eq!(Text::of_json(br#"{"a":1}"#).decoded(), r#"{"a":1}"#);
    }
}
