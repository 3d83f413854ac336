//! The texts that a streamed answer consists of, counted as they come: pieces of different texts
//! do not merge into one token.

use crate::json::scan::{Array, Object};
use crate::tokens::{Counted, Family, OutputCounter};

/// Texts that are told apart; what comes in more counts with the last.
const MOST: usize = 64;

/// One counter for each text of each choice.
#[derive(Debug)]
pub(crate) struct Texts {
    family: Family,
    counters: Vec<(Kind, OutputCounter)>,
}

/// Which text: of which choice, and what in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    choice: u64,
    name: Vec<u8>,
    call: u64,
}

impl Texts {
    pub(crate) fn new(family: Family) -> Self {
        Self { family, counters: Vec::new() }
    }

    /// Tells whether more than `limit` tokens have come. Counts only when it may be so.
    pub(crate) fn exceed(&self, limit: u64) -> bool {
        let at_most: u64 = self.counters.iter().map(|(_, counter)| counter.at_most()).sum();
        at_most > limit && self.total().tokens > limit
    }

    /// Counts what has come.
    pub(crate) fn total(&self) -> Counted {
        let counts = self.counters.iter().map(|(_, counter)| counter.total());
        counts.fold(Counted { tokens: 0, exact: self.family.is_exact() }, |sum, one| Counted {
            tokens: sum.tokens.saturating_add(one.tokens),
            exact: sum.exact && one.exact,
        })
    }

    /// Takes the raw value of `choices`.
    pub(crate) fn take_choices(&mut self, choices: &[u8]) {
        for at in Array::open(choices) {
            self.take_choice(choices.get(at).unwrap_or_default());
        }
    }

    fn take_choice(&mut self, choice: &[u8]) {
        let index = number(choice, b"index");
        each_member(choice, |key, value| match key {
            b"delta" => each_member(value, |name, value| self.take_delta(index, name, value)),
            b"text" => self.take(index, key, 0, value),
            _ => {}
        });
    }

    fn take_delta(&mut self, choice: u64, name: &[u8], value: &[u8]) {
        match name {
            b"role" => {}
            b"tool_calls" => {
                for at in Array::open(value) {
                    let call = value.get(at).unwrap_or_default();
                    let index = number(call, b"index");
                    each_member(call, |key, value| {
                        if key == b"function" {
                            each_member(value, |name, value| self.take(choice, name, index, value));
                        }
                    });
                }
            }
            _ => self.take(choice, name, 0, value),
        }
    }

    fn take(&mut self, choice: u64, name: &[u8], call: u64, value: &[u8]) {
        let inner = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        if let Some(text) = inner {
            self.take_text(choice, name, call, text);
        }
    }

    /// Takes a piece of a text of a choice, as it stands between the quotes of a JSON string.
    pub(crate) fn take_text(&mut self, choice: u64, name: &[u8], call: u64, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let same = |(kind, _): &(Kind, OutputCounter)| {
            kind.choice == choice && kind.call == call && kind.name == name
        };
        let known = self.counters.iter().position(same);
        if known.is_none() && self.counters.len() < MOST {
            let kind = Kind { choice, name: name.to_vec(), call };
            self.counters.push((kind, OutputCounter::new(self.family)));
        }
        let counter = match known {
            Some(at) => self.counters.get_mut(at),
            None => self.counters.last_mut(),
        };
        if let Some((_, counter)) = counter {
            counter.push_json(text);
        }
    }
}

fn each_member(object: &[u8], mut visit: impl FnMut(&[u8], &[u8])) {
    let Ok(mut members) = Object::open(object) else { return };
    while let Ok(Some(member)) = members.next_member() {
        let key = object.get(member.key).unwrap_or_default();
        visit(key, object.get(member.value).unwrap_or_default());
    }
}

fn number(object: &[u8], name: &[u8]) -> u64 {
    let mut found = 0;
    each_member(object, |key, value| {
        if key == name {
            found = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        }
    });
    found
}
