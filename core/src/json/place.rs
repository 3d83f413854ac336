//! A value and where it stands in its body, so that it can be edited there.
//!
//! ```
//! use tollgate_core::json::place::Place;
//!
//! let body = br#"{"session": {"model": "gpt"}}"#;
//! let model = Place::whole(body).member("session").unwrap().member("model").unwrap();
//! assert_eq!(&body[model.at], br#""gpt""#);
//! ```

use std::ops::Range;

use crate::json::scan::{Array, Object};
use crate::json::text;

/// A value in a body.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// All of it.
    pub body: &'a [u8],
    /// Where the value stands.
    pub at: Range<usize>,
}

impl<'a> Place<'a> {
    /// The body itself.
    pub fn whole(body: &'a [u8]) -> Self {
        Self { body, at: 0..body.len() }
    }

    /// Returns the value as it is written.
    pub fn raw(&self) -> &'a [u8] {
        self.body.get(self.at.clone()).unwrap_or_default()
    }

    /// Returns the last member of a name, as parsers do.
    pub fn member(&self, name: &str) -> Option<Self> {
        self.named(name).map(|(value, _)| value)
    }

    /// Returns the last member of a name, and where all of it stands with its name.
    pub fn named(&self, name: &str) -> Option<(Self, Range<usize>)> {
        let raw = self.raw();
        let mut object = Object::open(raw).ok()?;
        let mut found = None;
        while let Ok(Some(member)) = object.next_member() {
            if raw.get(member.key.clone()).is_some_and(|key| text::means(key, name)) {
                let all = member.key.start.saturating_sub(1)..member.value.end;
                found = Some((self.within(&member.value), self.within(&all).at));
            }
        }
        found
    }

    /// Returns the elements of an array.
    pub fn items(self) -> impl Iterator<Item = Self> {
        Array::open(self.raw()).map(move |at| self.within(&at))
    }

    /// Returns the text, if it is one.
    pub fn string(&self) -> Option<String> {
        text::string_value(self.raw()).map(std::borrow::Cow::into_owned)
    }

    /// Tells whether it is this text.
    pub fn is(&self, word: &str) -> bool {
        text::string_value(self.raw()).is_some_and(|value| value == word)
    }

    fn within(&self, part: &Range<usize>) -> Self {
        let start = self.at.start;
        Self { body: self.body, at: start + part.start..start + part.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_member_of_a_name_counts_wherever_it_stands() {
        let body = br#" {"a":[{"b":1},{"\u0062":"x","b" : "y"}]}"#;

        let last = Place::whole(body).member("a").unwrap().items().last().unwrap();
        let (value, all) = last.named("b").unwrap();

        assert!(value.is("y") && value.string().as_deref() == Some("y"));
        assert_eq!(&body[all], br#""b" : "y""#);
        assert!(last.member("c").is_none() && value.member("b").is_none());
    }
}
