//! Changes of a text that keep every byte they do not name.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::Member;

/// Replacements in one text, in order of their place.
///
/// ```
/// use tollgate_core::json::edit::Edits;
///
/// let mut edits = Edits::default();
/// edits.replace(10..13, &b"\"b\""[..]);
/// assert_eq!(edits.apply(br#"{"model": "a" }"#), br#"{"model": "b" }"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits<'a> {
    items: Vec<(Range<usize>, Cow<'a, [u8]>)>,
}

impl<'a> Edits<'a> {
    /// Puts `with` where `range` is. Ranges come in ascending order and do not overlap; one that
    /// does not keep to this is left out, for a wrong byte is worse than a missed edit.
    pub fn replace(&mut self, range: Range<usize>, with: impl Into<Cow<'a, [u8]>>) {
        let free_from = self.items.last().map_or(0, |(last, _)| last.end);
        if range.start >= free_from && range.end >= range.start {
            self.items.push((range, with.into()));
        }
    }

    /// Takes a member out, with the comma that would be left over.
    pub fn remove(&mut self, member: &Member) {
        let range = match member.comma {
            Some(after) => member.key.start.saturating_sub(1)..after,
            None => member.before..member.value.end,
        };
        self.replace(range, &b""[..]);
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the length of `text` after the edits.
    pub fn length_after(&self, text: &[u8]) -> usize {
        self.items.iter().fold(text.len(), |length, (range, with)| {
            (length + with.len()).saturating_sub(range.len())
        })
    }

    /// Returns the length of a text of this `length` after the edits.
    pub fn length_of(&self, length: u64) -> u64 {
        let added = self.items.iter().map(|(_, with)| with.len() as u64).sum::<u64>();
        let removed = self.items.iter().map(|(range, _)| range.len() as u64).sum::<u64>();
        length.saturating_add(added).saturating_sub(removed)
    }

    /// Returns where the last edit ends: what follows is kept.
    pub fn end(&self) -> usize {
        self.items.last().map_or(0, |(range, _)| range.end)
    }

    /// Returns `text` with the edits made.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length_after(text));
        self.apply_to(text, &mut out);
        out
    }

    /// Appends `text` with the edits made to `out`.
    pub fn apply_to(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut from = 0;
        for (range, with) in &self.items {
            out.extend_from_slice(text.get(from..range.start).unwrap_or_default());
            out.extend_from_slice(with);
            from = range.end;
        }
        out.extend_from_slice(text.get(from..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::scan::Object;

    fn without(text: &str, name: &str) -> String {
        let mut object = Object::open(text.as_bytes()).unwrap();
        let mut edits = Edits::default();
        while let Some(member) = object.next_member().unwrap() {
            if &text[member.key.clone()] == name {
                edits.remove(&member);
            }
        }
        String::from_utf8(edits.apply(text.as_bytes())).unwrap()
    }

    #[test]
    fn removes_members_with_their_comma() {
        assert_eq!(without(r#"{"a":1,"b":2,"c":3}"#, "b"), r#"{"a":1,"c":3}"#);
        assert_eq!(without(r#"{"a":1,"b":2}"#, "a"), r#"{"b":2}"#);
        assert_eq!(without(r#"{"a":1, "b":2 }"#, "b"), r#"{"a":1 }"#);
        assert_eq!(without(r#"{ "a":1 }"#, "a"), r"{ }");
    }

    #[test]
    fn removing_all_members_leaves_an_object() {
        let left = without(r#"{"a":1,"a":2}"#, "a");

        assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok(), "{left}");
    }

    #[test]
    fn leaves_out_edits_that_overlap() {
        let mut edits = Edits::default();
        edits.replace(2..4, &b"xy"[..]);
        edits.replace(3..5, &b"z"[..]);

        assert_eq!(edits.apply(b"012345"), b"01xy45");
    }
}
