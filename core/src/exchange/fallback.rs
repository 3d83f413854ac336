//! Who is left to serve a request when an attempt fails, and who was tried.

use std::fmt::Write as _;
use std::rc::Rc;

use super::{Forwarded, Outgoing};
use crate::dialect::provider;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::meter::Meter;
use crate::refusal::Refusal;
use crate::routing;
use crate::routing::chain::Chain;
use crate::routing::failure::Failure;
use crate::snapshot::{LowBudget, Model, ProviderDialect, Target};

/// What is left to try, and what was tried.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) model: Rc<Model>,
    pub(super) chain: Chain,
    /// What the client's limits are debited with, whoever serves it.
    pub(super) common: Vec<Rc<Meter>>,
    pub(super) low_budget: LowBudget,
    /// Where Envoy goes if nothing more is heard of this attempt.
    pub(super) armed: Option<Rc<Target>>,
    pub(super) current: Option<routing::Attempt>,
    pub(super) tried: Vec<Tried>,
    pub(super) first_record: Vec<u8>,
    began_us: i64,
    /// Envoy has begun the first attempt.
    pub(super) is_under_way: bool,
    /// The present target was chosen when the answer of the last one was dropped.
    pub(super) moved: bool,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) status: Option<u16>,
    pub(super) why: &'static str,
}

impl Fallback {
    pub(super) fn new(model: Rc<Model>, chain: Chain, began_us: i64) -> Self {
        Self {
            model,
            chain,
            common: Vec::new(),
            low_budget: LowBudget::default(),
            armed: None,
            current: None,
            tried: Vec::new(),
            first_record: Vec::new(),
            began_us,
            is_under_way: false,
            moved: false,
        }
    }

    /// Returns the first target that can be given the request, and the request as it gets it; keeps,
    /// of those that may follow, the ones that can be given it too, as far as that costs little to
    /// know.
    ///
    /// # Errors
    /// When there is none: what the first of them says.
    pub(super) fn first(
        &mut self,
        request: &Request,
        body: &[u8],
        gateway: &Gateway,
        now_us: i64,
    ) -> Result<(Rc<Target>, Outgoing), Refusal> {
        let (first, outgoing) = self.find(request, body, gateway, now_us)?;
        let model = &self.model;
        self.chain.retain(|target| {
            if Rc::ptr_eq(target, &first) {
                return true;
            }
            // Whoever is asked several things is asked first or not at all.
            if outgoing.has_steps() || target.provider.dialect == ProviderDialect::Assemblyai {
                return false;
            }
            if model.strict {
                prepare(request, body, model, target).is_ok()
            } else {
                provider::endpoint(&target.provider, request.endpoint).is_some()
            }
        });
        Ok((first, outgoing))
    }

    fn find(
        &self,
        request: &Request,
        body: &[u8],
        gateway: &Gateway,
        now_us: i64,
    ) -> Result<(Rc<Target>, Outgoing), Refusal> {
        let (mut refusal, mut full) = (None, None);
        for target in self.chain.targets() {
            if !has_room(gateway, target, now_us) {
                full.get_or_insert(target);
                continue;
            }
            match prepare(request, body, &self.model, target) {
                Ok(outgoing) => return Ok((Rc::clone(target), outgoing)),
                Err(why) => _ = refusal.get_or_insert(why),
            }
        }
        // All have reached their limits: the refusal says of the first when it may go on.
        if let Some(target) = full {
            return Ok((Rc::clone(target), prepare(request, body, &self.model, target)?));
        }
        Err(refusal.unwrap_or_else(|| Refusal::ModelNotFound(request.model.clone())))
    }

    /// Begins an attempt as far as health is concerned.
    pub(super) fn begin(&mut self, target: &Rc<Target>, gateway: &mut Gateway, now_us: i64) {
        self.current = self.chain.begin(target, &mut gateway.routing.health, now_us);
    }

    /// Ends the attempt under way without a word about the target.
    pub(super) fn end(&mut self, gateway: &mut Gateway) {
        if let Some(attempt) = self.current.take() {
            gateway.routing.health.end(attempt);
        }
    }

    /// Notes that content came.
    pub(super) fn succeeded(&mut self, gateway: &mut Gateway, now_us: i64) {
        if let Some(attempt) = &mut self.current {
            let news = gateway.routing.health.succeeded(attempt, now_us);
            gateway.tell_health(news);
        }
    }

    pub(super) fn failed(&mut self, failure: Failure, gateway: &mut Gateway, now_us: i64) {
        let random = gateway.random();
        let resilience = gateway.snapshot().map(|it| it.resilience).unwrap_or_default();
        if let Some(mut attempt) = self.current.take() {
            let health = &mut gateway.routing.health;
            let news = health.failed(&mut attempt, failure, &resilience, random, now_us);
            health.end(attempt);
            gateway.tell_health(news);
        }
    }

    /// Returns who would be next, if another attempt may begin now.
    pub(super) fn next(&self, gateway: &Gateway, now_us: i64) -> Option<Rc<Target>> {
        let late = now_us.saturating_sub(self.began_us) >= self.model.routing.attempts_within_us;
        let room = |target: &Target| has_room(gateway, target, now_us);
        let next = (!late).then(|| self.chain.first_free(&gateway.routing.health, now_us, room));
        next.flatten().map(Rc::clone)
    }

    /// Tells whether there was an attempt before this one.
    pub(super) fn is_retried(&self) -> bool {
        !self.tried.is_empty()
    }

    /// Returns which attempt this is, and the record of the first.
    pub(super) fn place(&self) -> (u32, Vec<u8>) {
        let attempt = u32::try_from(self.tried.len()).unwrap_or(u32::MAX).saturating_add(1);
        // A request that was answered at the first try is like any other.
        if attempt == 1 { (0, Vec::new()) } else { (attempt, self.first_record.clone()) }
    }

    /// Says who was tried and what came of it, with the answer that the client gets.
    pub(super) fn told(&self, forwarded: &Forwarded, status: u16) -> Option<String> {
        if self.tried.is_empty() {
            return None;
        }
        let mut text = String::new();
        for tried in &self.tried {
            let _ = write!(text, "{}/{}=", tried.provider, tried.model);
            let _ = match tried.status {
                Some(status) => write!(text, "{status} {}, ", tried.why),
                None => write!(text, "{}, ", tried.why),
            };
        }
        let target = &forwarded.target;
        let _ = write!(text, "{}/{}={status}", target.provider.id, target.model);
        Some(text)
    }
}

/// Returns the only target of a model, and the request as it gets it.
pub(super) fn only(
    request: &Request,
    body: &[u8],
    model: &Model,
) -> Result<(Rc<Target>, Outgoing), Refusal> {
    let target = model.targets.first();
    let target = target.ok_or_else(|| Refusal::ModelNotFound(request.model.clone()))?;
    Ok((Rc::clone(target), prepare(request, body, model, target)?))
}

/// Tells whether a target's own limits would let a request pass, as far as they are known.
fn has_room(gateway: &Gateway, target: &Target, now_us: i64) -> bool {
    gateway.leases.may_have_room(&target.provider.meters, now_us)
}

/// Makes the request one for a target, if the target can be given it.
pub(super) fn prepare(
    request: &Request,
    body: &[u8],
    model: &Model,
    target: &Target,
) -> Result<Outgoing, Refusal> {
    let outgoing = Outgoing::new(request, body, target, model.settings.as_ref())?;
    match outgoing.dropped().first().filter(|_| model.strict) {
        Some(field) => Err(Refusal::CannotCarry(field.clone().into_owned())),
        None => Ok(outgoing),
    }
}
