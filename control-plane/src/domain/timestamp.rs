//! Moments in time.

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A day, in microseconds.
    pub const A_DAY: i64 = 86_400 * 1_000_000;

    /// Takes microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the day it is on (UTC), counted from the epoch.
    pub const fn day(self) -> i64 {
        self.0 / Self::A_DAY
    }

    /// Moves by `micros`, stopping at the ends of what can be stored.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}
