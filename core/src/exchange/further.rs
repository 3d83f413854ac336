//! From an attempt that failed to the next one.
//!
//! Envoy makes the attempts and asks for a cluster before each. It is told the next one when an
//! attempt begins, since nothing is heard of a connection that fails, and again when an answer
//! turns out to be of no use, which is then marked for Envoy to drop. An answer can be of no use
//! only until the first of its content goes out to the client.

use std::rc::Rc;

use super::attempt::Attempt;
use super::fallback::{Fallback, Tried, prepare};
use super::limits::Candidate;
use super::record::{self, Outcome};
use super::{AGAIN_HEADER, Effect, Exchange, Forwarded, Outgoing, RETRY_ON_HEADER};
use crate::gateway::Gateway;
use crate::meter::leases::{Admission, Patience};
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::refusal::Refusal;
use crate::routing;
use crate::routing::failure::Failure;
use crate::snapshot::Target;

/// What Envoy is to try again after, besides answers that are marked.
const RETRY_ON: &str = "connect-failure,reset,retriable-headers";

impl Exchange {
    /// Tells Envoy that other targets may take over.
    pub(super) fn announce_fallback(&mut self) {
        let Some(forwarded) = &self.forwarded else { return };
        let Some(fallback) = &forwarded.fallback else { return };
        let left = fallback.chain.attempts_left();
        let cluster = forwarded.cluster().to_owned();
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetRequestHeader(name, value.into_bytes()));
        };
        if left > 0 {
            set(RETRY_ON_HEADER, RETRY_ON.to_owned());
            set("x-envoy-max-retries", left.to_string());
            self.effects.push_back(Effect::RouteTo(cluster));
        }
    }

    /// An attempt of a request begins at a cluster. The first time it is the one that was decided
    /// on; later the attempt before it failed.
    pub(super) fn begin_attempt(
        &mut self,
        cluster: Option<&[u8]>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<(), Refusal> {
        let under_way = self
            .forwarded
            .as_mut()
            .and_then(|forwarded| forwarded.fallback.as_mut())
            .is_some_and(|fallback| std::mem::replace(&mut fallback.is_under_way, true));
        if under_way {
            let (moved, armed) = self
                .fallback()
                .map(|fallback| (std::mem::take(&mut fallback.moved), fallback.armed.take()))
                .unwrap_or_default();
            let Some(target) = armed else {
                // Envoy tries more often than there are targets left.
                self.lost_attempt(502, gateway, now_us);
                return Err(self.all_failed(502).unwrap_or(Refusal::ProviderFailed));
            };
            if !moved {
                self.give_up_attempt(gateway, now_us);
            }
            self.advance(&target, gateway, now_us)?;
        }
        let expected = self.forwarded.as_ref().map(Forwarded::cluster);
        if cluster != expected.map(str::as_bytes) {
            // An Envoy that cannot change clusters would hand one provider's credential to another.
            return Err(Refusal::Internal);
        }
        self.arm(gateway, now_us);
        Ok(())
    }

    /// Returns what the client is told when the last of several attempts failed with a status.
    /// `None`: there was only one.
    pub(super) fn all_failed(&self, status: u16) -> Option<Refusal> {
        let forwarded = self.forwarded.as_ref()?;
        let model = || forwarded.request.model.clone();
        let retried = forwarded.fallback.as_deref()?.is_retried();
        retried.then(|| Refusal::AllFailed { model: model(), status })
    }

    fn fallback(&mut self) -> Option<&mut Fallback> {
        self.forwarded.as_mut()?.fallback.as_deref_mut()
    }

    /// Nothing more was heard of the attempt: no connection, a broken one, or no answer in time.
    fn give_up_attempt(&mut self, gateway: &mut Gateway, now_us: i64) {
        let Some(fallback) = self.fallback() else { return };
        let within = i64::from(fallback.model.routing.first_byte_timeout_ms) * 1000;
        let begun = fallback.current.as_ref().map_or(now_us, routing::Attempt::begun_us);
        // Envoy's timers may be a little early by our clock.
        let late = now_us.saturating_sub(begun) >= within.saturating_sub(within / 50);
        let failure = if late { Failure::Timeout } else { Failure::ServerError };
        self.close_attempt(failure, gateway, now_us);
    }

    /// Tells Envoy where to go if this attempt fails without a word.
    fn arm(&mut self, gateway: &Gateway, now_us: i64) {
        let Some(fallback) = self.fallback() else { return };
        fallback.armed = fallback.next(gateway, now_us);
        if let Some(target) = &fallback.armed {
            let cluster = target.provider.cluster.clone();
            self.effects.push_back(Effect::RouteTo(cluster));
        }
    }

    /// An answer is of no use: drops it and goes on to the next target, if there is one.
    pub(super) fn fall_back(&mut self, failure: Failure, gateway: &mut Gateway, now: i64) -> bool {
        let Some(forwarded) = &mut self.forwarded else { return false };
        let Some(fallback) = forwarded.fallback.as_deref_mut() else { return false };
        let tried = &forwarded.target;
        fallback.chain.retain(|other| failure.leaves(other, tried));
        let next = fallback.next(gateway, now);
        let Some(next) = next else {
            fallback.failed(failure, gateway, now);
            return false;
        };
        let cluster = next.provider.cluster.clone();
        fallback.armed = Some(next);
        fallback.moved = true;
        self.close_attempt(failure, gateway, now);
        self.effects.push_back(Effect::RouteTo(cluster));
        self.effects.push_back(Effect::SetResponseHeader(AGAIN_HEADER, b"1".to_vec()));
        true
    }

    /// The last attempt failed without an answer of the provider's.
    pub(super) fn lost_attempt(&mut self, status: u16, gateway: &mut Gateway, now_us: i64) {
        let failure = if status == 504 { Failure::Timeout } else { Failure::ServerError };
        if let Some(fallback) = self.fallback() {
            fallback.failed(failure, gateway, now_us);
        }
    }

    /// Writes the record of a failed attempt, and remembers it.
    fn close_attempt(&mut self, failure: Failure, gateway: &mut Gateway, now_us: i64) {
        let Some(mut forwarded) = self.forwarded.take() else { return };
        let status = forwarded.attempt.status();
        let outcome = Outcome::of_attempt(status, failure);
        let mut record = self.record(&mut forwarded, &outcome, now_us);
        let of_provider = std::mem::take(&mut forwarded.reserved.of_provider);
        record.debits = gateway.leases.settle(of_provider, |it| record::used(&record, it));
        if record.tokens.is_some_and(|tokens| tokens.total > 0) || record.cost_nanos > 0 {
            // It cost something: what was reserved for one attempt is not enough for two.
            let all = std::mem::take(&mut forwarded.reserved.reservation);
            record.debits.extend(gateway.leases.settle(all, |it| record::used(&record, it)));
            forwarded.reserved.is_settled = true;
        }
        if let Some(fallback) = forwarded.fallback.as_deref_mut() {
            fallback.failed(failure, gateway, now_us);
            if fallback.tried.is_empty() {
                fallback.first_record.clone_from(&record.id);
            }
            fallback.tried.push(Tried {
                provider: forwarded.target.provider.id.clone(),
                model: forwarded.target.model.clone(),
                status,
                why: failure.name(),
            });
        }
        if let Some(key) = &self.key {
            gateway.keys.spent(key, NanoDollars(record.cost_nanos));
        }
        gateway.close_record(&record);
        // What it said is billed; the next attempt begins with nothing.
        forwarded.attempt.forget_answer();
        self.forwarded = Some(forwarded);
    }

    /// Makes the request one for another target.
    fn advance(
        &mut self,
        target: &Rc<Target>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<(), Refusal> {
        let record_id = gateway.open_record();
        let Some(forwarded) = &mut self.forwarded else { return Err(Refusal::Internal) };
        forwarded.record_id = record_id;
        forwarded.target = Rc::clone(target);
        let Some(fallback) = forwarded.fallback.as_deref_mut() else {
            return Err(Refusal::Internal);
        };
        fallback.begin(target, gateway, now_us);
        let body = self.body.as_deref().ok_or(Refusal::Internal)?;
        let outgoing = prepare(&forwarded.request, body, &fallback.model, target)?;
        let candidate = forwarded.again(outgoing, body).ok_or(Refusal::Internal)?;
        let of_all = candidate.demands()?;
        let anew = if of_all.is_empty() {
            None
        } else {
            match gateway.leases.admit(&of_all, Patience::Over, now_us) {
                Admission::Granted(reservation) => Some(candidate.reserved(reservation, &of_all)),
                Admission::Refused(short) => return Err(Refusal::LimitReached(Box::new(short))),
                Admission::Wait | Admission::Unavailable => return Err(Refusal::PolicyUnavailable),
            }
        };
        let of_provider = candidate.provider_demands()?;
        let of_provider = gateway.leases.admit_anyway(&of_provider, now_us);
        let cap_field = candidate.cap_field();
        let outgoing = candidate.outgoing;
        let forwarded = self.forwarded.as_mut().ok_or(Refusal::Internal)?;
        forwarded.reserved = anew.unwrap_or_else(|| std::mem::take(&mut forwarded.reserved));
        forwarded.reserved.of_provider = of_provider;
        if let Some(cap) = &mut forwarded.reserved.cap {
            cap.field = cap_field;
        }
        let sent = outgoing.body(body);
        forwarded.prompt_bytes = sent.len() as u64;
        let request = &forwarded.request;
        forwarded.attempt =
            Attempt::new(request, &outgoing, target, sent, forwarded.reserved.cap).following();
        forwarded.outgoing = outgoing;
        Ok(())
    }
}

impl Forwarded {
    /// Tells whether an attempt is over and the next has not begun.
    pub(super) fn is_between_attempts(&self) -> bool {
        self.fallback.as_deref().is_some_and(|fallback| fallback.moved)
    }

    /// Returns the request as one that is yet to be served, by another target.
    fn again(&self, outgoing: Outgoing, body: &[u8]) -> Option<Candidate> {
        let fallback = self.fallback.as_deref()?;
        // What was reserved for the first attempt is there yet, unless that one cost something.
        let again = |meter: &&Rc<Meter>| {
            self.reserved.is_settled
                && meter.scope != Scope::Provider
                && meter.dimension != Dimension::Requests
        };
        let mut candidate = Candidate {
            request: self.request.clone(),
            outgoing,
            target: Rc::clone(&self.target),
            tags: Vec::new(),
            meters: fallback.common.iter().filter(again).map(Rc::clone).collect(),
            low_budget: fallback.low_budget,
            input: 0,
            counted: false,
            waits: None,
            model: Rc::clone(&fallback.model),
            fallback: None,
        };
        candidate.bound_input(body);
        Some(candidate)
    }
}
