//! What the book does when a holder reports on a meter: counts what was used, notes what is
//! held, and grants.

use crate::domain::meter::{MeterRow, Seconds};
use crate::domain::{Timestamp, Window};

/// All that the book has on one meter, seen from one holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The meter.
    pub row: MeterRow,
    /// Its use by seconds, when its window slides.
    pub seconds: Seconds,
    /// What the holder held when it last said so, and what it was granted since.
    pub lease: Lease,
    /// What others hold idle, of the lot.
    pub others_idle: i64,
}

/// What one holder holds of one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lease {
    /// Units that are out.
    pub held: i64,
    /// Of these, units that could be given back.
    pub idle: i64,
}

/// What a holder says of one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The meter.
    pub meter: u64,
    /// Used outside of records since the last report.
    pub consumed: i64,
    /// When the newest of it was.
    pub consumed_at: Timestamp,
    /// Held and free.
    pub idle: i64,
    /// Held for what is under way.
    pub reserved: i64,
    /// What somebody waits for. 0: nobody does.
    pub need: i64,
    /// What would be welcome.
    pub want: i64,
}

/// How a report stands to those of the same holder that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It is the next one.
    Next,
    /// Its number came before: its answer was lost, or it was overtaken by its own repetition.
    Again,
    /// A later one came before.
    Late,
}

/// What the book answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The meter.
    pub meter: u64,
    /// Added to what the holder holds.
    pub granted: i64,
    /// Neither used nor reserved by anybody, before this grant.
    pub left: i64,
    /// The limit.
    pub limit: i64,
    /// Used in the window.
    pub used: i64,
    /// When the window ends. `None`: it does not, or begins with the next use.
    pub resets_at: Option<Timestamp>,
    /// What to do without a grant.
    pub outlook: Outlook,
    /// Others are to report and to keep nothing idle.
    pub recall: bool,
    /// Units came back that somebody waits for.
    pub returned: bool,
}

/// What a holder that was not given what it needs should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing to wait for, or plenty.
    Plenty,
    /// So little is left that units that come free are to be reported at once.
    Tight,
    /// Others hold units that may come back.
    Wait,
    /// It is used up.
    Exhausted,
}

impl Order {
    /// Compares a report's number with that of the holder's last report. `None`: it had none.
    pub fn of(sequence: u64, last: Option<u64>) -> Self {
        match last {
            Some(last) if sequence < last => Self::Late,
            Some(last) if sequence == last => Self::Again,
            Some(_) | None => Self::Next,
        }
    }
}

impl Page {
    /// Counts what records took from the meter: amounts, each with the moment its request ended.
    pub fn charge(&mut self, debits: &[(i64, Timestamp)], now: Timestamp) {
        self.row.roll(&mut self.seconds, now);
        let mut debits = debits.to_vec();
        debits.sort_by_key(|(_, at)| *at);
        for (amount, at) in debits {
            self.row.charge(&mut self.seconds, amount, at, now);
        }
    }

    /// Takes what a holder says, and answers. `debits` came with it and are new.
    pub fn report(
        &mut self,
        statement: &Statement,
        order: Order,
        debits: &[(i64, Timestamp)],
        now: Timestamp,
    ) -> Answer {
        let room = self.row.available();
        self.charge(debits, now);
        if order == Order::Next {
            let Statement { consumed, consumed_at, .. } = *statement;
            self.row.charge(&mut self.seconds, consumed, consumed_at, now);
        }
        let debited = debits.iter().fold(0, |sum: i64, (amount, _)| sum.saturating_add(*amount));
        let spare = self.hold(statement, order, debited);
        let idle = self.others_idle.saturating_add(self.lease.idle);
        let reserved = self.row.granted.saturating_sub(idle).max(0);
        let left = self.row.spec.amount.saturating_sub(self.row.used).saturating_sub(reserved);
        let granted = if order == Order::Late { 0 } else { self.grant(statement, spare, now) };
        let outlook = self.outlook(statement, granted, now);
        let waited = self.row.is_waited_for(now);
        let returned = waited && self.row.available() > room.max(0);
        if outlook == Outlook::Wait {
            self.row.waited = Some(now);
        } else if returned {
            self.row.waited = None;
        }
        Answer {
            meter: self.row.id,
            granted,
            left: left.saturating_add(spare),
            limit: self.row.spec.amount,
            used: self.row.used,
            resets_at: self.resets_at(statement.need.saturating_sub(granted), now),
            outlook,
            recall: outlook == Outlook::Wait,
            returned,
        }
    }

    /// Notes what the holder holds, and returns how much more than it says is still counted as
    /// held.
    ///
    /// What it says replaces what was known, which heals the loss of any message. Only a report
    /// that came before changes nothing: it may be one that its own repetition overtook, and the
    /// holder may have been granted more, or given some back, in the meantime. If it is a true
    /// repetition, then the holder does not know of what it was granted, and is given that first.
    fn hold(&mut self, statement: &Statement, order: Order, debited: i64) -> i64 {
        let before = self.lease.held;
        let known = before.saturating_sub(debited).max(0);
        let (idle, said) = if self.row.leases() {
            let idle = statement.idle.max(0);
            (idle, idle.saturating_add(statement.reserved.max(0)))
        } else {
            (0, 0)
        };
        self.lease = match order {
            Order::Next => Lease { held: said, idle },
            Order::Again => Lease { held: known, idle: idle.min(known) },
            Order::Late => Lease { held: known, idle: self.lease.idle.min(known) },
        };
        self.row.granted =
            self.row.granted.saturating_sub(before).saturating_add(self.lease.held).max(0);
        if order == Order::Again { known.saturating_sub(said).max(0) } else { 0 }
    }

    fn grant(&mut self, statement: &Statement, spare: i64, now: Timestamp) -> i64 {
        if !self.row.leases() {
            return 0;
        }
        let room = self.row.available().max(0).saturating_add(spare);
        let granted = share(statement.need, statement.want, room);
        if granted > 0 {
            self.row.open(now);
            let more = granted.saturating_sub(spare).max(0);
            self.lease.held = self.lease.held.saturating_add(more);
            self.lease.idle = self.lease.idle.saturating_add(granted).min(self.lease.held);
            self.row.granted = self.row.granted.saturating_add(more);
        }
        granted
    }

    fn outlook(&self, statement: &Statement, granted: i64, now: Timestamp) -> Outlook {
        let Statement { need, .. } = *statement;
        if !self.row.leases() {
            return Outlook::Plenty;
        }
        if need > 0 && granted == 0 {
            let others = self.row.granted.saturating_sub(self.lease.held);
            // What is reserved may be settled for less, but what is used never comes back.
            let hope = self.row.spec.amount.saturating_sub(self.row.used) >= need;
            return if others > 0 && hope { Outlook::Wait } else { Outlook::Exhausted };
        }
        let little = need.max(self.row.spec.amount / 16);
        if self.row.available() < little || self.row.is_waited_for(now) {
            Outlook::Tight
        } else {
            Outlook::Plenty
        }
    }

    /// Returns when the window ends; of one that slides, when what is missing will have left it,
    /// or, when nothing is missing, everything.
    fn resets_at(&self, missing: i64, now: Timestamp) -> Option<Timestamp> {
        let length = match self.row.spec.window {
            Window::Sliding(length) => length,
            // What is left of a lease on a window that is over ends here and now.
            Window::Fixed(_) if self.lease.idle > 0 => {
                return Some(self.row.open_until(now).unwrap_or(now));
            }
            Window::Fixed(_) | Window::Never | Window::Calendar(_) => {
                return self.row.open_until(now);
            }
        };
        let all = Seconds::all_free(now, length);
        let missing = missing.saturating_sub(self.row.available().max(0));
        let freed = (missing > 0).then(|| self.seconds.frees(missing, length)).flatten();
        Some(freed.unwrap_or(all))
    }
}

/// Decides how much of `room` one holder gets. Who waits gets what it wants as far as it is there,
/// since a worst case that is cut short caps an answer; and nothing if that is less than it needs.
/// A store against later needs is not more than a quarter: others may need it sooner.
fn share(need: i64, want: i64, room: i64) -> i64 {
    let need = need.max(0);
    let want = want.max(need);
    if want == 0 || room < need {
        return 0;
    }
    if need > 0 { want.min(room) } else { want.min(room / 4) }
}

#[cfg(test)]
mod tests;
