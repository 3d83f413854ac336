//! Reads sections of a file whose format is not ours: what nobody asked for is known afterwards.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value};

use crate::config::foreign::notes::Notes;

/// A section of a file. Fields that were asked for are remembered.
pub(super) struct Section<'a> {
    place: String,
    fields: Option<&'a Mapping>,
    asked: RefCell<BTreeSet<String>>,
    notes: &'a Notes,
}

impl<'a> Section<'a> {
    /// Takes a section; one that is none is noted, and empty.
    pub(super) fn new(place: impl Into<String>, value: &'a Value, notes: &'a Notes) -> Self {
        let place = place.into();
        if !value.is_null() && !value.is_mapping() {
            notes.lost(place.clone(), "is no section");
        }
        let fields = value.as_mapping();
        Self { place, fields, asked: RefCell::default(), notes }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Returns where a field stands.
    pub(super) fn at(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    /// Returns a field, unless it is null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    /// Returns a section of this section; an empty one when there is none.
    pub(super) fn section(&self, name: &str) -> Self {
        let value = self.value(name).unwrap_or(&Value::Null);
        Self::new(self.at(name), value, self.notes)
    }

    /// Returns a text that is not empty; numbers and flags are texts as well.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        let text = text(value);
        if text.is_none() {
            self.notes.lost(self.at(name), "is no text");
        }
        text.filter(|text| !text.is_empty())
    }

    /// Returns a number that is not negative.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let value = self.value(name)?;
        let number = number(value).filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            self.notes.lost(self.at(name), "is no number");
        }
        number
    }

    /// Returns a whole number.
    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        let number = self.number(name)?;
        let whole = format!("{number:.0}").parse().ok().filter(|_| number.fract() == 0.0);
        if whole.is_none() {
            self.notes.lost(self.at(name), "is no whole number");
        }
        whole
    }

    /// Returns a flag.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = value.as_bool().or_else(|| match value.as_str()?.to_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        });
        if flag.is_none() {
            self.notes.lost(self.at(name), "is neither true nor false");
        }
        flag
    }

    /// Returns the entries of a list; a single value is a list of one.
    pub(super) fn list(&self, name: &str) -> &'a [Value] {
        match self.value(name) {
            Some(Value::Sequence(list)) => list,
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(text).collect()
    }

    /// Returns the fields, all of which count as asked for.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, &'a Value)> {
        let entries = self.fields.into_iter().flatten();
        entries.filter_map(|(name, value)| {
            let name = text(name)?;
            self.asked.borrow_mut().insert(name.clone());
            Some((name, value))
        })
    }

    /// Returns the fields that nobody asked for, and that say something.
    pub(super) fn rest(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let fields = self.fields.into_iter().flatten();
        let says = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        let left = fields.filter(|(_, value)| says(value)).filter_map(|(name, _)| text(name));
        left.filter(|name| !asked.contains(name)).collect()
    }

    /// Notes every field that nobody asked for. `why` has the reasons that are known; an empty
    /// one says that nothing is lost.
    pub(super) fn finish(&self, why: impl Fn(&str) -> Option<&'static str>) {
        for name in self.rest() {
            match why(&name) {
                Some("") => {}
                Some(why) => self.notes.lost(self.at(&name), why),
                None => self.notes.lost(self.at(&name), "is not known here"),
            }
        }
    }
}

/// Reads a text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// Reads a number, which may stand in a text.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}
