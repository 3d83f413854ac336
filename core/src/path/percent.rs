//! Percent encoding (RFC 3986).

use std::fmt::Write;

/// Decodes a text. What is no code stays as it is.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(value) = decoded {
            out.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

/// Decodes a segment of a path. `None`: it is not UTF-8.
pub fn text(segment: &str) -> Option<String> {
    String::from_utf8(decode(segment.as_bytes())).ok()
}

/// Writes a name so that it is one segment of a path, or one name or value of a query.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_never_fails() {
        assert_eq!(decode(b"%4"), b"%4");
        assert_eq!(decode(b"%+1%"), b"%+1%");
        assert_eq!(decode(b"a%2Fb%41"), b"a/bA");
    }

    #[test]
    fn what_was_encoded_is_one_segment_and_comes_back() {
        for name in ["a/b", "a?b&c=d#e", "é %2F", "..", "gpt-4o:latest"] {
            let encoded = encode(name);
            assert!(!encoded.contains(['/', '?', '&', '=', '#', ' ']), "{encoded}");
            assert_eq!(decode(encoded.as_bytes()), name.as_bytes());
        }
    }
}
