//! Writing JSON without a tree.
//!
//! ```
//! use tollgate_core::json::write::Writer;
//!
//! let mut writer = Writer::default();
//! writer.object(|it| {
//!     it.key("model").string("gpt-4o");
//!     it.key("stop").array(|it| {
//!         it.string("\n");
//!         it.number(7);
//!     });
//! });
//! assert_eq!(writer.into_bytes(), br#"{"model":"gpt-4o","stop":["\n",7]}"#);
//! ```

use std::io::Write;

use super::node::{Node, Number, Text};

/// Appends values to a text, with the commas between them.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// The next value needs a comma before it.
    comma: bool,
}

impl Writer {
    /// Goes on in `out`, which ends where a value may begin.
    pub fn after(out: Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// Returns what was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Writes an object, whose members `fill` writes.
    pub fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested(b'{', b'}', fill);
    }

    /// Writes an array, whose elements `fill` writes.
    pub fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested(b'[', b']', fill);
    }

    /// Begins a member; its value must follow.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.out.push(b':');
        self.comma = false;
        self
    }

    /// Writes a string.
    pub fn string(&mut self, text: &str) {
        self.begin();
        let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
        if plain {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(&super::text::encode(text));
        }
    }

    /// Writes a string that has its escapes.
    pub fn text(&mut self, text: &Text<'_>) {
        self.begin();
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_escaped());
        self.out.push(b'"');
    }

    /// Writes one string out of several.
    pub fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t Text<'t>>) {
        self.begin();
        self.out.push(b'"');
        for text in texts {
            self.out.extend_from_slice(text.as_escaped());
        }
        self.out.push(b'"');
    }

    /// Writes a whole number.
    pub fn number(&mut self, number: impl Into<i128>) {
        self.begin();
        // Writing to memory cannot fail.
        let _ = write!(self.out, "{}", number.into());
    }

    /// Writes a number with its digits.
    pub fn digits(&mut self, number: Number<'_>) {
        self.raw(number.raw());
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Writes a value as it was read.
    pub fn node(&mut self, node: Node<'_>) {
        self.raw(node.raw());
    }

    /// Writes text that is known to be a JSON value.
    pub fn raw(&mut self, json: &[u8]) {
        self.begin();
        self.out.extend_from_slice(json);
    }

    fn begin(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    fn nested(&mut self, open: u8, close: u8, fill: impl FnOnce(&mut Self)) {
        self.begin();
        self.out.push(open);
        self.comma = false;
        fill(self);
        self.out.push(close);
        self.comma = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_commas_between_and_nowhere_else() {
        let mut writer = Writer::default();
        writer.object(|it| {
            it.key("a").array(|_| {});
            it.key("b\"").object(|it| it.key("c").null());
            it.key("d").array(|it| {
                it.bool(true);
                it.texts([&Text::of("x\n"), &Text::of("y")]);
                it.number(-1);
                it.raw(b"1.50");
            });
        });

        let expected = br#"{"a":[],"b\"":{"c":null},"d":[true,"x\ny",-1,1.50]}"#;
        assert_eq!(writer.into_bytes(), expected);
    }
}
