//! What is said of a setting that is not taken over as it is.

use std::cell::RefCell;
use std::fmt;

/// What became of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has no effect here.
    Lost,
    /// It has an effect that is not quite the same.
    Changed,
    /// It had no effect there either.
    Dead,
}

/// Something that is said of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Path of the setting in the file.
    pub place: String,
    /// What became of it.
    pub fate: Fate,
    /// Why, and what can be done.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            Fate::Lost => "not taken over",
            Fate::Changed => "taken over, with a difference",
            Fate::Dead => "did nothing there either",
        };
        write!(f, "{}: {fate}: {}", self.place, self.message)
    }
}

/// Collects notes, one for each place.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<Note>>);

impl Notes {
    pub(super) fn lost(&self, place: impl Into<String>, message: impl Into<String>) {
        self.say(place.into(), Fate::Lost, message.into());
    }

    pub(super) fn changed(&self, place: impl Into<String>, message: impl Into<String>) {
        self.say(place.into(), Fate::Changed, message.into());
    }

    /// Says of a setting that it did nothing there; the message says what it does here.
    pub(super) fn dead(&self, place: impl Into<String>, message: impl Into<String>) {
        self.say(place.into(), Fate::Dead, message.into());
    }

    fn say(&self, place: String, fate: Fate, message: String) {
        let mut notes = self.0.borrow_mut();
        if !notes.iter().any(|known| known.place == place) {
            notes.push(Note { place, fate, message });
        }
    }

    pub(super) fn into_list(self) -> Vec<Note> {
        self.0.into_inner()
    }
}
