//! Limits: what a request may use is reserved before the provider sees a byte of it.

use std::rc::Rc;

use tollgate_proto::v1::Endpoint;

use super::fallback::Fallback;
use super::{Exchange, Flow, Outgoing, Phase};
use crate::dialect::provider::is_embedding;
use crate::dialect::request::{Cap, Request};
use crate::gateway::Gateway;
use crate::meter::leases::{Admission, Demand, Patience, Reservation};
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::refusal::Refusal;
use crate::snapshot::{LowBudget, Model, Target};
use crate::tokens::{request_tokens, upper_bound};

/// How long a request waits for the control plane's answer about its limits.
const ANSWER_WITHIN_US: i64 = 2_000_000;
/// How long it then waits for others to settle, when all that is left is reserved.
const SETTLED_WITHIN_US: i64 = 1_000_000;
/// Longer prompts are not counted but bounded: counting takes a worker some 0.1 ms a KiB.
const MOST_COUNTED: usize = 256 * 1024;
/// Output that is reserved, and written as the cap, when neither client nor model names one.
pub(super) const UNKNOWN_OUTPUT: u64 = 16_384;

/// A request that may be served if its limits allow.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) request: Request,
    pub(super) outgoing: Outgoing,
    pub(super) target: Rc<Target>,
    pub(super) tags: Vec<String>,
    pub(super) meters: Vec<Rc<Meter>>,
    pub(super) low_budget: LowBudget,
    /// No fewer tokens than the provider will count.
    pub(super) input: u64,
    /// [`Candidate::input`] was counted; else it is a bound that costs nothing.
    pub(super) counted: bool,
    pub(super) waits: Option<Waits>,
    pub(super) model: Rc<Model>,
    /// Who may serve it besides.
    pub(super) fallback: Option<Box<Fallback>>,
}

/// Since when, in a manner of speaking, a request waits for units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    until_us: i64,
    /// How many reports had been answered when it began.
    answers: u64,
    answered: bool,
}

/// What was reserved, and what follows for the request.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    pub(super) reservation: Reservation,
    /// Of limits of the provider that is tried.
    pub(super) of_provider: Reservation,
    /// An earlier attempt has used up what was reserved for all of them.
    pub(super) is_settled: bool,
    /// The cap to write into the body.
    pub(super) cap: Option<Cap>,
    /// Output tokens of all answers together after which a stream is ended. `None`: no limit.
    pub(super) output: Option<u64>,
    /// Input tokens that were reserved.
    pub(super) input: u64,
}

impl Waits {
    /// Begins to wait.
    pub(super) fn begin(gateway: &Gateway, now_us: i64) -> Self {
        let until_us = now_us.saturating_add(ANSWER_WITHIN_US);
        Self { until_us, answers: gateway.leases.answers(), answered: false }
    }

    /// Notes what was heard since. Once the control plane has answered, only others can help.
    pub(super) fn heard(mut self, gateway: &Gateway, now_us: i64) -> Self {
        if !self.answered && self.answers < gateway.leases.answers() {
            self.answered = true;
            self.until_us = self.until_us.min(now_us.saturating_add(SETTLED_WITHIN_US));
        }
        self
    }

    /// Tells how long one may still wait.
    pub(super) fn patience(waits: Option<Self>, now_us: i64) -> Patience {
        match waits {
            None => Patience::Fresh,
            Some(waits) if now_us < waits.until_us => Patience::Waiting,
            Some(Self { answered: true, .. }) => Patience::Over,
            Some(_) => Patience::Unheard,
        }
    }
}

impl Candidate {
    /// Counts the prompt, where that is exact: a tight limit deserves the work.
    fn count(&mut self, own: &[u8]) {
        self.counted = true;
        let body = self.outgoing.body(own);
        if body.len() <= MOST_COUNTED && !self.request.is_media() {
            let counted = request_tokens(self.target.family, body);
            if counted.exact {
                self.input = self.input.min(counted.tokens);
            }
        }
    }

    /// The facts of what the provider gets.
    fn sent(&self) -> &Request {
        self.outgoing.request(&self.request)
    }

    /// Output tokens of all choices at worst.
    fn output(&self) -> u64 {
        if is_embedding(self.outgoing.endpoint) {
            return 0;
        }
        if self.request.is_media() {
            return self.media_output();
        }
        self.one_output().saturating_mul(self.sent().choices)
    }

    /// Output tokens of one choice at worst.
    fn one_output(&self) -> u64 {
        self.sent().max_tokens.or(self.target.max_output_tokens).unwrap_or(UNKNOWN_OUTPUT)
    }

    /// Output below which the request is not worth sending.
    fn floor(&self) -> u64 {
        if self.request.is_media() {
            return self.output();
        }
        let floor = self.low_budget.floor_tokens.saturating_mul(self.sent().choices);
        if self.low_budget.refuse { self.output() } else { floor.min(self.output()) }
    }

    pub(super) fn demands(&self) -> Result<Vec<Demand>, Refusal> {
        self.meters.iter().map(|meter| self.demand(meter)).collect()
    }

    fn demand(&self, meter: &Rc<Meter>) -> Result<Demand, Refusal> {
        let (input, floor, output) = (self.input, self.floor(), self.output());
        let (need, want) = match meter.dimension {
            Dimension::Requests | Dimension::Parallel => (1, 1),
            Dimension::InputTokens => (units(input), units(input)),
            Dimension::OutputTokens => (units(floor), units(output)),
            Dimension::Tokens => {
                (units(input.saturating_add(floor)), units(input.saturating_add(output)))
            }
            Dimension::Money => {
                let bound = |output| self.bound(input, output, meter.observe_only);
                (bound(floor)?, bound(output)?)
            }
        };
        Ok(Demand { meter: Rc::clone(meter), need, want })
    }

    /// Nano-dollars that it costs at most, whoever serves it.
    fn bound(&self, input: u64, output: u64, observe_only: bool) -> Result<i64, Refusal> {
        let mut most = 0;
        for target in self.targets() {
            match &target.price {
                Some(price) => {
                    let bound = match &self.request.media {
                        Some(ask) => price.bound_with(input, output, &ask.units),
                        None => price.bound(input, output),
                    };
                    most = most.max(bound.0);
                }
                None if target.free || observe_only => {}
                None => return Err(Refusal::Unpriced(self.request.model.clone())),
            }
        }
        Ok(most)
    }

    /// Output tokens that so much money pays for, whoever serves it.
    fn affordable(&self, amount: NanoDollars) -> Option<u64> {
        let prices = self.targets().filter_map(|target| target.price.as_ref());
        prices.map(|price| price.affordable_output(amount, self.input)).min()
    }

    /// Who may serve it.
    fn targets(&self) -> impl Iterator<Item = &Rc<Target>> {
        let others = self.fallback.iter().flat_map(|fallback| fallback.chain.targets());
        std::iter::once(&self.target).chain(others)
    }

    /// Nobody knows what an unpriced target would cost: under a money limit only the first of the
    /// targets may be one, and is refused.
    pub(super) fn keep_priced(&mut self) {
        let costs = |meter: &Rc<Meter>| meter.dimension == Dimension::Money && !meter.observe_only;
        let limited = self.meters.iter().any(costs);
        if let Some(fallback) = self.fallback.as_mut().filter(|_| limited) {
            fallback.chain.retain(|target| {
                target.price.is_some() || target.free || Rc::ptr_eq(target, &self.target)
            });
        }
    }

    /// What it needs of its target's own limits.
    pub(super) fn provider_demands(&self) -> Result<Vec<Demand>, Refusal> {
        of_provider(&self.model, &self.target).map(|meter| self.demand(meter)).collect()
    }

    /// Makes it one for another target.
    pub(super) fn turn_to(&mut self, target: Rc<Target>, outgoing: Outgoing, body: &[u8]) {
        self.meters.retain(|meter| meter.scope != Scope::Provider);
        self.meters.extend(of_provider(&self.model, &target).map(Rc::clone));
        self.target = target;
        self.outgoing = outgoing;
        self.counted = false;
        self.waits = None;
        self.bound_input(body);
    }

    /// Takes the most tokens that any of the targets could count.
    pub(super) fn bound_input(&mut self, body: &[u8]) {
        if self.meters.is_empty() {
            return;
        }
        if let Some(ask) = &self.request.media {
            self.input = ask.input_tokens;
            return;
        }
        let sent = self.outgoing.body(body);
        let (mut families, mut most) = (Vec::new(), 0);
        for family in self.targets().map(|target| target.family) {
            if !families.contains(&family) {
                families.push(family);
                most = upper_bound(family, sent).max(most);
            }
        }
        self.input = most;
    }

    /// Draws the consequences of what was granted.
    pub(super) fn reserved(&self, mut reservation: Reservation, demands: &[Demand]) -> Reserved {
        let whole = |meter: &Meter, amount: i64| {
            demands.iter().any(|demand| demand.meter.id == meter.id && demand.want <= amount)
        };
        let limited = reservation.amounts().filter_map(|(meter, amount)| {
            let tokens = u64::try_from(amount).unwrap_or(0);
            match meter.dimension {
                Dimension::Tokens | Dimension::OutputTokens | Dimension::Money
                    if whole(meter, amount) =>
                {
                    Some(self.output())
                }
                Dimension::Tokens => Some(tokens.saturating_sub(self.input)),
                Dimension::OutputTokens => Some(tokens),
                Dimension::Money => self.affordable(NanoDollars(amount)),
                Dimension::Requests | Dimension::Parallel | Dimension::InputTokens => None,
            }
        });
        let limited = limited.min();
        let of_provider = reservation.split_off(Scope::Provider);
        let Some(output) = limited else {
            return Reserved { reservation, of_provider, ..Reserved::default() };
        };
        let one = (output / self.sent().choices.max(1)).max(1);
        // A cap that we only assume has to be said, or nothing keeps the provider to it.
        let assumed = self.sent().max_tokens.is_none() && self.target.max_output_tokens.is_none();
        let lower = one < self.one_output();
        let capped = takes_cap(self.outgoing.endpoint) && !self.request.is_media();
        let cap = (capped && (lower || assumed))
            .then(|| Cap { field: self.cap_field(), tokens: one.min(self.one_output()) });
        let output = Some(output.min(self.output()).max(1));
        let input = self.input;
        Reserved { reservation, of_provider, is_settled: false, cap, output, input }
    }

    /// The field in which this provider takes a cap.
    pub(super) fn cap_field(&self) -> &'static str {
        let new = self.target.provider.completion_tokens_cap;
        if new && self.outgoing.endpoint == Endpoint::ChatCompletions {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }
    }
}

impl Exchange {
    /// Reserves what the candidate needs, and sends it on; or waits; or refuses.
    pub(super) fn reserve(
        &mut self,
        mut candidate: Candidate,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Flow, Refusal> {
        if candidate.meters.is_empty() {
            return Ok(self.send(candidate, Reserved::default(), gateway, now_us));
        }
        let mut demands = candidate.demands()?;
        if !candidate.counted && !gateway.leases.cover(&demands, now_us) {
            let own = self.body.as_deref().unwrap_or_default();
            candidate.count(own);
            demands = candidate.demands()?;
        }
        match gateway.leases.admit(&demands, Waits::patience(candidate.waits, now_us), now_us) {
            Admission::Granted(reservation) => {
                let reserved = candidate.reserved(reservation, &demands);
                Ok(self.send(candidate, reserved, gateway, now_us))
            }
            Admission::Wait => {
                candidate.waits.get_or_insert_with(|| Waits::begin(gateway, now_us));
                self.candidate = Some(candidate);
                self.phase = Phase::AwaitingUnits;
                gateway.awaits_units(self.id);
                Ok(Flow::Pause)
            }
            Admission::Refused(shortage) if shortage.meter.scope == Scope::Provider => {
                let refusal = Refusal::LimitReached(Box::new(shortage));
                let candidate = self.pass_over(candidate, gateway, now_us).ok_or(refusal)?;
                self.reserve(candidate, gateway, now_us)
            }
            Admission::Refused(shortage) => Err(Refusal::LimitReached(Box::new(shortage))),
            Admission::Unavailable => Err(Refusal::PolicyUnavailable),
        }
    }

    /// The account has reached its own limits: turns to the next one.
    fn pass_over(
        &self,
        mut candidate: Candidate,
        gateway: &Gateway,
        now_us: i64,
    ) -> Option<Candidate> {
        let body = self.body.as_deref().unwrap_or_default();
        let fallback = candidate.fallback.as_mut()?;
        fallback.chain.retain(|target| !Rc::ptr_eq(target, &candidate.target));
        let (target, outgoing) = fallback.first(&candidate.request, body, gateway, now_us).ok()?;
        candidate.turn_to(target, outgoing, body);
        Some(candidate)
    }

    /// Leases have moved, or time has passed: tries again.
    pub(super) fn units_moved(&mut self, gateway: &mut Gateway, now_us: i64) -> Flow {
        if self.phase != Phase::AwaitingUnits {
            return Flow::Pause;
        }
        if let Some(flow) = self.retry_kept(gateway, now_us) {
            return self.resume_if(flow);
        }
        let Some(mut candidate) = self.candidate.take() else { return Flow::Pause };
        candidate.waits = candidate.waits.map(|waits| waits.heard(gateway, now_us));
        let tried = self.reserve(candidate, gateway, now_us);
        let flow = tried.unwrap_or_else(|refusal| self.refuse_and_show(&refusal, gateway, now_us));
        self.resume_if(flow)
    }
}

/// The limits that one request meets.
pub(super) fn meters(
    gateway: &Gateway,
    policy: &[Rc<Meter>],
    tags: &[String],
    model: &Model,
    target: Option<&Target>,
) -> Vec<Rc<Meter>> {
    let Some(snapshot) = gateway.snapshot() else { return Vec::new() };
    snapshot.meters(policy, tags, model, target.map(|target| &*target.provider))
}

/// The limits of a provider, and of the account, that a request meets.
fn of_provider<'a>(model: &'a Model, target: &'a Target) -> impl Iterator<Item = &'a Rc<Meter>> {
    target.provider.meters.iter().filter(|meter| meter.counts(&model.name))
}

/// Tells whether a request says how long its answer may be.
fn takes_cap(endpoint: Endpoint) -> bool {
    !is_embedding(endpoint) && endpoint != Endpoint::Realtime
}

fn units(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
