//! Whose turn it is, where targets are tried one after the other.

use std::collections::BTreeMap;

/// More take turns only while configurations change; then all begin anew.
const CAPACITY: usize = 16_384;

/// When each had its last turn. The one that waited longest is next, whoever else is left: a
/// counter would give the turns of an account that is out to its neighbour alone.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: BTreeMap<u64, u64>,
    now: u64,
}

impl Turns {
    /// Returns when `id` had its last turn. 0: never.
    pub(super) fn last(&self, id: u64) -> u64 {
        self.last.get(&id).copied().unwrap_or_default()
    }

    /// Notes that it is the turn of `id`.
    pub(super) fn take(&mut self, id: u64) {
        if self.last.len() >= CAPACITY {
            self.last.clear();
        }
        self.now += 1;
        self.last.insert(id, self.now);
    }
}
