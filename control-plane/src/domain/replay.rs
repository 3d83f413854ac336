//! What a changed policy would have made of requests that were served: the rules of limits, played
//! again over records of the ledger.
//!
//! A record tells what was used, not what was reserved for it, so a request is refused here when
//! what it really used would not have fitted. A gateway, which reserves the worst case first, may
//! have capped or refused a little more.

use std::collections::{BTreeMap, HashSet};

use tollgate_core::money::NanoDollars;
use tollgate_core::policy::access::KeyPolicy as Access;

use crate::domain::meter::Seconds;
use crate::domain::{
    Dimension, LedgerRecord, Limits, Meter, MeterRow, MeterSpec, RateWindow, RecordId, Scope,
    Timestamp, meters_of,
};

/// Why a request would have been refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Everything would have been.
    Blocked,
    /// It came after the end.
    Expired,
    /// The model is not on the list.
    ModelNotAllowed,
    /// So much was not left of the limit with this place in [`Replay::limits`].
    Limit(usize),
}

/// What requests used together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Requests.
    pub requests: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Their cost.
    pub cost: NanoDollars,
}

/// What one rule would have refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How much.
    pub sum: Sum,
    /// When the first request began that it refuses.
    pub first: Timestamp,
    /// The first few.
    pub examples: Vec<RecordId>,
}

/// What is played.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Models and groups of models that may be called; empty: all.
    pub models: Vec<String>,
    /// Groups that models belong to.
    pub groups: BTreeMap<String, Vec<String>>,
    /// What may be used.
    pub limits: Limits,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Refuses everything.
    pub blocked: bool,
}

/// A policy, while records pass.
pub struct Replay {
    policy: Policy,
    /// Whether models may be called, as far as was asked.
    usable: BTreeMap<String, bool>,
    meters: Vec<(MeterRow, Seconds)>,
    /// First attempts that were refused: the further ones would not have been made.
    refused: HashSet<RecordId>,
    passed: Sum,
    rules: BTreeMap<Rule, Refused>,
}

impl Replay {
    /// Begins with nothing used.
    pub fn new(scope: Scope, policy: Policy, rates: RateWindow) -> Self {
        let specs = meters_of(scope, "", &policy.limits, rates);
        // Who is under way at the same time, records do not tell.
        let counted = specs.into_iter().filter(|spec| spec.dimension != Dimension::Parallel);
        let row = |spec| (MeterRow::new(Meter { id: 0, spec }, 0), Seconds::default());
        Self {
            usable: BTreeMap::new(),
            meters: counted.map(row).collect(),
            policy,
            refused: HashSet::new(),
            passed: Sum::default(),
            rules: BTreeMap::new(),
        }
    }

    /// Takes the next record; they come in the order in which their requests began.
    pub fn take(&mut self, record: &LedgerRecord) {
        if record.first_attempt.is_some_and(|first| self.refused.contains(&first)) {
            return;
        }
        if let Some(rule) = self.judge(record) {
            self.refused.insert(record.id);
            let refused = self.rules.entry(rule).or_insert_with(|| Refused {
                sum: Sum::default(),
                first: record.started_at,
                examples: Vec::new(),
            });
            refused.sum.add(record);
            if refused.examples.len() < EXAMPLES {
                refused.examples.push(record.id);
            }
            return;
        }
        self.passed.add(record);
        let at = record.started_at;
        for (row, seconds) in &mut self.meters {
            if counts(&row.spec, record) {
                row.charge(seconds, amount(row.spec.dimension, record), at, at);
            }
        }
    }

    fn judge(&mut self, record: &LedgerRecord) -> Option<Rule> {
        let at = record.started_at;
        if self.policy.blocked {
            return Some(Rule::Blocked);
        }
        if self.policy.expires_at.is_some_and(|end| end <= at) {
            return Some(Rule::Expired);
        }
        if !self.may_use(&record.model) {
            return Some(Rule::ModelNotAllowed);
        }
        let short = self.meters.iter_mut().position(|(row, seconds)| {
            row.roll(seconds, at);
            let hard = !row.spec.observe_only && counts(&row.spec, record);
            hard && row.available() < amount(row.spec.dimension, record)
        });
        short.map(Rule::Limit)
    }

    fn may_use(&mut self, model: &str) -> bool {
        if let Some(usable) = self.usable.get(model) {
            return *usable;
        }
        let groups = self.policy.groups.get(model).map(Vec::as_slice).unwrap_or_default();
        let of_group = groups.iter().any(|group| self.policy.models.contains(group));
        let list = Access { models: self.policy.models.clone(), ..Access::default() };
        let usable = of_group || list.may_use(model);
        self.usable.insert(model.to_owned(), usable);
        usable
    }

    /// Returns the limits that are played.
    pub fn limits(&self) -> impl Iterator<Item = &MeterSpec> {
        self.meters.iter().map(|(row, _)| &row.spec)
    }

    /// Returns what would have passed.
    pub fn passed(&self) -> Sum {
        self.passed
    }

    /// Returns what each rule would have refused.
    pub fn refused(&self) -> &BTreeMap<Rule, Refused> {
        &self.rules
    }
}

impl Sum {
    fn add(&mut self, record: &LedgerRecord) {
        self.requests += u64::from(record.first_attempt.is_none());
        self.tokens = self.tokens.saturating_add(record.tokens.total);
        self.cost = self.cost.saturating_add(record.cost);
    }
}

fn counts(spec: &MeterSpec, record: &LedgerRecord) -> bool {
    spec.model.as_ref().is_none_or(|model| *model == record.model)
}

fn amount(dimension: Dimension, record: &LedgerRecord) -> i64 {
    let units = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    match dimension {
        Dimension::Requests => i64::from(record.first_attempt.is_none()),
        Dimension::Tokens => units(record.tokens.total),
        Dimension::InputTokens => units(record.tokens.input),
        Dimension::OutputTokens => units(record.tokens.output),
        Dimension::Money => record.cost.0,
        Dimension::Parallel => 0,
    }
}

/// So many requests of each rule are named.
const EXAMPLES: usize = 5;

#[cfg(test)]
mod tests;
