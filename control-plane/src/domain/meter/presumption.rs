//! Holders that vanish, and holders that come back.
//!
//! Nobody knows what became of the units that a vanished holder held. They count as used until it
//! comes back and says, or until somebody proves what was used (`tollgate ledger reconcile`).

use crate::domain::meter::{MeterRow, Seconds};
use crate::domain::{Dimension, Timestamp, Window};

/// What becomes of the units of a holder that vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They count as used from now on.
    Presumed,
    /// They are free again: whatever was used of them has left the window.
    Dropped,
}

impl MeterRow {
    /// Takes `held` units from a holder that vanished.
    pub fn vanish(&mut self, seconds: &mut Seconds, held: i64, now: Timestamp) -> Fate {
        self.roll(seconds, now);
        self.granted = self.granted.saturating_sub(held).max(0);
        if !self.presumes(now) {
            return Fate::Dropped;
        }
        self.charge(seconds, held, now, now);
        Fate::Presumed
    }

    /// Undoes a presumption: the holder is back, and holds what it held.
    pub fn come_back(
        &mut self,
        seconds: &mut Seconds,
        amount: i64,
        presumed_at: Timestamp,
        now: Timestamp,
    ) {
        self.release(seconds, amount, presumed_at, now);
        self.granted = self.granted.saturating_add(amount);
    }

    /// Takes back use that was presumed and did not happen.
    pub fn release(
        &mut self,
        seconds: &mut Seconds,
        amount: i64,
        presumed_at: Timestamp,
        now: Timestamp,
    ) {
        self.roll(seconds, now);
        match self.spec.window {
            Window::Sliding(length) => {
                seconds.add(presumed_at, amount.saturating_neg(), length);
                self.roll(seconds, now);
            }
            Window::Never | Window::Fixed(_) | Window::Calendar(_) => {
                if self.began.is_none_or(|began| began <= presumed_at) {
                    self.used = self.used.saturating_sub(amount).max(0);
                }
            }
        }
    }

    /// Tells whether what a vanished holder held may have been used in the present window.
    ///
    /// A holder's lease ends with its window, and it was last heard of longer ago than a short
    /// window lasts. Requests that run at the same time have all ended or will not be seen again.
    fn presumes(&self, now: Timestamp) -> bool {
        if self.spec.dimension == Dimension::Parallel {
            return false;
        }
        match self.spec.window {
            Window::Never => true,
            Window::Sliding(seconds) => seconds > VANISHED_AFTER_SECONDS,
            Window::Fixed(seconds) => {
                seconds > VANISHED_AFTER_SECONDS && self.open_until(now).is_some()
            }
            Window::Calendar(period) => period.seconds() > u64::from(VANISHED_AFTER_SECONDS),
        }
    }
}

/// A holder that has not been heard of for this long has vanished. Those that hold anything
/// report at least every ten seconds.
pub const VANISHED_AFTER_SECONDS: u32 = 90;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::meter::account::tests::{at, row};

    #[test]
    fn what_a_vanished_holder_held_is_presumed_or_dropped() {
        for (window, fate, used) in [
            ("none", Fate::Presumed, 30),
            ("calendar:1d", Fate::Presumed, 30),
            ("calendar:30s", Fate::Dropped, 0),
            ("fixed:3600", Fate::Presumed, 30),
            ("fixed:60", Fate::Dropped, 0),
            ("sliding:60", Fate::Dropped, 0),
            ("sliding:3600", Fate::Presumed, 30),
        ] {
            let mut row = row(window, 100);
            let mut seconds = Seconds::default();
            row.granted = 40;
            row.open(at(1_000));

            let became = row.vanish(&mut seconds, 30, at(1_020));

            assert_eq!((became, row.used, row.granted), (fate, used, 10), "{window}");
        }
    }

    #[test]
    fn parallel_requests_of_a_vanished_holder_are_free_again() {
        let mut row = row("none", 5);
        row.spec.dimension = Dimension::Parallel;
        row.granted = 3;

        assert_eq!(row.vanish(&mut Seconds::default(), 3, at(0)), Fate::Dropped);
        assert_eq!((row.used, row.granted), (0, 0));
    }

    #[test]
    fn a_holder_that_comes_back_holds_what_it_held() {
        for window in ["none", "calendar:1d", "fixed:3600", "sliding:3600"] {
            let mut row = row(window, 100);
            let mut seconds = Seconds::default();
            row.open(at(900));
            row.charge(&mut seconds, 5, at(1_000), at(1_000));
            row.granted = 30;
            row.vanish(&mut seconds, 30, at(1_001));

            row.come_back(&mut seconds, 30, at(1_001), at(1_002));

            assert_eq!((row.used, row.granted), (5, 30), "{window}");
        }
    }

    #[test]
    fn a_presumption_ends_with_its_window() {
        for (window, later) in [("calendar:1d", 86_500), ("fixed:3600", 5_000)] {
            let mut row = row(window, 100);
            let mut seconds = Seconds::default();
            row.open(at(1_000));
            row.granted = 30;
            row.vanish(&mut seconds, 30, at(1_001));
            row.charge(&mut seconds, 1, at(1_002), at(1_002));
            row.roll(&mut seconds, at(later));
            row.charge(&mut seconds, 50, at(later), at(later));

            row.come_back(&mut seconds, 30, at(1_001), at(later));

            assert_eq!((row.used, row.granted), (50, 30), "{window}");
        }
    }
}
