//! The stage: time, chance, a network, some Envoys and a control plane.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollgate_control_plane::domain::meter::VANISHED_AFTER_SECONDS;
use tollgate_control_plane::domain::{Dimension, Timestamp};
use tollgate_core::meter::Meter;
use tollgate_core::meter::leases::Demand;
use tollgate_proto::v1::{MeterGrant, ReportRequest};

use crate::book::{Book, News};
use crate::dice::Dice;
use crate::envoy::Envoy;
use crate::faults::Fault;
use crate::scenario;
use crate::truth::Truth;

/// Everything there is.
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) dice: Dice,
    pub(crate) book: Book,
    pub(crate) truth: Truth,
    pub(crate) envoys: Vec<Envoy>,
    pub(crate) crashed: BTreeSet<u64>,
    events: BTreeMap<(i64, u64), Event>,
    scheduled: u64,
    /// What filters know of the meters, by place in the scenario.
    policies: Vec<Rc<Meter>>,
    envoys_ever: u64,
    meters_ever: u64,
    /// Until then the control plane is away.
    pub(crate) away_until: i64,
    /// Since when the control plane has been there.
    listening_since: i64,
    /// Nothing is lost any more.
    pub(crate) calm: bool,
    fault: Option<Fault>,
}

enum Event {
    /// A report reaches the control plane. `answer`: when its answer arrives, if it does.
    Report {
        slot: usize,
        holder: u64,
        call: u64,
        report: ReportRequest,
        answer: Option<i64>,
    },
    Answer {
        slot: usize,
        holder: u64,
        call: u64,
        grants: Vec<MeterGrant>,
    },
    Timeout {
        slot: usize,
        holder: u64,
        call: u64,
    },
    News {
        slot: usize,
        news: News,
    },
    Tick,
    Sweep,
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut dice = Dice::new(seed);
        let rows = scenario::meters(&mut dice);
        let mut world = Self {
            now: 1_795_000_000 * SECOND,
            truth: Truth::new(&rows),
            policies: rows.iter().map(scenario::policy).collect(),
            meters_ever: rows.len() as u64,
            book: Book::new(rows, fault),
            dice,
            envoys: Vec::new(),
            crashed: BTreeSet::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            envoys_ever: 0,
            away_until: 0,
            listening_since: 0,
            calm: false,
            fault,
        };
        for _ in 0..ENVOYS {
            let envoy = world.new_envoy();
            world.envoys.push(envoy);
        }
        world.schedule(0, Event::Tick);
        world.schedule(0, Event::Sweep);
        world
    }

    fn new_envoy(&mut self) -> Envoy {
        self.envoys_ever += 1;
        let skew = if self.dice.once_in(2) { 0 } else { self.dice.between(-HOUR, HOUR) };
        Envoy::new(self.envoys_ever, skew, self.fault)
    }

    /// Lets some time pass and something happen.
    pub(crate) fn step(&mut self) {
        let wait = match self.dice.between(0, 999) {
            0..2 => self.dice.between(0, 40 * SECOND),
            2..50 => self.dice.between(0, 2 * SECOND),
            _ => self.dice.between(0, SECOND / 20),
        };
        self.pass(wait);
        let slot = self.dice.pick(ENVOYS);
        match self.dice.between(0, 9_999) {
            0..5 => self.crash(slot),
            5..15 => {
                self.envoys[slot].cut_off_until = self.now + self.dice.between(0, 200 * SECOND);
            }
            15..20 => self.lose_control_plane(),
            20..50 => self.change_limit(),
            50..55 => self.replace_meter(),
            55..5_000 => self.arrive(slot),
            5_000..9_000 => self.end(slot, false),
            _ => self.end(slot, true),
        }
        self.pump(slot);
    }

    /// Looks whether all is well.
    pub(crate) fn judge(&mut self) -> Result<(), String> {
        self.book.judge()?;
        self.truth.judge(&self.book, self.now)
    }

    /// Lets time pass, with everything that was to happen in it.
    pub(crate) fn pass(&mut self, wait: i64) {
        let until = self.now + wait;
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > until {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = until;
    }

    fn schedule(&mut self, after: i64, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now + after, self.scheduled), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Report { slot, holder, call, report, answer } => {
                self.take_report((slot, holder, call), &report, answer);
            }
            Event::Answer { slot, holder, call, grants } => {
                let (envoy, now) = (&mut self.envoys[slot], self.now);
                if envoy.id == holder && envoy.call == Some(call) && now >= envoy.cut_off_until {
                    envoy.answered(&grants, now);
                    self.pump(slot);
                }
            }
            Event::Timeout { slot, holder, call } => {
                let envoy = &mut self.envoys[slot];
                if envoy.id == holder && envoy.call == Some(call) {
                    envoy.not_answered();
                    self.pump(slot);
                }
            }
            Event::News { slot, news } => {
                if self.now >= self.envoys[slot].cut_off_until {
                    self.envoys[slot].hear(&news.recalled, &news.returned);
                    self.pump(slot);
                }
            }
            Event::Tick => {
                for slot in 0..ENVOYS {
                    self.envoys[slot].beat(self.now);
                    self.envoys[slot].retry(&mut self.truth, self.now);
                    self.send(slot);
                }
                self.schedule(SECOND, Event::Tick);
            }
            Event::Sweep => self.sweep(),
        }
    }

    fn take_report(
        &mut self,
        (slot, holder, call): (usize, u64, u64),
        report: &ReportRequest,
        answer: Option<i64>,
    ) {
        if self.now < self.away_until {
            return;
        }
        let (grants, news) = self.book.report(holder, report, Timestamp::from_micros(self.now));
        if let Some(after) = answer {
            self.schedule(after, Event::Answer { slot, holder, call, grants });
        }
        if news.recalled.is_empty() && news.returned.is_empty() {
            return;
        }
        for slot in 0..ENVOYS {
            let after = self.dice.between(0, SECOND / 50);
            if self.calm || !self.dice.once_in(30) {
                self.schedule(after, Event::News { slot, news: news.clone() });
            }
        }
    }

    /// Lets those who wait try again, and sends what is urgent.
    fn pump(&mut self, slot: usize) {
        let envoy = &mut self.envoys[slot];
        envoy.retry_if_moved(&mut self.truth, self.now);
        if envoy.is_urgent() {
            self.send(slot);
        }
    }

    fn send(&mut self, slot: usize) {
        let envoy = &mut self.envoys[slot];
        let Some(report) = envoy.report(self.now) else { return };
        let (holder, call) = (envoy.id, envoy.call.unwrap());
        let cut_off = self.now < envoy.cut_off_until;
        self.schedule(TIMEOUT, Event::Timeout { slot, holder, call });
        let quick = self.dice.between(0, SECOND / 50);
        let (after, answer) = match self.dice.between(0, 59) {
            _ if cut_off => return,
            _ if self.calm => (quick, Some(quick)),
            // Lost.
            0..3 => return,
            // Its answer is lost.
            3..6 => (quick, None),
            // It stands in line somewhere until long after its sender has given it up.
            6..9 => (self.dice.between(0, 20 * SECOND), None),
            9..12 => (quick, Some(self.dice.between(0, 3 * SECOND))),
            _ => (quick, Some(quick)),
        };
        self.schedule(after, Event::Report { slot, holder, call, report, answer });
    }

    fn sweep(&mut self) {
        self.schedule(10 * SECOND, Event::Sweep);
        let patience = i64::from(VANISHED_AFTER_SECONDS) * SECOND;
        if self.now < self.away_until || self.now - patience < self.listening_since {
            return;
        }
        for holder in self.book.sweep(Timestamp::from_micros(self.now)) {
            if let Some(envoy) = self.envoys.iter_mut().find(|envoy| envoy.id == holder) {
                envoy.given_up(&mut self.truth, self.now);
            }
        }
    }

    fn arrive(&mut self, slot: usize) {
        let places = scenario::of_some_key(&mut self.dice);
        let (need, want) = (self.dice.between(1, 40), self.dice.between(1, 200));
        let demands = places.iter().map(|place| {
            let meter = Rc::clone(&self.policies[*place]);
            let one = matches!(
                meter.dimension,
                tollgate_core::meter::Dimension::Requests
                    | tollgate_core::meter::Dimension::Parallel
            );
            let (need, want) = if one { (1, 1) } else { (need.min(want), want) };
            Demand { meter, need, want }
        });
        self.envoys[slot].arrive(demands.collect(), &mut self.truth, self.now);
    }

    fn end(&mut self, slot: usize, aborted: bool) {
        self.envoys[slot].end(aborted, &mut self.dice, &mut self.truth, self.now);
    }

    fn crash(&mut self, slot: usize) {
        let new = self.new_envoy();
        let old = std::mem::replace(&mut self.envoys[slot], new);
        self.crashed.insert(old.id);
        old.crash(&mut self.dice, &mut self.truth, self.now);
    }

    fn lose_control_plane(&mut self) {
        self.away_until = self.now + self.dice.between(0, 150 * SECOND);
        self.listening_since = self.away_until;
    }

    fn change_limit(&mut self) {
        let place = self.dice.pick(self.policies.len());
        let entry = self.book.meters.get_mut(&self.policies[place].id).unwrap();
        let amount = entry.row.spec.amount;
        entry.row.spec.amount = match self.dice.between(0, 3) {
            0 => amount / 2,
            1 => 0,
            _ => amount.max(10) * 2,
        }
        .min(1_000_000);
        if entry.row.spec.dimension == Dimension::Parallel {
            entry.row.spec.amount = entry.row.spec.amount.min(50);
        }
        self.truth.limit_changed(&entry.row, self.now);
        let moved = vec![self.policies[place].id];
        let news = News { recalled: moved.clone(), returned: moved };
        for slot in 0..ENVOYS {
            self.schedule(0, Event::News { slot, news: news.clone() });
        }
    }

    fn replace_meter(&mut self) {
        self.meters_ever += 1;
        let place = self.dice.pick(self.policies.len());
        let row = self.book.replace(self.policies[place].id, self.meters_ever);
        self.policies[place] = scenario::policy(&row);
        self.truth.add(&row);
    }
}

const ENVOYS: usize = 4;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// How long a filter waits for the answer to a report.
const TIMEOUT: i64 = 2 * SECOND;
