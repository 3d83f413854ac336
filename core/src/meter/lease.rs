//! What one VM holds of one meter.

use tollgate_proto::v1::{MeterGrant, MeterState, Outlook};

/// After this long without an answer a lease on parallel requests is worth nothing: the control
/// plane will have given it to others.
const PARALLEL_LIVES_US: i64 = 60_000_000;
/// How long a refusal stands without asking again.
const EXHAUSTED_FOR_US: i64 = 1_000_000;
/// How long to wait for others without asking again.
const WAIT_FOR_US: i64 = 100_000;

/// This part of what is left is held against bursts.
const PLENTY: i64 = 1024;

/// One meter's account in this VM. Units move `idle` → `in_use` → (`unsent` | `idle`).
#[derive(Debug, Default)]
pub struct Lease {
    /// Free to be reserved, or given back.
    idle: i64,
    /// Reserved for requests under way.
    in_use: i64,
    /// Debits of records that are not acknowledged.
    unsent: i64,
    /// Of these, in the batch that is on its way.
    in_batch: i64,
    /// Used up outside of records since the last report, and when.
    consumed: i64,
    consumed_at_us: i64,
    /// The same, in the report that is on its way.
    sent: i64,
    sent_at_us: i64,
    /// What waiting requests lack.
    need: i64,
    want: i64,
    /// Taken since the last report was sent, and before, since the one that was last answered.
    taken: i64,
    taken_before: i64,
    /// Comfort is measured by what was taken between the last two reports.
    pace: i64,
    standing: Standing,
    dies_at_us: Option<i64>,
    /// To be told at the next report.
    stale: bool,
    recalled: bool,
    used_since_heartbeat: bool,
}

/// What the control plane last said of a meter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Neither used nor reserved by anybody, when it answered.
    pub left: i64,
    /// The limit.
    pub limit: i64,
    /// Settled in this window.
    pub used: i64,
    /// End of the window. `None`: there is none, or it begins with the next use.
    pub resets_at_us: Option<i64>,
    /// Whether more can be had.
    pub outlook: Outlook,
    /// When it answered. 0: never.
    pub at_us: i64,
}

impl Lease {
    /// Returns what is free at `now_us`. What belonged to a window that has ended is not.
    pub fn idle(&self, now_us: i64) -> i64 {
        if self.dies_at_us.is_some_and(|end| end <= now_us) { 0 } else { self.idle }
    }

    /// Returns what clients are told is left.
    pub fn remaining(&self) -> i64 {
        self.standing.left.saturating_sub(self.taken + self.taken_before).max(0)
    }

    /// Returns what the control plane last said.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Tells whether the meter was deleted.
    pub fn is_gone(&self) -> bool {
        self.standing.outlook == Outlook::Gone
    }

    /// Tells whether it is of no use to ask for more now.
    pub fn is_exhausted(&self, now_us: i64) -> bool {
        let Standing { outlook, at_us, resets_at_us, .. } = self.standing;
        outlook == Outlook::Exhausted
            && now_us.saturating_sub(at_us) < EXHAUSTED_FOR_US
            && resets_at_us.is_none_or(|end| now_us < end)
    }

    /// Tells whether the answer to the last question was to wait, and it still stands.
    pub fn must_wait(&self, now_us: i64) -> bool {
        self.standing.outlook == Outlook::Wait
            && now_us.saturating_sub(self.standing.at_us) < WAIT_FOR_US
    }

    /// Tells whether units that come free must be reported at once: others may wait for them.
    pub fn is_tight(&self) -> bool {
        matches!(self.standing.outlook, Outlook::Tight | Outlook::Wait | Outlook::Exhausted)
    }

    /// Tells whether the next report must name this meter.
    pub fn is_stale(&self) -> bool {
        self.stale || self.recalled || self.want > 0 || self.consumed != 0 || self.sent != 0
    }

    /// Tells whether nothing would be lost by forgetting it.
    pub fn is_empty(&self) -> bool {
        self.held() == 0 && !self.is_stale()
    }

    /// Notes that a request waits for `need` more, better `want`.
    pub fn ask(&mut self, need: i64, want: i64) {
        let need = need.max(1);
        self.need = if self.need == 0 { need } else { self.need.min(need) };
        self.want = self.want.saturating_add(want.max(need));
    }

    /// Takes units for a request. The caller has looked that they are there.
    pub fn reserve(&mut self, amount: i64) {
        self.idle -= amount;
        self.in_use += amount;
        self.taken = self.taken.saturating_add(amount);
        self.used_since_heartbeat = true;
    }

    /// Asks for more before it runs out.
    pub fn refill_if_low(&mut self) {
        let store = self.store();
        if self.idle < store / 2 && self.want == 0 {
            self.want = store;
        }
    }

    /// What to hold against later needs: what recent ones took, but little of what is left, since
    /// what a crash takes along is presumed spent. Where very much is left, some of it whatever
    /// the pace, so that a burst need not wait for an answer.
    fn store(&self) -> i64 {
        let left = self.standing.left.max(0);
        self.pace.min(left / 8).max(left / PLENTY)
    }

    /// Turns a reservation into use that no record tells about.
    pub fn consume(&mut self, amount: i64, now_us: i64) {
        self.in_use -= amount;
        self.count(amount, now_us);
    }

    /// Counts without a reservation.
    pub fn count(&mut self, amount: i64, now_us: i64) {
        self.consumed += amount;
        self.consumed_at_us = now_us;
    }

    /// Ends a reservation: `used` of it goes into a record, the rest is free again.
    pub fn settle(&mut self, reserved: i64, used: i64) {
        self.in_use -= reserved;
        self.unsent += used;
        let back = reserved.saturating_sub(used);
        // Use beyond the reservation eats what is free, and no more: the record tells the truth.
        self.idle = self.idle.saturating_add(back).max(0);
        self.taken = self.taken.saturating_sub(back);
        self.stale = true;
    }

    /// Counts use in a record without a reservation.
    pub fn observe(&mut self, used: i64) {
        self.unsent += used;
        self.stale = true;
    }

    /// Another holder needs units.
    pub fn recall(&mut self) {
        self.recalled = self.idle > 0;
    }

    /// Units came back somewhere: it is worth asking again.
    pub fn news(&mut self) {
        if matches!(self.standing.outlook, Outlook::Wait | Outlook::Exhausted) {
            self.standing.outlook = Outlook::Tight;
        }
    }

    /// Gives back what was not used since the last heartbeat, and makes it report.
    pub fn heartbeat(&mut self) {
        if !std::mem::take(&mut self.used_since_heartbeat) {
            self.stale |= self.idle > 0;
            self.idle = 0;
            self.pace = 0;
        }
        self.stale |= self.held() > 0;
    }

    /// Says what is held, for a report that carries `in_batch` units of debits. `again`: the last
    /// report was not answered.
    pub fn state(&mut self, meter: u64, in_batch: i64, again: bool, now_us: i64) -> MeterState {
        if self.dies_at_us.is_some_and(|end| end <= now_us) || self.recalled && self.want == 0 {
            self.idle = 0;
        }
        if !again {
            self.sent = std::mem::take(&mut self.consumed);
            self.sent_at_us = self.consumed_at_us;
        }
        self.in_batch = in_batch;
        self.pace = (self.pace / 2).max(self.taken.saturating_mul(4));
        self.taken_before = self.taken_before.saturating_add(std::mem::take(&mut self.taken));
        let comfort = if self.need > 0 { self.store() } else { 0 };
        let want = std::mem::take(&mut self.want).saturating_add(comfort);
        self.stale = false;
        self.recalled = false;
        MeterState {
            meter,
            consumed: self.sent,
            consumed_ms_ago: milliseconds(now_us.saturating_sub(self.sent_at_us)),
            idle: self.idle,
            reserved: self.in_use + self.unsent - self.in_batch + self.consumed,
            need: std::mem::take(&mut self.need),
            want,
        }
    }

    /// Takes the answer to a report.
    pub fn answered(&mut self, grant: &MeterGrant, parallel: bool, now_us: i64) {
        self.sent = 0;
        self.taken_before = 0;
        self.unsent -= std::mem::take(&mut self.in_batch);
        self.idle = self.idle.saturating_add(grant.granted.max(0));
        let until = |after: i64| now_us.saturating_add(after);
        let resets_at_us =
            (grant.resets_in_ms > 0).then(|| until(i64::from(grant.resets_in_ms) * 1000));
        self.dies_at_us = if parallel { Some(until(PARALLEL_LIVES_US)) } else { resets_at_us };
        self.standing = Standing {
            left: grant.left,
            limit: grant.limit,
            used: grant.used,
            resets_at_us,
            outlook: grant.outlook(),
            at_us: now_us,
        };
    }

    /// The next report is to say what is held, whatever it is.
    pub fn confirm(&mut self) {
        self.stale = true;
    }

    /// The report was not answered: what it carried goes along with the next.
    pub fn not_answered(&mut self) {
        self.in_batch = 0;
        self.stale = true;
    }

    /// Everything the control plane must count as held here.
    fn held(&self) -> i64 {
        self.idle + self.in_use + self.unsent
    }
}

fn milliseconds(us: i64) -> u32 {
    u32::try_from(us.max(0) / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a lease asks for after the first request on a limit with this much left.
    fn asked_with(left: i64) -> i64 {
        let mut lease = Lease::default();
        lease.ask(1, 1);
        let _ = lease.state(1, 0, false, 1);
        lease.answered(
            &MeterGrant { meter: 1, granted: 1, left, ..MeterGrant::default() },
            false,
            2,
        );
        lease.reserve(1);
        lease.refill_if_low();
        lease.state(1, 0, false, 3).want
    }

    #[test]
    fn a_generous_limit_is_held_against_bursts_and_a_tight_one_is_not() {
        assert_eq!(asked_with(1_024_000), 1000);
        assert_eq!(asked_with(40), 0);
    }
}
