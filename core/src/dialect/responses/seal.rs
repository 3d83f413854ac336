//! Proofs of other providers' thoughts, kept in `encrypted_content`.
//!
//! Clients of this dialect send reasoning items back as they got them, and `encrypted_content` is
//! what they may not touch: so it is where Anthropic's `signature`, its redacted thinking and
//! Gemini's `thoughtSignature` travel, each behind a prefix that names it. A signature of a tool
//! call has an item of its own before the call, since clients drop the ids of calls. What has no
//! such prefix was closed by a provider of this dialect.
//!
//! Providers of this dialect refuse what they have not closed: sealed items are left out towards
//! them, and [`is_in`] finds the bodies that cannot pass as they are.

use memchr::memmem;

use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// What `encrypted_content` holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Sealed<'a> {
    /// The proof of the thoughts in the item's summary.
    Signature(Text<'a>),
    /// Encrypted thoughts of Anthropic's.
    Redacted(Text<'a>),
    /// The proof of the tool call that comes next.
    Call(Text<'a>),
    /// Encrypted thoughts of a provider of Responses.
    Native(Text<'a>),
}

const MARK: &str = "tollgate.1.";
const SIGNATURE: &str = "tollgate.1.signature.";
const REDACTED: &str = "tollgate.1.redacted.";
const CALL: &str = "tollgate.1.call.";

impl<'a> Sealed<'a> {
    /// Reads `encrypted_content`. `None` when it is no string, or empty.
    pub fn open(content: Node<'a>) -> Option<Self> {
        let whole = content.raw().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let after = |prefix: &str| whole.strip_prefix(prefix.as_bytes()).map(Text::escaped);
        if whole.is_empty() {
            return None;
        }
        let foreign = after(SIGNATURE)
            .map(Self::Signature)
            .or_else(|| after(REDACTED).map(Self::Redacted))
            .or_else(|| after(CALL).map(Self::Call));
        Some(foreign.unwrap_or_else(|| Self::Native(Text::escaped(whole))))
    }

    /// Writes `encrypted_content`.
    pub fn write(&self, it: &mut Writer) {
        let (prefix, text) = match self {
            Self::Signature(text) => (SIGNATURE, text),
            Self::Redacted(text) => (REDACTED, text),
            Self::Call(text) => (CALL, text),
            Self::Native(text) => ("", text),
        };
        it.texts([&Text::escaped(prefix.as_bytes()), text]);
    }

    /// Keeps it longer than what it was read from.
    pub fn into_owned(self) -> Sealed<'static> {
        match self {
            Self::Signature(text) => Sealed::Signature(text.into_owned()),
            Self::Redacted(text) => Sealed::Redacted(text.into_owned()),
            Self::Call(text) => Sealed::Call(text.into_owned()),
            Self::Native(text) => Sealed::Native(text.into_owned()),
        }
    }

    /// Returns how long it is.
    pub fn len(&self) -> usize {
        match self {
            Self::Signature(text)
            | Self::Redacted(text)
            | Self::Call(text)
            | Self::Native(text) => text.as_escaped().len(),
        }
    }

    /// Tells whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Tells whether a request holds proofs of other providers, so that a provider of this dialect
/// would refuse it as it is. It may say so of a prompt that speaks of them.
pub fn is_in(body: &[u8]) -> bool {
    memmem::find(body, MARK.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back() {
        let text = || Text::escaped(&br"Ab+/=\u002f"[..]);
        for sealed in [
            Sealed::Signature(text()),
            Sealed::Redacted(text()),
            Sealed::Call(text()),
            Sealed::Native(text()),
        ] {
            let mut writer = Writer::default();
            sealed.write(&mut writer);
            let written = writer.into_bytes();
            assert_eq!(Sealed::open(Node::trusted(&written)), Some(sealed.clone()));
            assert_eq!(is_in(&written), !matches!(sealed, Sealed::Native(_)));
        }
        assert_eq!(Sealed::open(Node::trusted(b"null")), None);
        assert_eq!(Sealed::open(Node::trusted(b"\"\"")), None);
    }
}
