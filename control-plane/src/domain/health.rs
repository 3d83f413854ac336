//! Which accounts of providers are out of rotation.

use crate::domain::Timestamp;

/// That an account, or one model of it, is out of rotation. Takes the place of an earlier mark of
/// the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthMark {
    /// What is out.
    pub of: Marked,
    /// Why it is out, in short.
    pub state: HealthState,
    /// When it may be tried again.
    pub until: Timestamp,
    /// How often in a row it has gone out.
    pub level: u32,
    /// For people; one word.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// An account, or one model of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marked {
    /// Id of the provider.
    pub provider: String,
    /// Account of it. Empty: the only one.
    pub account: String,
    /// The provider's name of the model. Empty: all of them.
    pub model: String,
}

/// Why something is out of rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// It is not: an earlier mark is taken back.
    Fit,
    /// It asked for a pause, or is out of quota.
    Cooling,
    /// It failed several times in a row.
    Open,
    /// It refuses its credential.
    Refused,
}

impl HealthState {
    /// Every state that can be kept, with its name.
    pub const NAMES: [(&str, Self); 3] =
        [("cooling", Self::Cooling), ("open", Self::Open), ("refused", Self::Refused)];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, state)| *state == self);
        found.map_or("fit", |(name, _)| name)
    }

    /// Finds a state by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state)
    }
}

impl HealthMark {
    /// Takes back whatever was said of an account or one model of it.
    pub fn fit(of: Marked, now: Timestamp) -> Self {
        let (state, reason) = (HealthState::Fit, "reset".to_owned());
        Self { of, state, until: now, level: 0, reason, since: now }
    }

    /// Tells whether `newer`, about the same, says something else.
    pub fn differs(&self, newer: &Self) -> bool {
        (self.state, self.level, self.until) != (newer.state, newer.level, newer.until)
    }
}
