//! Use within a sliding window, in slices of time.

use std::collections::BTreeMap;

use crate::domain::Timestamp;

/// What was used in each slice of a sliding window, by the second in which the slice begins.
///
/// A slice is a second, or more in windows that are longer than two minutes, so that none has
/// more than about a hundred and twenty of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seconds(BTreeMap<i64, i64>);

impl Seconds {
    /// Takes what was used in each slice.
    pub fn new(slices: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Self(slices.into_iter().collect())
    }

    /// Returns the slices, oldest first, with what was used in each.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|(second, used)| (*second, *used))
    }

    /// Returns all that was used.
    pub fn sum(&self) -> i64 {
        self.0.values().fold(0, |sum: i64, used| sum.saturating_add(*used))
    }

    /// Returns when everything that is used by `now` will have left a window of `length` seconds.
    pub(super) fn all_free(now: Timestamp, length: u32) -> Timestamp {
        leaves(slice(now, length), length)
    }

    /// Notes use at a moment. `amount` may be negative, which takes use back.
    pub(super) fn add(&mut self, at: Timestamp, amount: i64, length: u32) {
        let used = self.0.entry(slice(at, length)).or_default();
        *used = used.saturating_add(amount).max(0);
    }

    /// Forgets what lies outside of a window of `length` seconds that ends at `now`.
    ///
    /// The slice in which the window begins is kept whole, so that no interval of this length
    /// is ever counted short.
    pub(super) fn forget_before(&mut self, now: Timestamp, length: u32) {
        let first = slice(now.plus_micros(-i64::from(length) * SECOND), length);
        if self.0.first_key_value().is_some_and(|(second, _)| *second < first) {
            self.0 = self.0.split_off(&first);
        }
    }

    /// Returns when `amount` units will have left a window of `length` seconds. `None`: there
    /// are not as many in it.
    pub(super) fn frees(&self, amount: i64, length: u32) -> Option<Timestamp> {
        let mut left = amount;
        let second = self.0.iter().find_map(|(second, used)| {
            left = left.saturating_sub(*used);
            (left <= 0).then_some(*second)
        })?;
        Some(leaves(second, length))
    }
}

/// Returns the slice that a moment lies in.
fn slice(at: Timestamp, length: u32) -> i64 {
    let second = at.as_micros().div_euclid(SECOND);
    second - second.rem_euclid(width(length))
}

/// Returns when a slice leaves the window.
fn leaves(slice: i64, length: u32) -> Timestamp {
    let end = slice.saturating_add(width(length)).saturating_add(i64::from(length));
    Timestamp::from_micros(end.saturating_mul(SECOND))
}

fn width(length: u32) -> i64 {
    i64::from(length / 120).max(1)
}

const SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn a_second_counts_until_all_of_it_has_left() {
        let mut seconds = Seconds::default();
        seconds.add(at(10_999), 3, 60);
        seconds.add(at(11_000), 4, 60);

        seconds.forget_before(at(70_999), 60);
        assert_eq!(seconds.sum(), 7);
        assert_eq!(seconds.frees(3, 60), Some(at(71_000)));
        assert_eq!(seconds.frees(4, 60), Some(at(72_000)));
        assert_eq!(seconds.frees(8, 60), None);

        seconds.forget_before(at(71_000), 60);
        assert_eq!(seconds.iter().collect::<Vec<_>>(), [(11, 4)]);
    }

    #[test]
    fn a_long_window_has_few_slices() {
        let mut seconds = Seconds::default();
        for second in 0..200_000 {
            seconds.add(at(second * 1_000), 1, 86_400);
            seconds.forget_before(at(second * 1_000), 86_400);
        }

        assert_eq!(seconds.iter().count(), 121);
        assert!((86_400..=87_120).contains(&seconds.sum()));
    }

    #[test]
    fn use_is_never_negative() {
        let mut seconds = Seconds::new([(1, 5)]);

        seconds.add(at(1_500), -9, 60);

        assert_eq!(seconds.sum(), 0);
    }
}
