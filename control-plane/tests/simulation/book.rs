//! The control plane's book, in memory: what `store` does in a transaction, around the same rules.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_control_plane::domain::meter::{
    Answer, Fate, Lease, MeterRow, Order, Page, Seconds, VANISHED_AFTER_SECONDS,
};
use tollgate_control_plane::domain::{Timestamp, Window};
use tollgate_control_plane::snapshot::lease::{grant, statement};
use tollgate_proto::v1::{Debit, MeterGrant, ReportRequest};

use crate::faults::Fault;

/// Everything that is committed, and so survives a crash.
pub(crate) struct Book {
    pub(crate) meters: BTreeMap<u64, Entry>,
    pub(crate) ledger: BTreeMap<Vec<u8>, Vec<Debit>>,
    pub(crate) presumed: Vec<Presumed>,
    holders: BTreeMap<u64, Holder>,
    fault: Option<Fault>,
}

pub(crate) struct Entry {
    pub(crate) row: MeterRow,
    pub(crate) seconds: Seconds,
    pub(crate) leases: BTreeMap<u64, Lease>,
}

struct Holder {
    sequence: u64,
    seen: Timestamp,
    vanished: bool,
}

pub(crate) struct Presumed {
    pub(crate) meter: u64,
    pub(crate) holder: u64,
    pub(crate) amount: i64,
    at: Timestamp,
}

/// What all holders are told.
#[derive(Clone, Default)]
pub(crate) struct News {
    pub(crate) recalled: Vec<u64>,
    pub(crate) returned: Vec<u64>,
}

impl Book {
    pub(crate) fn new(rows: Vec<MeterRow>, fault: Option<Fault>) -> Self {
        let entry = |row: MeterRow| (row.id, Entry::new(row));
        Self {
            meters: rows.into_iter().map(entry).collect(),
            ledger: BTreeMap::new(),
            presumed: Vec::new(),
            holders: BTreeMap::new(),
            fault,
        }
    }

    pub(crate) fn report(
        &mut self,
        holder: u64,
        report: &ReportRequest,
        now: Timestamp,
    ) -> (Vec<MeterGrant>, News) {
        let debits = self.store(report, now);
        let last = self.holders.get(&holder);
        if last.is_some_and(|last| last.vanished) {
            self.welcome_back(holder, now);
        }
        let last = self.holders.get(&holder).map(|last| last.sequence);
        let mut order = Order::of(report.sequence, last);
        if self.fault == Some(Fault::TrustsOvertaken) && order == Order::Again {
            order = Order::Next;
        }
        let named: BTreeSet<u64> = report.meters.iter().map(|state| state.meter).collect();
        for (meter, debits) in debits.iter().filter(|(meter, _)| !named.contains(meter)) {
            self.on_page(*meter, holder, |page| page.charge(debits, now));
        }
        let (mut grants, mut news) = (Vec::new(), News::default());
        for state in &report.meters {
            let debits = debits.get(&state.meter).map_or(&[][..], Vec::as_slice);
            let said = statement(state, now);
            let answer =
                self.on_page(state.meter, holder, |page| page.report(&said, order, debits, now));
            if let Some(Answer { meter, recall, returned, .. }) = answer {
                news.recalled.extend(recall.then_some(meter));
                news.returned.extend(returned.then_some(meter));
            }
            grants.push(grant(state.meter, answer, now));
        }
        if order != Order::Late {
            let row = Holder { sequence: report.sequence, seen: now, vanished: false };
            self.holders.insert(holder, row);
        }
        (grants, news)
    }

    /// Returns what new records took, by meter.
    fn store(
        &mut self,
        report: &ReportRequest,
        now: Timestamp,
    ) -> BTreeMap<u64, Vec<(i64, Timestamp)>> {
        let mut debits = BTreeMap::<u64, Vec<(i64, Timestamp)>>::new();
        for record in &report.records {
            let known = self.ledger.insert(record.id.clone(), record.debits.clone()).is_some();
            if known && self.fault != Some(Fault::CountsTwice) {
                continue;
            }
            let ended = now.plus_micros(record.ended_at_us - report.sent_at_us);
            for Debit { meter, amount } in &record.debits {
                debits.entry(*meter).or_default().push((*amount, ended));
            }
        }
        debits
    }

    fn on_page<T>(
        &mut self,
        meter: u64,
        holder: u64,
        act: impl FnOnce(&mut Page) -> T,
    ) -> Option<T> {
        let entry = self.meters.get_mut(&meter)?;
        let others = entry.leases.iter().filter(|(other, _)| **other != holder);
        let mut page = Page {
            row: entry.row.clone(),
            seconds: entry.seconds.clone(),
            lease: entry.leases.get(&holder).copied().unwrap_or_default(),
            others_idle: others.map(|(_, lease)| lease.idle).sum(),
        };
        let held = (page.row.granted, page.row.began);
        match self.fault {
            Some(Fault::IgnoresOthers) => page.row.granted = page.lease.held,
            Some(Fault::ForgetsHeldAtWindowEnd)
                if page.row.ends.is_some() && page.seconds == Seconds::default() =>
            {
                page.row.granted = page.lease.held;
            }
            _ => {}
        }
        let faked = held.0 - page.row.granted;
        let result = act(&mut page);
        page.row.granted += faked;
        entry.row = page.row;
        entry.seconds = page.seconds;
        if page.lease == Lease::default() {
            entry.leases.remove(&holder);
        } else {
            entry.leases.insert(holder, page.lease);
        }
        Some(result)
    }

    fn welcome_back(&mut self, holder: u64, now: Timestamp) {
        if self.fault == Some(Fault::KeepsPresumed) {
            return;
        }
        let (back, rest) = std::mem::take(&mut self.presumed)
            .into_iter()
            .partition(|presumed| presumed.holder == holder);
        self.presumed = rest;
        let back: Vec<Presumed> = back;
        for Presumed { meter, amount, at, .. } in back {
            self.on_page(meter, holder, |page| {
                page.row.come_back(&mut page.seconds, amount, at, now);
                page.lease.held += amount;
            });
        }
    }

    /// Gives up holders that were not seen for long enough, and returns them.
    pub(crate) fn sweep(&mut self, now: Timestamp) -> Vec<u64> {
        let unseen_since = now.plus_micros(-i64::from(VANISHED_AFTER_SECONDS) * 1_000_000);
        let unseen = |holder: &Holder| !holder.vanished && holder.seen < unseen_since;
        let gone: Vec<u64> =
            self.holders.iter().filter(|(_, row)| unseen(row)).map(|(id, _)| *id).collect();
        for holder in &gone {
            let meters: Vec<u64> = self.meters.keys().copied().collect();
            for meter in meters {
                self.give_up(*holder, meter, now);
            }
            self.holders.get_mut(holder).unwrap().vanished = true;
        }
        gone
    }

    fn give_up(&mut self, holder: u64, meter: u64, now: Timestamp) {
        let fault = self.fault;
        let amount = self.on_page(meter, holder, |page| {
            let held = std::mem::take(&mut page.lease).held;
            if fault == Some(Fault::ForgetsTheVanished) {
                page.row.granted -= held;
                return 0;
            }
            match page.row.vanish(&mut page.seconds, held, now) {
                Fate::Presumed => held,
                Fate::Dropped => 0,
            }
        });
        let amount = amount.unwrap_or(0);
        if amount > 0 {
            self.presumed.push(Presumed { meter, holder, amount, at: now });
        }
    }

    /// Replaces a meter by one of the same kind, which nobody has heard of.
    pub(crate) fn replace(&mut self, meter: u64, id: u64) -> MeterRow {
        let entry = self.meters.remove(&meter).unwrap();
        self.presumed.retain(|presumed| presumed.meter != meter);
        let spec = entry.row.spec;
        let row = MeterRow::new(tollgate_control_plane::domain::Meter { id, spec }, 0);
        self.meters.insert(id, Entry::new(row.clone()));
        row
    }

    /// Checks what the book can know by itself.
    pub(crate) fn judge(&self) -> Result<(), String> {
        for Entry { row, leases, seconds } in self.meters.values() {
            let held: i64 = leases.values().map(|lease| lease.held).sum();
            if held != row.granted {
                return Err(format!("meter {}: {held} held, {} granted", row.id, row.granted));
            }
            if matches!(row.spec.window, Window::Sliding(_)) && seconds.sum() != row.used {
                return Err(format!("meter {}: seconds do not add up", row.id));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn new(row: MeterRow) -> Self {
        Self { row, seconds: Seconds::default(), leases: BTreeMap::new() }
    }
}
