//! JSON objects, cut out of a byte stream as they complete: a whole body, a line each, or the
//! elements of one array.

use memchr::memchr2;

/// The state between two pieces.
#[derive(Debug, Default)]
pub(super) struct Split {
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Split {
    /// Takes the next piece and hands out every object that is complete now. What stands between
    /// objects is left out.
    pub(super) fn push(&mut self, piece: &[u8], mut object: impl FnMut(&[u8])) {
        let (mut from, mut at) = (0, 0);
        while let Some(&byte) = piece.get(at) {
            if self.in_string {
                at = self.string(piece, at);
                continue;
            }
            at += 1;
            match byte {
                b'{' | b'[' if self.depth > 0 => self.depth += 1,
                b'{' => {
                    self.depth = 1;
                    from = at - 1;
                }
                b'"' => self.in_string = self.depth > 0,
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' if self.depth == 1 => {
                    self.depth = 0;
                    self.object.extend_from_slice(piece.get(from..at).unwrap_or_default());
                    object(&self.object);
                    self.object.clear();
                }
                _ => {}
            }
        }
        if self.depth > 0 {
            self.object.extend_from_slice(piece.get(from..).unwrap_or_default());
        }
    }

    /// Returns how many bytes wait for the end of their object.
    pub(super) fn held(&self) -> usize {
        self.object.len()
    }

    /// Runs through a string until it or the piece ends, and returns where the next byte is.
    fn string(&mut self, piece: &[u8], from: usize) -> usize {
        if std::mem::take(&mut self.escaped) {
            return from + 1;
        }
        let rest = piece.get(from..).unwrap_or_default();
        let Some(found) = memchr2(b'"', b'\\', rest) else { return piece.len() };
        match rest.get(found) {
            Some(b'\\') => self.escaped = true,
            _ => self.in_string = false,
        }
        from + found + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str, size: usize) -> Vec<String> {
        let mut split = Split::default();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            split.push(piece, |object| out.push(String::from_utf8(object.to_vec()).unwrap()));
        }
        out
    }

    #[test]
    fn cuts_lines_arrays_and_whole_bodies_alike() {
        let text = r#" [{"a":"}\"\\"},
{"b":[{"c":{}}]}] {"d":1}
{"e":"[{"} {"f":"#;

        let expected = [r#"{"a":"}\"\\"}"#, r#"{"b":[{"c":{}}]}"#, r#"{"d":1}"#, r#"{"e":"[{"}"#];
        for size in 1..=text.len() {
            assert_eq!(objects(text, size), expected, "in pieces of {size}");
        }
    }
}
