//! Secrets: references to variables stay references, and what stood in the file gets a variable.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::config::foreign::Surroundings;
use crate::config::foreign::naming::{free, upper};
use crate::config::foreign::notes::Notes;
use crate::domain::Secret;

/// Knows which variables there are, and makes those that are needed.
pub(super) struct Variables<'a> {
    around: Surroundings<'a>,
    notes: &'a Notes,
    /// Names that the file refers to, which nothing else may get.
    named: BTreeSet<String>,
    made: RefCell<BTreeMap<String, Secret>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(around: Surroundings<'a>, notes: &'a Notes, named: BTreeSet<String>) -> Self {
        Self { around, notes, named, made: RefCell::default() }
    }

    /// Gives a variable the value that the file has for it, unless the environment has one.
    pub(super) fn define(&self, name: &str, value: &str) {
        if !self.around.env.contains_key(name) {
            self.made.borrow_mut().insert(name.to_owned(), Secret::new(value));
        }
    }

    /// Returns what a variable holds.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let made = self.made.borrow();
        let made = made.get(name).map(|secret| secret.expose().to_owned());
        made.or_else(|| self.around.env.get(name).cloned()).filter(|value| !value.trim().is_empty())
    }

    /// Returns the variable to refer to. While serving, one that is not set is noted and left out.
    pub(super) fn reference(&self, place: &str, name: &str) -> Option<String> {
        if self.around.serving && self.value(name).is_none() {
            self.notes.lost(place, format!("environment variable {name} is not set"));
            return None;
        }
        Some(name.to_owned())
    }

    /// Returns the first of some variables that is set; while nothing is served, the first.
    pub(super) fn usual(&self, names: &[&str]) -> Option<String> {
        let set = names.iter().find(|name| self.value(name).is_some());
        let named = if self.around.serving { None } else { names.first() };
        set.or(named).map(|name| (*name).to_owned())
    }

    /// Makes a variable for a secret that stands in the file.
    pub(super) fn literal(&self, place: &str, wish: &str, secret: &str) -> String {
        let name = {
            let made = self.made.borrow();
            let same = made.iter().find(|(_, known)| known.expose() == secret);
            // Who imports sets the variable afterwards; who serves must not get another value.
            let other = |value: &String| self.around.serving && value != secret;
            let taken = |name: &str| {
                self.named.contains(name)
                    || made.contains_key(name)
                    || self.around.env.get(name).is_some_and(other)
            };
            same.map_or_else(|| free(&upper(wish), '_', taken), |(name, _)| name.clone())
        };
        self.made.borrow_mut().insert(name.clone(), Secret::new(secret));
        self.notes.changed(
            place,
            format!("the secret stands in the file; here it comes from the variable {name}"),
        );
        name
    }

    pub(super) fn into_made(self) -> BTreeMap<String, Secret> {
        self.made.into_inner()
    }
}
