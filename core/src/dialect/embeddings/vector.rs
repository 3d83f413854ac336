//! A vector, as numbers or as base64 of floats of four bytes, the least significant first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::node::{Node, Number, Text};
use crate::json::write::Writer;

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As arrays of numbers.
    #[default]
    Float,
    /// In base64.
    Base64,
}

/// A vector, as the provider wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Vector<'a> {
    /// An array of numbers.
    Floats(Node<'a>),
    /// In base64.
    Base64(Text<'a>),
}

impl<'a> Vector<'a> {
    /// Reads a vector in either form.
    pub fn read(node: Node<'a>) -> Option<Self> {
        if node.is_array() {
            return Some(Self::Floats(node));
        }
        node.text().map(Self::Base64)
    }

    /// Writes it. The form it has is kept to the digit.
    pub fn write(&self, encoding: Encoding, out: &mut Writer) {
        match (self, encoding) {
            (Self::Floats(numbers), Encoding::Float) => out.node(*numbers),
            (Self::Base64(text), Encoding::Base64) => out.text(text),
            (Self::Floats(numbers), Encoding::Base64) => {
                let floats = numbers.items().map(|number| {
                    let number = number.number().and_then(Number::f64).unwrap_or(0.0);
                    #[expect(clippy::cast_possible_truncation, reason = "models know no more")]
                    let float = number as f32;
                    float.to_le_bytes()
                });
                out.string(&STANDARD.encode(floats.flatten().collect::<Vec<u8>>()));
            }
            (Self::Base64(text), Encoding::Float) => {
                let bytes = STANDARD.decode(text.decoded().as_bytes()).unwrap_or_default();
                out.array(|out| {
                    for bytes in bytes.as_chunks::<4>().0 {
                        let float = f32::from_le_bytes(*bytes);
                        let float = if float.is_finite() { float } else { 0.0 };
                        out.raw(float.to_string().as_bytes());
                    }
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(vector: &Vector<'_>, encoding: Encoding) -> String {
        let mut out = Writer::default();
        vector.write(encoding, &mut out);
        String::from_utf8(out.into_bytes()).unwrap()
    }

    #[test]
    fn goes_between_numbers_and_base64() {
        let numbers = Vector::read(Node::trusted(b"[0.5, -1.25e-3,3]")).unwrap();
        let base64 = written(&numbers, Encoding::Base64);

        let text = Vector::read(Node::trusted(base64.as_bytes())).unwrap();

        assert_eq!(written(&text, Encoding::Float), "[0.5,-0.00125,3]");
        assert_eq!(written(&text, Encoding::Base64), base64);
        assert_eq!(written(&numbers, Encoding::Float), "[0.5, -1.25e-3,3]");
    }

    #[test]
    fn garbage_is_no_number() {
        let broken = Vector::Base64(Text::of("not base64"));
        assert_eq!(written(&broken, Encoding::Float), "[]");
        let infinite = Vector::Base64(Text::of("AACAfw=="));
        assert_eq!(written(&infinite, Encoding::Float), "[0]");
        assert_eq!(Vector::read(Node::trusted(b"null")), None);
        let huge = Vector::read(Node::trusted(b"[1e999,null]")).unwrap();
        assert!(written(&huge, Encoding::Base64).starts_with('"'));
    }
}
