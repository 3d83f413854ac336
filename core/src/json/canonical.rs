//! JSON as a text that is the same for texts that mean the same.

use std::ops::Range;

use super::scan::MAX_DEPTH;

/// Appends a JSON value without white space, the members of its objects in the order of their
/// names. Arrays keep their order; names, strings and numbers stay as they are written. `None`:
/// it is no JSON, or nested too deeply.
///
/// ```
/// use tollgate_core::json::canonical;
///
/// let mut out = Vec::new();
/// canonical::append(br#" {"b": [1, 2], "a": {"y": 1.0, "x": null}}"#, &mut out).unwrap();
/// assert_eq!(out, br#"{"a":{"x":null,"y":1.0},"b":[1,2]}"#);
/// ```
pub fn append(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut reader = Reader { text, at: 0 };
    reader.value(out, 0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(())
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

/// A member that was written: its name, and all of it.
struct Written {
    name: Range<usize>,
    all: Range<usize>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'{' => self.object(out, depth),
            b'[' => self.array(out, depth),
            b'"' => self.string(out),
            _ => self.word(out),
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.at += 1;
        out.push(b'[');
        self.skip_space();
        if self.peek()? == b']' {
            self.at += 1;
            out.push(b']');
            return Some(());
        }
        loop {
            self.value(out, depth + 1)?;
            self.skip_space();
            let byte = self.peek()?;
            self.at += 1;
            out.push(byte);
            match byte {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn object(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.at += 1;
        let start = out.len();
        let mut members = Vec::new();
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                members.push(self.member(out, depth)?);
                self.skip_space();
                self.at += 1;
                match self.text.get(self.at - 1)? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        // Members of one name stay in their order: which of them counts depends on it.
        let written = out.split_off(start);
        let at = |range: &Range<usize>| written.get(range.start - start..range.end - start);
        members.sort_by(|one, other| at(&one.name).cmp(&at(&other.name)));
        out.push(b'{');
        for (place, member) in members.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(at(&member.all).unwrap_or_default());
        }
        out.push(b'}');
        Some(())
    }

    fn member(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<Written> {
        let start = out.len();
        self.skip_space();
        self.string(out)?;
        let name = start..out.len();
        self.expect(b':')?;
        out.push(b':');
        self.value(out, depth + 1)?;
        Some(Written { name, all: start..out.len() })
    }

    fn string(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            let escaped = rest.get(found) == Some(&b'\\');
            self.at += found + if escaped { 2 } else { 1 };
            if !escaped {
                break;
            }
        }
        out.extend_from_slice(self.text.get(start..self.at)?);
        Some(())
    }

    /// A number, or a word such as `true`.
    fn word(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..length)?);
        self.at += length;
        (length > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<String> {
        let mut out = Vec::new();
        append(text.as_bytes(), &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn white_space_and_the_order_of_members_mean_nothing() {
        let cases = [
            (r#"{"a":1,"b":2}"#, " { \"b\" :\t2 ,\r\n\"a\": 1 } "),
            (
                r#"{"a":{"x":[{"k":1,"l":2}],"y":""},"b":[]}"#,
                r#"{"b":[ ],"a":{"y":"","x":[{"l":2,"k":1}]}}"#,
            ),
            ("[]", " [ ] "),
            (r#"{"":{}}"#, r#"{ "" : { } }"#),
        ];
        for (one, other) in cases {
            assert_eq!(canonical(one).as_deref(), Some(one));
            assert_eq!(canonical(other).as_deref(), Some(one));
        }
    }

    #[test]
    fn everything_else_does() {
        let texts = [
            r#"{"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":null}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":2,"a":1}"#,
            r#"{"a":" x"}"#,
            r#"{"a":"x "}"#,
            r#"{"a\"":1}"#,
            r#"{"a":"\\"}"#,
            r#"{"A":1}"#,
        ];
        let all: std::collections::BTreeSet<_> =
            texts.iter().map(|text| canonical(text).unwrap()).collect();
        assert_eq!(all.len(), texts.len());
    }

    #[test]
    fn what_is_no_json_has_no_such_form() {
        for text in ["", "{", "[1", "{\"a\"}", "{\"a\":}", "[1 2]", "{} {}", "\"x", "{\"a\":1,}"] {
            assert_eq!(canonical(text), None, "{text}");
        }
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        assert_eq!(canonical(&deep), None);
    }
}
