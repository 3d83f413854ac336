//! Changes of an object's members that keep every other byte of the text.
//!
//! ```
//! use tollgate_core::json::patch::Patch;
//!
//! let mut patch = Patch::of(br#"{"a": 1, "b":[2 ], "c":3}"#);
//! patch.set("c", b"4");
//! patch.set("d", b"5");
//! patch.remove(|name| name == "a");
//! assert_eq!(patch.apply().unwrap(), br#"{"d":5, "b":[2 ], "c":4}"#);
//! ```

use std::borrow::Cow;
use std::ops::Range;

use super::edit::Edits;
use super::node::Node;
use super::scan::{Member, Object};
use super::text;

/// What takes the place of a part of a text. Lists of them are in the order of the text.
pub type Change = (Range<usize>, Vec<u8>);

/// An object within a text, and what becomes of its members. Where a name repeats, all that have
/// it are changed: another reader may heed another one.
#[derive(Debug)]
pub struct Patch<'a> {
    text: &'a [u8],
    slots: Vec<Slot<'a>>,
    added: Vec<(String, Vec<u8>)>,
    /// Behind the brace that opens the object.
    inside: usize,
}

#[derive(Debug)]
struct Slot<'a> {
    name: Cow<'a, str>,
    /// Where it is in the whole text.
    member: Member,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    Keep,
    Remove,
    Change(Vec<Change>),
}

impl<'a> Patch<'a> {
    /// Takes the object that a text consists of. What is no object has no members.
    pub fn of(text: &'a [u8]) -> Self {
        Self::at(text, 0..text.len())
    }

    /// Takes the object that stands at a place of a text.
    pub fn at(text: &'a [u8], place: Range<usize>) -> Self {
        let own = text.get(place.clone()).unwrap_or_default();
        let brace = own.iter().position(|byte| *byte == b'{').unwrap_or(0);
        let mut slots = Vec::new();
        let mut object = Object::open(own).ok();
        while let Some(Ok(Some(member))) = object.as_mut().map(Object::next_member) {
            let name = text::decode(own.get(member.key.clone()).unwrap_or_default());
            slots.push(Slot { name, member: moved(&member, place.start), fate: Fate::Keep });
        }
        Self { text, slots, added: Vec::new(), inside: place.start + brace + 1 }
    }

    /// Returns the text that the object stands in.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the last member whose name fits, unless it is `null`, as it was.
    pub fn find(&self, fits: impl Fn(&str) -> bool) -> Option<Node<'a>> {
        let slot = self.slots.iter().rev().find(|slot| fits(&slot.name))?;
        let node = Node::trusted(self.text.get(slot.member.value.clone())?);
        (!node.is_null()).then_some(node)
    }

    /// Returns a member, unless it is `null`, as it was.
    pub fn get(&self, name: &str) -> Option<Node<'a>> {
        self.find(|other| other == name)
    }

    /// Gives a member a value, which must be JSON.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let mut is_there = false;
        for slot in self.slots.iter_mut().filter(|slot| slot.name == name) {
            slot.fate = Fate::Change(vec![(slot.member.value.clone(), value.to_vec())]);
            is_there = true;
        }
        if !is_there {
            self.added.push((name.to_owned(), value.to_vec()));
        }
    }

    /// Takes members out.
    pub fn remove(&mut self, fits: impl Fn(&str) -> bool) {
        for slot in self.slots.iter_mut().filter(|slot| fits(&slot.name)) {
            slot.fate = Fate::Remove;
        }
    }

    /// Changes the values of members by parts. `change` gets the place of a value in the text;
    /// `None` leaves it as it is. Tells whether any was changed.
    pub fn change(
        &mut self,
        fits: impl Fn(&str) -> bool,
        mut change: impl FnMut(Range<usize>, Node<'a>) -> Option<Vec<Change>>,
    ) -> bool {
        let text = self.text;
        let mut any = false;
        for slot in self.slots.iter_mut().filter(|slot| fits(&slot.name)) {
            let place = slot.member.value.clone();
            let node = Node::trusted(text.get(place.clone()).unwrap_or_default());
            if let Some(changes) = change(place, node) {
                slot.fate = Fate::Change(changes);
                any = true;
            }
        }
        any
    }

    /// Changes members that are objects. Tells whether there was any.
    pub fn within(
        &mut self,
        fits: impl Fn(&str) -> bool,
        mut change: impl FnMut(&mut Self),
    ) -> bool {
        let text = self.text;
        self.change(fits, |place, node| {
            let mut inner = node.is_object().then(|| Patch::at(text, place))?;
            change(&mut inner);
            Some(inner.changes())
        })
    }

    /// Returns what is to be done, in the order of the text.
    pub fn changes(self) -> Vec<Change> {
        let stays = |slot: &Slot<'_>| !matches!(slot.fate, Fate::Remove);
        let mut changes = Vec::new();
        if !self.added.is_empty() {
            let mut new = Vec::new();
            for (at, (name, value)) in self.added.iter().enumerate() {
                new.extend_from_slice(if at == 0 { b"" } else { b"," });
                new.extend_from_slice(&text::encode(name));
                new.push(b':');
                new.extend_from_slice(value);
            }
            new.extend_from_slice(if self.slots.iter().any(stays) { b"," } else { b"" });
            changes.push((self.inside..self.inside, new));
        }
        let mut after_another = false;
        for Slot { member, fate, .. } in self.slots {
            let removed = match fate {
                Fate::Keep => None,
                Fate::Change(parts) => {
                    changes.extend(parts);
                    None
                }
                Fate::Remove if after_another => Some(member.before..member.value.end),
                // With the comma behind it, for there will be none before.
                Fate::Remove => {
                    let end = member.comma.unwrap_or(member.value.end);
                    Some(member.key.start.saturating_sub(1)..end)
                }
            };
            after_another |= removed.is_none();
            changes.extend(removed.map(|place| (place, Vec::new())));
        }
        changes
    }

    /// Returns the text with the changes made. `None`: there are none.
    pub fn apply(self) -> Option<Vec<u8>> {
        let text = self.text;
        let mut edits = Edits::default();
        for (place, with) in self.changes() {
            edits.replace(place, with);
        }
        (!edits.is_empty()).then(|| edits.apply(text))
    }
}

fn moved(member: &Member, by: usize) -> Member {
    let range = |range: &Range<usize>| range.start + by..range.end + by;
    Member {
        key: range(&member.key),
        value: range(&member.value),
        before: member.before + by,
        comma: member.comma.map(|at| at + by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(text: &str, change: impl FnOnce(&mut Patch<'_>)) -> String {
        let mut patch = Patch::of(text.as_bytes());
        change(&mut patch);
        let out = patch.apply().unwrap_or_else(|| text.as_bytes().to_vec());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whatever_is_taken_out_the_rest_stays_an_object() {
        let names = ["a", "b", "c", "d"];
        for chosen in 0..16_usize {
            let gone = |name: &str| {
                names
                    .iter()
                    .position(|known| *known == name)
                    .is_some_and(|at| chosen >> at & 1 == 1)
            };
            for add in [false, true] {
                let text = r#" { "a" : 1 ,"b":2, "c":3 , "d":4 } "#;
                let left = patched(text, |patch| {
                    patch.remove(gone);
                    if add {
                        patch.set("e", b"5");
                    }
                });
                let left: serde_json::Map<_, _> = serde_json::from_str(&left).unwrap();
                let mut expected: Vec<_> = names.into_iter().filter(|name| !gone(name)).collect();
                expected.extend(add.then_some("e"));
                assert_eq!(left.keys().collect::<Vec<_>>(), expected);
            }
        }
    }

    #[test]
    fn changes_all_that_have_a_name_however_it_is_written() {
        let text = r#"{"a":1,"\u0061":{"b":2},"c":{ }}"#;

        assert_eq!(patched(text, |it| it.set("a", b"9")), r#"{"a":9,"\u0061":9,"c":{ }}"#);
        let inner = patched(text, |it| {
            assert!(it.within(|name| name == "a", |inner| inner.set("x\"", b"0")));
            assert!(it.within(|name| name == "c", |inner| inner.set("y", b"0")));
            assert!(!it.within(|name| name == "d", |_| {}));
        });
        assert_eq!(inner, r#"{"a":1,"\u0061":{"x\"":0,"b":2},"c":{"y":0 }}"#);
    }

    #[test]
    fn nothing_to_do_is_no_copy() {
        let mut patch = Patch::of(br#"{"a":null}"#);
        patch.remove(|name| name == "b");

        assert_eq!(patch.get("a"), None);
        assert_eq!(patch.apply(), None);
        assert_eq!(Patch::of(b"[]").apply(), None);
    }
}
