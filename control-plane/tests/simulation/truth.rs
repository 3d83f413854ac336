//! What really happened, and whether it was within the limits.

use std::collections::{BTreeMap, VecDeque};

use tollgate_control_plane::domain::meter::{MeterRow, VANISHED_AFTER_SECONDS};
use tollgate_control_plane::domain::{Dimension, Timestamp, Window};
use tollgate_proto::v1::Debit;

use crate::book::{Book, Entry};

/// What happened, by meter and by record.
pub(crate) struct Truth {
    meters: BTreeMap<u64, Meter>,
    /// Records of requests that ended at an Envoy that lives: the ledger must have them in the end.
    pub(crate) ended: BTreeMap<Vec<u8>, Vec<Debit>>,
    /// Records that an Envoy had not seen acknowledged when it crashed: the ledger may have them.
    pub(crate) doubtful: BTreeMap<Vec<u8>, Vec<Debit>>,
}

/// What really happened to one meter.
struct Meter {
    window: Window,
    dimension: Dimension,
    judged: bool,
    /// Used since ever.
    spent: i64,
    /// Use of the last hours, with when it was.
    uses: VecDeque<(i64, i64)>,
    /// Reserved for requests that run.
    out: i64,
    /// Used beyond reservations.
    excess: i64,
    /// From when on how much may be used.
    bounds: VecDeque<(i64, i64)>,
    /// The book's window, and what was used in it.
    in_window: (Option<Timestamp>, i64),
    /// Until then a worker that was cut off for too long may have used more.
    pardoned_until: i64,
}

impl Truth {
    pub(crate) fn new(rows: &[MeterRow]) -> Self {
        let (ended, doubtful) = (BTreeMap::new(), BTreeMap::new());
        let mut truth = Self { meters: BTreeMap::new(), ended, doubtful };
        for row in rows {
            truth.add(row);
        }
        truth
    }

    /// Begins to watch a meter.
    pub(crate) fn add(&mut self, row: &MeterRow) {
        let meter = Meter {
            window: row.spec.window,
            dimension: row.spec.dimension,
            judged: !row.spec.observe_only,
            spent: 0,
            uses: VecDeque::new(),
            out: 0,
            excess: 0,
            bounds: VecDeque::from([(i64::MIN, row.spec.amount)]),
            in_window: (None, 0),
            pardoned_until: 0,
        };
        self.meters.insert(row.id, meter);
    }

    /// A limit is another one now. What is used and granted stays.
    pub(crate) fn limit_changed(&mut self, row: &MeterRow, now: i64) {
        let bound = row.spec.amount.max(row.used + row.granted);
        self.meters.get_mut(&row.id).unwrap().bounds.push_back((now, bound));
    }

    /// Units are reserved for a request, or no longer.
    pub(crate) fn reserve(&mut self, meter: u64, amount: i64) {
        if let Some(meter) = self.meters.get_mut(&meter) {
            meter.out += amount;
        }
    }

    /// Units were used.
    pub(crate) fn spend(&mut self, meter: u64, amount: i64, excess: i64, now: i64) {
        let Some(meter) = self.meters.get_mut(&meter) else { return };
        meter.spent += amount;
        meter.excess += excess;
        if meter.window != Window::Never {
            meter.uses.push_back((now, amount));
            meter.in_window.1 += amount;
        }
    }

    /// A worker was given up while it was cut off, and lives. Tells of a meter whether what the
    /// worker holds is dropped: then its use is not judged until it is certainly over.
    pub(crate) fn drops(&mut self, meter: u64, now: i64) -> bool {
        let Some(meter) = self.meters.get_mut(&meter) else { return true };
        let short = if meter.window == Window::Never {
            meter.dimension == Dimension::Parallel
        } else {
            meter.window.seconds() <= VANISHED_AFTER_SECONDS
        };
        if short {
            meter.pardoned_until = now + 2 * i64::from(VANISHED_AFTER_SECONDS) * SECOND;
        }
        short
    }

    /// Judges a moment.
    pub(crate) fn judge(&mut self, book: &Book, now: i64) -> Result<(), String> {
        for Entry { row, .. } in book.meters.values() {
            let meter = self.meters.get_mut(&row.id).unwrap();
            if meter.judged && now >= meter.pardoned_until {
                meter.judge(row, now).map_err(|why| format!("meter {}: {why}", row.id))?;
            }
        }
        Ok(())
    }

    /// Judges the end, when nothing is under way and nobody holds anything.
    pub(crate) fn judge_rest(
        &self,
        book: &Book,
        crashed: impl Fn(u64) -> bool,
    ) -> Result<(), String> {
        for (id, debits) in &self.ended {
            if book.ledger.get(id) != Some(debits) {
                return Err(format!("record {id:?} is not in the ledger as it was"));
            }
        }
        let known = |id| self.ended.contains_key(id) || self.doubtful.contains_key(id);
        if let Some(id) = book.ledger.keys().find(|id| !known(*id)) {
            return Err(format!("record {id:?} was invented"));
        }
        if let Some(presumed) = book.presumed.iter().find(|presumed| !crashed(presumed.holder)) {
            return Err(format!("{} presumed of holder {}", presumed.amount, presumed.holder));
        }
        let mut debits = BTreeMap::<u64, i64>::new();
        for debit in book.ledger.values().flatten() {
            *debits.entry(debit.meter).or_default() += debit.amount;
        }
        for Entry { row, leases, .. } in book.meters.values() {
            if row.granted != 0 || !leases.is_empty() {
                return Err(format!("meter {}: {} leaked", row.id, row.granted));
            }
            let presumed = book.presumed.iter().filter(|presumed| presumed.meter == row.id);
            let presumed: i64 = presumed.map(|presumed| presumed.amount).sum();
            let debited = debits.get(&row.id).copied().unwrap_or(0);
            self.meters[&row.id].judge_rest(row, debited, presumed)?;
        }
        Ok(())
    }
}

impl Meter {
    fn judge(&mut self, row: &MeterRow, now: i64) -> Result<(), String> {
        if self.out < 0 {
            return Err(format!("{} reserved", self.out));
        }
        let (used, since) = match self.window {
            Window::Never => (self.spent, now),
            Window::Sliding(length) => {
                let since = now - i64::from(length) * SECOND;
                self.forget(since);
                (self.in_window.1, since)
            }
            Window::Fixed(_) | Window::Calendar(_) => {
                let began = row.began.map_or(now, Timestamp::as_micros);
                (self.in_book_window(row, now), began)
            }
        };
        let used = if self.dimension == Dimension::Parallel { 0 } else { used };
        let bound = self.bound(since) + self.excess;
        if used + self.out > bound {
            let out = self.out;
            return Err(format!("{used} used and {out} reserved of {bound} at {now}: {row:?}"));
        }
        Ok(())
    }

    /// Returns what was really used in the window that the book has open.
    fn in_book_window(&mut self, row: &MeterRow, now: i64) -> i64 {
        let (Some(began), Some(ends)) = (row.began, row.ends) else { return 0 };
        if ends.as_micros() <= now {
            return 0;
        }
        if self.in_window.0 != Some(began) {
            self.forget(began.as_micros() - 1);
            self.in_window = (Some(began), self.uses.iter().map(|(_, amount)| amount).sum());
        }
        let after = self.uses.iter().rev().take_while(|(at, _)| *at >= ends.as_micros());
        self.in_window.1 - after.map(|(_, amount)| amount).sum::<i64>()
    }

    /// Forgets use at `until` and before.
    fn forget(&mut self, until: i64) {
        while let Some((_, amount)) = self.uses.pop_front_if(|(at, _)| *at <= until) {
            self.in_window.1 -= amount;
        }
    }

    /// Returns the highest bound since a moment.
    fn bound(&mut self, since: i64) -> i64 {
        while self.bounds.get(1).is_some_and(|(from, _)| *from <= since) {
            self.bounds.pop_front();
        }
        self.bounds.iter().map(|(_, bound)| *bound).max().unwrap()
    }

    fn judge_rest(&self, row: &MeterRow, debited: i64, presumed: i64) -> Result<(), String> {
        if self.window != Window::Never || self.dimension == Dimension::Parallel {
            return Ok(());
        }
        let (id, used, spent) = (row.id, row.used, self.spent);
        if self.dimension != Dimension::Requests && used != debited + presumed {
            return Err(format!("meter {id}: {used} used, {debited} + {presumed} in the ledger"));
        }
        // What was used beyond a reservation is known by its record alone, which a crash may lose.
        let least = if presumed == 0 { spent } else { spent - self.excess };
        if self.judged && !(least..=spent + presumed).contains(&used) {
            return Err(format!("meter {id}: {used} used, {presumed} presumed, {spent} in truth"));
        }
        Ok(())
    }
}

const SECOND: i64 = 1_000_000;
