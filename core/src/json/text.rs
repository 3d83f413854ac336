//! JSON strings: decoding what stands between quotes, and writing it.

use std::borrow::Cow;

/// Returns the text of a JSON string, given what stands between its quotes.
///
/// Lone surrogates become U+FFFD, as do bytes that are not UTF-8.
pub fn decode(raw: &[u8]) -> Cow<'_, str> {
    if !raw.contains(&b'\\') {
        // What is whole, which is nearly everything, need not be looked at piece by piece.
        return match std::str::from_utf8(raw) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(raw),
        };
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&kind, tail)) = rest.split_first() else { break };
        rest = tail;
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (decoded, tail) = unicode(rest);
                out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                rest = tail;
            }
            other => out.push(other),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Tells whether a key, as written between its quotes, means `name`.
pub fn means(raw: &[u8], name: &str) -> bool {
    raw == name.as_bytes() || (raw.contains(&b'\\') && decode(raw) == name)
}

/// Returns the text of a value that is a string, quotes included. `None` for other kinds.
pub fn string_value(value: &[u8]) -> Option<Cow<'_, str>> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"").map(decode)
}

/// Returns `text` as a JSON string with its quotes.
pub fn encode(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_default()
}

/// Decodes what follows `\u`; takes a second escape along when both are a surrogate pair.
fn unicode(rest: &[u8]) -> (char, &[u8]) {
    let Some((high, tail)) = hex4(rest) else { return (char::REPLACEMENT_CHARACTER, rest) };
    if (0xD800..0xDC00).contains(&high)
        && let Some((low, after)) = tail.strip_prefix(b"\\u").and_then(hex4)
        && (0xDC00..0xE000).contains(&low)
    {
        let point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER), after);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), tail)
}

fn hex4(rest: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, tail) = rest.split_at_checked(4)?;
    let text = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(text, 16).ok().map(|value| (value, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_like_serde() {
        for text in [r"plain", r"a\n\t\/\\\x22", r"\u00e9\u20ac", r"\ud83d\ude00!", "é\\u0000"] {
            let text = text.replace(r"\x22", "\\\"");
            let serde: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(decode(text.as_bytes()), serde);
        }
    }

    #[test]
    fn never_fails_on_broken_text() {
        assert_eq!(decode(br"\ud83d"), "\u{fffd}");
        assert_eq!(decode(br"\ud83d\u0041"), "\u{fffd}A");
        assert_eq!(decode(br"\u12"), "\u{fffd}12");
        assert_eq!(decode(b"\xff\\"), "\u{fffd}");
    }

    #[test]
    fn sees_through_escaped_keys() {
        assert!(means(br"mod\u0065l", "model"));
        assert!(means(b"model", "model"));
        assert!(!means(br"mod\\u0065l", "model"));
    }
}
