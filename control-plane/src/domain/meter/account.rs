//! Where one meter stands: what was used in its window, and what is out in leases.

use crate::domain::meter::Seconds;
use crate::domain::{Dimension, Meter, MeterSpec, Timestamp, Window};

/// A meter as the book has it.
///
/// Whenever units are granted, `used + granted ≤ amount` afterwards. Nothing else raises that sum
/// but use that nobody held: a record that took more than was reserved for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterRow {
    /// Never used again for another one.
    pub id: u64,
    /// What it limits, and how.
    pub spec: MeterSpec,
    /// When its window began. `None`: none has.
    pub began: Option<Timestamp>,
    /// When its window ends or ended. `None`: it has no end.
    pub ends: Option<Timestamp>,
    /// Used in the window, what is presumed included.
    pub used: i64,
    /// Out in leases: the sum of what holders hold.
    pub granted: i64,
    /// Of `used`, what no record and no presumption tells about: what was spent before there was
    /// a meter, or was set by hand.
    pub opening: i64,
    /// When somebody was last told to wait for units.
    pub waited: Option<Timestamp>,
}

impl MeterRow {
    /// Makes a meter of which `used` is used already.
    pub fn new(meter: Meter, used: i64) -> Self {
        let Meter { id, spec } = meter;
        let (began, ends, granted, waited) = (None, None, 0, None);
        Self { id, spec, began, ends, used, granted, opening: used, waited }
    }

    /// Returns what may still be granted. Negative after the limit was lowered.
    pub fn available(&self) -> i64 {
        self.spec.amount.saturating_sub(self.used).saturating_sub(self.granted)
    }

    /// Tells whether units are leased: those of a meter that only observes are not.
    pub fn leases(&self) -> bool {
        !self.spec.observe_only
    }

    /// Tells whether somebody may still be waiting for units.
    pub fn is_waited_for(&self, now: Timestamp) -> bool {
        self.waited.is_some_and(|waited| now < waited.plus_micros(WAIT_LASTS))
    }

    /// Ends a window that is over at `now`. What holders hold counts on: it was reserved, and
    /// will be used or given back in the next window.
    pub fn roll(&mut self, seconds: &mut Seconds, now: Timestamp) {
        match self.spec.window {
            Window::Never => {}
            Window::Sliding(length) => {
                seconds.forget_before(now, length);
                self.used = seconds.sum();
            }
            Window::Fixed(_) => {
                if !self.is_open(now) {
                    (self.used, self.opening) = (0, 0);
                }
            }
            Window::Calendar(period) => {
                if self.ends.is_none_or(|ends| ends <= now) {
                    // Unless it has just been made, in the middle of its first window.
                    if self.ends.is_some() {
                        (self.used, self.opening) = (0, 0);
                    }
                    self.began = Some(self.ends.unwrap_or(now));
                    self.ends = Some(period.ends_after(now));
                }
            }
        }
    }

    /// Counts use at a moment.
    ///
    /// Use in a window that is over was granted in that window, and counts there.
    pub fn charge(&mut self, seconds: &mut Seconds, amount: i64, at: Timestamp, now: Timestamp) {
        if self.spec.dimension == Dimension::Parallel || amount <= 0 {
            return;
        }
        self.roll(seconds, now);
        // A clock that is ahead must not use up windows to come.
        let at = at.min(now);
        match self.spec.window {
            Window::Never => self.used = self.used.saturating_add(amount),
            Window::Sliding(length) => {
                seconds.add(at, amount, length);
                seconds.forget_before(now, length);
                self.used = seconds.sum();
            }
            Window::Fixed(_) => {
                if self.ends.is_none_or(|ends| ends <= at) {
                    self.begin(at);
                }
                self.add_in_window(amount, at, now);
            }
            Window::Calendar(_) => self.add_in_window(amount, at, now),
        }
    }

    /// Begins a fixed window, if none is open, because units are leased that will be used in it.
    pub fn open(&mut self, now: Timestamp) {
        if matches!(self.spec.window, Window::Fixed(_)) && !self.is_open(now) {
            self.begin(now);
        }
    }

    /// Returns when the window ends, if it is open and has an end.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends.filter(|ends| now < *ends)
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.open_until(now).is_some()
    }

    fn begin(&mut self, at: Timestamp) {
        self.began = Some(at);
        self.ends = self.spec.window.ends_after(at);
        (self.used, self.opening) = (0, 0);
    }

    fn add_in_window(&mut self, amount: i64, at: Timestamp, now: Timestamp) {
        let before = self.began.is_some_and(|began| at < began);
        if self.is_open(now) && !before {
            self.used = self.used.saturating_add(amount);
        }
    }
}

/// No request waits longer for units.
const WAIT_LASTS: i64 = 30_000_000;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::Scope;

    pub(in crate::domain::meter) fn row(window: &str, amount: i64) -> MeterRow {
        let spec = MeterSpec {
            scope: Scope::Key,
            name: "k".into(),
            dimension: Dimension::Money,
            model: None,
            window: Window::parse(window).unwrap(),
            amount,
            soft_amount: None,
            observe_only: false,
        };
        MeterRow::new(Meter { id: 1, spec }, 0)
    }

    pub(in crate::domain::meter) fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    /// Charges `(amount, at, now)` one after the other and returns what counts after each.
    fn charged(row: &mut MeterRow, uses: &[(i64, i64, i64)]) -> Vec<i64> {
        let mut seconds = Seconds::default();
        let charge = |(amount, then, now): &(i64, i64, i64)| {
            row.roll(&mut seconds, at(*now));
            row.charge(&mut seconds, *amount, at(*then), at(*now));
            row.used
        };
        uses.iter().map(charge).collect()
    }

    #[test]
    fn without_a_window_everything_adds_up() {
        let mut row = MeterRow { used: 5, ..row("none", 100) };

        assert_eq!(charged(&mut row, &[(1, 0, 0), (2, 0, 1_000_000), (0, 0, 0)]), [6, 8, 8]);
    }

    #[test]
    fn a_fixed_window_begins_with_the_first_use_after_the_last() {
        let mut row = row("fixed:60", 100);

        let used = charged(
            &mut row,
            &[(1, 100, 100), (2, 159, 159), (4, 200, 200), (8, 259, 261), (16, 300, 300)],
        );

        assert_eq!(used, [1, 3, 4, 0, 16]);
        assert_eq!((row.began, row.ends), (Some(at(300)), Some(at(360))));
    }

    #[test]
    fn use_in_a_window_that_is_over_counts_there() {
        let mut row = row("fixed:60", 100);

        let used = charged(&mut row, &[(1, 100, 100), (2, 170, 170), (4, 159, 171), (8, 160, 171)]);

        assert_eq!(used, [1, 2, 2, 2]);
    }

    #[test]
    fn use_that_is_reported_after_its_own_window_counts_nowhere() {
        let mut row = row("fixed:60", 100);

        assert_eq!(charged(&mut row, &[(1, 100, 100), (2, 161, 300), (4, 300, 300)]), [1, 0, 4]);
        assert_eq!(row.began, Some(at(300)));
    }

    #[test]
    fn a_clock_that_is_ahead_uses_up_no_window_to_come() {
        let mut row = row("fixed:60", 100);

        charged(&mut row, &[(1, 5_000, 100)]);

        assert_eq!(row.ends, Some(at(160)));
    }

    #[test]
    fn a_sliding_window_forgets_second_by_second() {
        let mut row = row("sliding:60", 100);

        let used = charged(&mut row, &[(1, 100, 100), (2, 130, 130), (4, 160, 160), (8, 161, 161)]);

        assert_eq!(used, [1, 3, 7, 14]);
    }

    #[test]
    fn a_calendar_window_ends_where_the_calendar_says() {
        let mut row = row("calendar:1m", 100);

        let used = charged(&mut row, &[(1, 59, 59), (2, 60, 60), (4, 59, 61), (8, 500, 500)]);

        assert_eq!(used, [1, 2, 2, 8]);
        assert_eq!(row.ends, Some(at(540)));
    }

    #[test]
    fn a_meter_that_is_made_in_the_middle_of_a_window_keeps_what_was_used() {
        let mut row = MeterRow { used: 7, opening: 7, ..row("calendar:1m", 100) };

        assert_eq!(charged(&mut row, &[(1, 59, 59), (2, 60, 60)]), [8, 2]);
        assert_eq!(row.opening, 0);
    }

    #[test]
    fn parallel_requests_use_nothing_up() {
        let mut row = row("none", 3);
        row.spec.dimension = Dimension::Parallel;

        assert_eq!(charged(&mut row, &[(5, 0, 0)]), [0]);
    }

    #[test]
    fn amounts_at_the_end_of_the_scale_are_survived() {
        let mut row = row("none", i64::MIN);
        row.used = i64::MAX;
        row.granted = i64::MAX;

        charged(&mut row, &[(i64::MAX, 0, 0)]);

        assert_eq!((row.used, row.available()), (i64::MAX, i64::MIN));
    }
}
