//! All leases of one VM: reserving for requests, settling them, and reporting.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollgate_proto::v1::{Debit, MeterGrant, MeterState};

use super::lease::Lease;
pub use super::reservation::{Demand, Reservation, Shortage};
use super::reservation::{Line, is_used_by_parts};
use super::{Dimension, Meter};

/// How often what is held is confirmed, and what is not used given back.
const HEARTBEAT_US: i64 = 10_000_000;

/// What became of a request's demands.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// All are reserved.
    Granted(Reservation),
    /// More was asked for: try again when leases have moved.
    Wait,
    /// This meter does not have it.
    Refused(Shortage),
    /// Nobody could be asked.
    Unavailable,
}

/// How patient a request still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nothing was asked for it yet.
    Fresh,
    /// It has waited for an answer, and may wait on.
    Waiting,
    /// It takes what there is or goes.
    Over,
    /// The same, and nobody has answered since it began to wait.
    Unheard,
}

/// The leases by meter.
#[derive(Debug, Default)]
pub struct Leases {
    /// Boxed: the nodes of the map are half empty when meters come in the order they were made.
    by_meter: BTreeMap<u64, Box<Lease>>,
    /// Those of them that count parallel requests.
    parallel: BTreeSet<u64>,
    /// What the next report is to name.
    stale: BTreeSet<u64>,
    sequence: u64,
    in_flight: bool,
    /// The last report was not answered.
    again: bool,
    /// The report that is under way repeats one that was not answered.
    repeats: bool,
    urgent: bool,
    moved: bool,
    answers: u64,
    /// A request waited for an answer in vain: until there is one, others do not wait.
    silent: bool,
    heartbeat_at_us: i64,
}

impl Leases {
    /// Reserves all demands, or none.
    pub fn admit(&mut self, demands: &[Demand], patience: Patience, now_us: i64) -> Admission {
        let hopeless = self.silent && patience == Patience::Fresh;
        let patience = if hopeless { Patience::Unheard } else { patience };
        let Some(short) = self.first_short(demands, patience, now_us) else {
            return Admission::Granted(self.reserve(demands, now_us));
        };
        let meter = &short.meter;
        let lease = self.by_meter.entry(meter.id).or_default();
        let known = lease.standing().at_us > 0 && !self.again;
        if lease.is_exhausted(now_us) || patience == Patience::Over && known {
            return Admission::Refused(Shortage::of(lease, meter, now_us));
        }
        if matches!(patience, Patience::Over | Patience::Unheard) {
            self.silent = true;
            return Admission::Unavailable;
        }
        self.ask(demands, now_us);
        Admission::Wait
    }

    /// Reserves what there is of these demands, and counts what is not there all the same: for a
    /// request that cannot wait any more.
    pub fn admit_anyway(&mut self, demands: &[Demand], now_us: i64) -> Reservation {
        let (met, unmet): (Vec<_>, Vec<_>) = demands
            .iter()
            .cloned()
            .partition(|demand| self.cover(std::slice::from_ref(demand), now_us));
        let mut reservation = self.reserve(&met, now_us);
        for Demand { meter, .. } in unmet {
            let lease = self.by_meter.entry(meter.id).or_default();
            match meter.dimension {
                Dimension::Requests => lease.count(1, now_us),
                Dimension::Parallel => continue,
                Dimension::Tokens
                | Dimension::InputTokens
                | Dimension::OutputTokens
                | Dimension::Money => {}
            }
            self.stale.insert(meter.id);
            reservation.lines.push(Line { meter, amount: 0, observed: true });
        }
        reservation
    }

    /// Tells whether none of these limits is known to be used up.
    pub fn may_have_room(&self, meters: &[Rc<Meter>], now_us: i64) -> bool {
        meters.iter().filter(|meter| !meter.observe_only).all(|meter| {
            self.by_meter.get(&meter.id).is_none_or(|lease| !lease.is_exhausted(now_us))
        })
    }

    /// Tells whether all demands can be met in full out of what is held.
    pub fn cover(&self, demands: &[Demand], now_us: i64) -> bool {
        demands.iter().all(|demand| {
            let lease = self.by_meter.get(&demand.meter.id);
            demand.meter.observe_only
                || lease.is_some_and(|lease| lease.is_gone() || lease.idle(now_us) >= demand.want)
        })
    }

    /// Ends a request: `used` says what it used in each dimension. Returns the debits of its
    /// record.
    pub fn settle(
        &mut self,
        reservation: Reservation,
        used: impl Fn(Dimension) -> i64,
    ) -> Vec<Debit> {
        let mut debits = Vec::with_capacity(reservation.lines.len());
        for Line { meter, amount, observed } in reservation.lines {
            let Some(lease) = self.by_meter.get_mut(&meter.id) else { continue };
            let used = match meter.dimension {
                // Counted when it began.
                Dimension::Requests => continue,
                Dimension::Parallel => 0,
                Dimension::Tokens
                | Dimension::InputTokens
                | Dimension::OutputTokens
                | Dimension::Money => used(meter.dimension).max(0),
            };
            self.stale.insert(meter.id);
            if observed {
                lease.observe(used);
            } else {
                lease.settle(amount, used);
                self.urgent |= lease.is_tight();
                self.moved = true;
            }
            if used > 0 {
                debits.push(Debit { meter: meter.id, amount: used });
            }
        }
        debits
    }

    /// Settles one part of what goes on: returns the debits of its record, and reserves as much
    /// again for the next part, or what there is of it. Requests and parallel ones stay as they
    /// are.
    pub fn renew(
        &mut self,
        reservation: &mut Reservation,
        used: impl Fn(Dimension) -> i64,
        now_us: i64,
    ) -> Vec<Debit> {
        let part = reservation.split_parts();
        let demands: Vec<_> = part.demands().collect();
        let debits = self.settle(part, used);
        reservation.lines.extend(self.admit_anyway(&demands, now_us).lines);
        debits
    }

    /// Returns the limit among those reserved of that is used up.
    pub fn shortage(&self, reservation: &Reservation, now_us: i64) -> Option<Shortage> {
        let lines = reservation.lines.iter().filter(|line| !line.meter.observe_only);
        let mut shared = lines.filter(|line| is_used_by_parts(line.meter.dimension));
        shared.find_map(|line| {
            let lease = self.by_meter.get(&line.meter.id)?;
            lease.is_exhausted(now_us).then(|| Shortage::of(lease, &line.meter, now_us))
        })
    }

    /// Returns a meter's account, for those who show it.
    pub fn lease(&self, meter: u64) -> Option<&Lease> {
        self.by_meter.get(&meter).map(Box::as_ref)
    }

    /// Applies news about other holders.
    pub fn news(&mut self, recalled: &[u64], returned: &[u64]) {
        for meter in recalled {
            if let Some(lease) = self.by_meter.get_mut(meter) {
                lease.recall();
                if lease.is_stale() {
                    self.stale.insert(*meter);
                    self.urgent = true;
                }
            }
        }
        for meter in returned {
            if let Some(lease) = self.by_meter.get_mut(meter) {
                lease.news();
                self.moved = true;
            }
        }
    }

    /// Tells whether a report should go now, not at the next tick. After one that was not
    /// answered the next waits for a tick.
    pub fn is_urgent(&self) -> bool {
        self.urgent && !self.in_flight && !self.again
    }

    /// Tells whether a report is under way.
    pub fn is_reporting(&self) -> bool {
        self.in_flight
    }

    /// Tells whether units moved since this was last taken note of.
    pub fn has_moved(&self) -> bool {
        self.moved
    }

    /// Tells, once, that units moved, so that waiting requests may try again.
    pub fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Returns how many reports were answered.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Tells whether there is anything to report besides records.
    pub fn has_news(&self) -> bool {
        self.again || !self.stale.is_empty()
    }

    /// Makes all leases report from time to time, and return what nobody uses.
    pub fn beat(&mut self, now_us: i64) {
        if now_us.saturating_sub(self.heartbeat_at_us) < HEARTBEAT_US || self.in_flight {
            return;
        }
        self.heartbeat_at_us = now_us;
        self.by_meter.values_mut().for_each(|lease| lease.heartbeat());
        self.by_meter.retain(|_, lease| !lease.is_empty());
        let kept = &self.by_meter;
        self.parallel.retain(|meter| kept.contains_key(meter));
        self.stale.extend(kept.iter().filter(|(_, lease)| lease.is_stale()).map(|(id, _)| *id));
    }

    /// Returns the report's number and what it says of meters. `debits` are those of the records
    /// that go along. One report is under way at a time.
    pub fn report(&mut self, debits: &BTreeMap<u64, i64>, now_us: i64) -> (u64, Vec<MeterState>) {
        let again = std::mem::replace(&mut self.again, false);
        if !again {
            self.sequence += 1;
        }
        self.repeats = again;
        self.in_flight = true;
        self.urgent = false;
        let mut named = std::mem::take(&mut self.stale);
        named.extend(debits.keys());
        let mut states = Vec::with_capacity(named.len());
        for id in named {
            if let Some(lease) = self.by_meter.get_mut(&id) {
                let in_batch = debits.get(&id).copied().unwrap_or(0);
                states.push(lease.state(id, in_batch, again, now_us));
            }
        }
        (self.sequence, states)
    }

    /// Takes the answer to the report.
    pub fn answered(&mut self, grants: &[MeterGrant], now_us: i64) {
        self.in_flight = false;
        self.moved = true;
        self.answers += 1;
        self.silent = false;
        for grant in grants {
            if let Some(lease) = self.by_meter.get_mut(&grant.meter) {
                lease.answered(grant, self.parallel.contains(&grant.meter), now_us);
                if self.repeats {
                    // What was granted in the answer that was lost is still counted as held here,
                    // until a report that repeats nothing says what is.
                    lease.confirm();
                    self.stale.insert(grant.meter);
                }
                self.urgent |= lease.is_stale() && lease.is_tight();
            }
        }
    }

    /// The control plane answered something else: it is worth waiting for it again.
    pub fn heard(&mut self) {
        self.silent = false;
    }

    /// The report was not answered.
    pub fn not_answered(&mut self) {
        self.in_flight = false;
        self.again = true;
        self.moved = true;
        for (id, lease) in &mut self.by_meter {
            lease.not_answered();
            if lease.is_stale() {
                self.stale.insert(*id);
            }
        }
    }

    /// Returns the first demand that cannot be met as well as it should.
    fn first_short<'a>(
        &mut self,
        demands: &'a [Demand],
        patience: Patience,
        now_us: i64,
    ) -> Option<&'a Demand> {
        demands.iter().filter(|demand| !demand.meter.observe_only).find(|demand| {
            let lease = self.by_meter.entry(demand.meter.id).or_default();
            let idle = lease.idle(now_us);
            let enough = if patience == Patience::Fresh && !lease.is_exhausted(now_us) {
                demand.want
            } else {
                demand.need
            };
            idle < enough && !lease.is_gone()
        })
    }

    fn ask(&mut self, demands: &[Demand], now_us: i64) {
        for demand in demands.iter().filter(|demand| !demand.meter.observe_only) {
            let lease = self.by_meter.entry(demand.meter.id).or_default();
            let idle = lease.idle(now_us);
            if idle < demand.want && !lease.is_gone() && !lease.must_wait(now_us) {
                lease.ask(demand.need - idle, demand.want - idle);
                self.stale.insert(demand.meter.id);
                self.urgent = true;
            }
        }
    }

    fn reserve(&mut self, demands: &[Demand], now_us: i64) -> Reservation {
        let mut lines = Vec::with_capacity(demands.len());
        for Demand { meter, want, .. } in demands {
            let lease = self.by_meter.entry(meter.id).or_default();
            if meter.dimension == Dimension::Parallel {
                self.parallel.insert(meter.id);
            }
            let amount = match (meter.observe_only, lease.is_gone()) {
                (true, _) => 0,
                (false, true) => continue,
                (false, false) => (*want).min(lease.idle(now_us)),
            };
            if !meter.observe_only {
                lease.reserve(amount);
                lease.refill_if_low();
            }
            match (meter.dimension, meter.observe_only) {
                (Dimension::Requests, false) => {
                    lease.consume(amount, now_us);
                    self.urgent |= lease.is_tight();
                }
                (Dimension::Requests, true) => lease.count(1, now_us),
                _ => {}
            }
            if lease.is_stale() {
                self.stale.insert(meter.id);
            }
            let observed = meter.observe_only;
            lines.push(Line { meter: Rc::clone(meter), amount, observed });
        }
        Reservation { lines }
    }
}
