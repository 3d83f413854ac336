//! A worker of an Envoy: the filter's real leases and outbox, requests without their bytes.

use std::collections::VecDeque;
use std::rc::Rc;

use tollgate_core::meter::leases::{Admission, Demand, Leases, Patience, Reservation};
use tollgate_core::meter::{Dimension, Meter};
use tollgate_core::outbox::{Outbox, decode_batch};
use tollgate_proto::v1::{MeterGrant, ReportRequest, UsageRecord};

use crate::dice::Dice;
use crate::faults::Fault;
use crate::truth::Truth;

/// One VM, from its start to its crash.
pub(crate) struct Envoy {
    /// Unique for ever.
    pub(crate) id: u64,
    leases: Leases,
    outbox: Outbox,
    /// By how much its clock is ahead.
    skew: i64,
    pub(crate) running: Vec<Running>,
    waiting: Vec<Waiting>,
    /// Number of the call that is under way.
    pub(crate) call: Option<u64>,
    calls: u64,
    records: u64,
    /// Records that are not acknowledged.
    unsent: VecDeque<Vec<u8>>,
    in_batch: usize,
    /// Until then nothing reaches it, and nothing leaves it.
    pub(crate) cut_off_until: i64,
    fault: Option<Fault>,
}

/// A request under way.
pub(crate) struct Running {
    reservation: Reservation,
    meters: Vec<Rc<Meter>>,
    /// Meters of which the control plane gave up what is reserved for it.
    given_up: Vec<u64>,
}

struct Waiting {
    demands: Vec<Demand>,
    until: i64,
}

impl Envoy {
    pub(crate) fn new(id: u64, skew: i64, fault: Option<Fault>) -> Self {
        Self {
            id,
            leases: Leases::default(),
            outbox: Outbox::new(10_000),
            skew,
            running: Vec::new(),
            waiting: Vec::new(),
            call: None,
            calls: 0,
            records: 0,
            unsent: VecDeque::new(),
            in_batch: 0,
            cut_off_until: 0,
            fault,
        }
    }

    /// A request arrives.
    pub(crate) fn arrive(&mut self, demands: Vec<Demand>, truth: &mut Truth, now: i64) {
        let until = now + PATIENCE;
        self.admit(Waiting { demands, until }, Patience::Fresh, truth, now);
    }

    fn admit(&mut self, request: Waiting, patience: Patience, truth: &mut Truth, now: i64) {
        match self.leases.admit(&request.demands, patience, now + self.skew) {
            Admission::Granted(reservation) => {
                for (meter, amount) in reservation.amounts() {
                    if meter.dimension == Dimension::Requests {
                        truth.spend(meter.id, amount, 0, now);
                    } else {
                        truth.reserve(meter.id, amount);
                    }
                }
                let meters = request.demands.into_iter().map(|demand| demand.meter).collect();
                self.running.push(Running { reservation, meters, given_up: Vec::new() });
            }
            Admission::Wait => self.waiting.push(request),
            Admission::Refused(_) | Admission::Unavailable => {}
        }
    }

    /// Lets those who wait try again.
    pub(crate) fn retry(&mut self, truth: &mut Truth, now: i64) {
        for request in std::mem::take(&mut self.waiting) {
            let patience = if now < request.until { Patience::Waiting } else { Patience::Over };
            self.admit(request, patience, truth, now);
        }
    }

    pub(crate) fn retry_if_moved(&mut self, truth: &mut Truth, now: i64) {
        if self.leases.take_moved() {
            self.retry(truth, now);
        }
    }

    /// Ends one of the requests. An aborted one has used less.
    pub(crate) fn end(&mut self, aborted: bool, dice: &mut Dice, truth: &mut Truth, now: i64) {
        if self.running.is_empty() {
            return;
        }
        let Running { reservation, meters, given_up } =
            self.running.swap_remove(dice.pick(self.running.len()));
        let judged = |meter: u64| !given_up.contains(&meter);
        let reserved: Vec<(u64, Dimension, i64)> = reservation
            .amounts()
            .map(|(meter, amount)| (meter.id, meter.dimension, amount))
            .collect();
        let excess = if dice.once_in(200) { dice.between(1, 50) } else { 0 };
        let share = dice.between(0, if aborted { 3 } else { 10 });
        let used = |dimension: Dimension| {
            let same = reserved.iter().filter(|(_, other, _)| *other == dimension);
            let least = same.map(|(.., amount)| *amount).min().unwrap_or(10);
            if share == 10 { least + excess } else { least * share / 10 }
        };
        let (tokens, money) = (used(Dimension::Tokens), used(Dimension::Money));
        let figure = |dimension| if dimension == Dimension::Money { money } else { tokens };
        for (meter, dimension, amount) in reserved.iter().filter(|(meter, ..)| judged(*meter)) {
            if *dimension == Dimension::Requests {
                continue;
            }
            truth.reserve(*meter, -amount);
            if *dimension != Dimension::Parallel {
                let used = figure(*dimension);
                truth.spend(*meter, used, (used - amount).max(0), now);
            }
        }
        for meter in meters.iter().filter(|meter| meter.observe_only) {
            truth.spend(meter.id, figure(meter.dimension), 0, now);
        }
        self.settle(reservation, aborted, figure, truth, now);
    }

    fn settle(
        &mut self,
        reservation: Reservation,
        aborted: bool,
        used: impl Fn(Dimension) -> i64,
        truth: &mut Truth,
        now: i64,
    ) {
        if self.fault == Some(Fault::LeaksWhenAborted) && aborted {
            return;
        }
        let nothing = self.fault == Some(Fault::SettlesNothing);
        let used = |dimension| if nothing { 0 } else { used(dimension) };
        let debits = self.leases.settle(reservation, used);
        self.records += 1;
        let mut id = self.id.to_be_bytes().to_vec();
        id.extend(self.records.to_be_bytes());
        let ended_at_us = now + self.skew;
        self.outbox.push(&UsageRecord {
            id: id.clone(),
            ended_at_us,
            debits: debits.clone(),
            ..UsageRecord::default()
        });
        truth.ended.insert(id.clone(), debits);
        self.unsent.push_back(id);
    }

    /// Returns the next report, if there is something to say and nothing under way.
    pub(crate) fn report(&mut self, now: i64) -> Option<ReportRequest> {
        if self.call.is_some() {
            return None;
        }
        let batch = self.outbox.next_batch(BATCH);
        if batch.is_none() && !self.leases.has_news() {
            return None;
        }
        let batch = batch.unwrap_or_default();
        let (sequence, meters) = self.leases.report(&batch.debits, now + self.skew);
        self.in_batch = self.unsent.len().min(BATCH);
        self.calls += 1;
        self.call = Some(self.calls);
        let sent_at_us = now + self.skew;
        let records = decode_batch(&batch.records).unwrap().records;
        Some(ReportRequest { records, sequence, meters, sent_at_us, ..ReportRequest::default() })
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.leases.is_urgent()
    }

    pub(crate) fn beat(&mut self, now: i64) {
        self.leases.beat(now + self.skew);
    }

    pub(crate) fn answered(&mut self, grants: &[MeterGrant], now: i64) {
        self.call = None;
        self.outbox.acknowledged();
        self.unsent.drain(..self.in_batch);
        self.leases.answered(grants, now + self.skew);
    }

    pub(crate) fn not_answered(&mut self) {
        self.call = None;
        self.outbox.not_acknowledged();
        self.leases.not_answered();
    }

    pub(crate) fn hear(&mut self, recalled: &[u64], returned: &[u64]) {
        self.leases.news(recalled, returned);
    }

    /// It was given up, and lives: what it holds of some meters is given to others.
    pub(crate) fn given_up(&mut self, truth: &mut Truth, now: i64) {
        for request in &mut self.running {
            for (meter, amount) in request.reservation.amounts() {
                if !request.given_up.contains(&meter.id) && truth.drops(meter.id, now) {
                    request.given_up.push(meter.id);
                    if meter.dimension != Dimension::Requests {
                        truth.reserve(meter.id, -amount);
                    }
                }
            }
        }
    }

    /// It dies. What the providers did for its requests is known to nobody.
    pub(crate) fn crash(self, dice: &mut Dice, truth: &mut Truth, now: i64) {
        for Running { reservation, given_up, .. } in self.running {
            for (meter, amount) in reservation.amounts() {
                if given_up.contains(&meter.id) || meter.dimension == Dimension::Requests {
                    continue;
                }
                truth.reserve(meter.id, -amount);
                if meter.dimension != Dimension::Parallel {
                    truth.spend(meter.id, dice.between(0, amount), 0, now);
                }
            }
        }
        for id in self.unsent {
            let debits = truth.ended.remove(&id).unwrap();
            truth.doubtful.insert(id, debits);
        }
    }
}

/// How long a request waits for units.
const PATIENCE: i64 = 2_000_000;
const BATCH: usize = 50;
