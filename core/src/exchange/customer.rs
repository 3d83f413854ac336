//! The end user that a request names, who may have limits of their own.

use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1::ResolveCustomerResponse;

use super::{CallFailed, Effect, Exchange, Flow, Phase};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::KeyHash;
use crate::meter::Meter;
use crate::policy::access::{Denied, KeyPolicy};
use crate::policy::key_cache::Known;
use crate::refusal::Refusal;

/// Headers that name the end user; they count before the body's `user`.
const HEADERS: [&str; 2] = ["x-litellm-customer-id", "x-litellm-end-user-id"];

/// What is known about the request's customer.
#[derive(Debug, Default)]
pub(super) enum Customer {
    /// Nobody asked yet, or there is none.
    #[default]
    Unasked,
    /// The question is on its way; this was known before.
    Asked(KeyHash, Option<Rc<KeyPolicy>>),
    /// It is known; `None`: nothing limits this one.
    Known(Option<Rc<KeyPolicy>>),
}

/// Returns the customer that headers name.
pub(super) fn named_in(headers: Headers<'_>) -> Option<String> {
    let named = HEADERS.iter().find_map(|name| headers.first(name))?;
    std::str::from_utf8(named).ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

impl Exchange {
    /// Returns the limits of the request's customer, or `None` when they must be asked for first.
    pub(super) fn customer_meters(
        &mut self,
        named: Option<&str>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Option<Vec<Rc<Meter>>>, Refusal> {
        let some = gateway.snapshot().is_some_and(|snapshot| snapshot.customers);
        let Some(named) = named.filter(|_| some) else { return Ok(Some(Vec::new())) };
        if let Customer::Known(policy) = &self.customer {
            return limits_of(policy.as_deref()).map(Some);
        }
        let hash = KeyHash::of(named.as_bytes());
        match gateway.customers.look_up(&hash, now_us) {
            Known::Policy(policy) => limits_of(Some(&policy)).map(Some),
            Known::NoSuchKey => Ok(Some(Vec::new())),
            Known::Ask(last) => {
                gateway.customers.asking(hash);
                self.customer = Customer::Asked(hash, last);
                self.effects.push_back(Effect::ResolveCustomer(named.to_owned()));
                Ok(None)
            }
        }
    }

    /// Tells whether the answer that is awaited is about a customer.
    pub(super) fn asked_for_customer(&self) -> bool {
        matches!(self.customer, Customer::Asked(..))
    }

    pub(super) fn customer_resolved(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Customer::Asked(hash, last) = std::mem::take(&mut self.customer) else {
            return Flow::Pause;
        };
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let answer = answer.ok().and_then(|bytes| ResolveCustomerResponse::decode(bytes).ok());
        let policy = match answer {
            None => {
                gateway.customers.not_answered(&hash);
                match last {
                    Some(policy) => Some(policy),
                    None => return self.refuse(&Refusal::PolicyUnavailable),
                }
            }
            Some(answer) => {
                let policy = answer.policy.map(|wire| {
                    let meters = Meter::read(wire.meters);
                    Rc::new(KeyPolicy {
                        blocked: wire.blocked,
                        unknown_meters: meters.is_none(),
                        meters: meters.unwrap_or_default(),
                        ..KeyPolicy::default()
                    })
                });
                // An answer that a change has overtaken serves this request: it began before.
                gateway.customers.answered(hash, policy.clone(), answer.revision, now_us);
                policy
            }
        };
        self.customer = Customer::Known(policy);
        let flow = self.decide_when_ready(gateway, now_us);
        self.resume_if(flow)
    }
}

fn limits_of(policy: Option<&KeyPolicy>) -> Result<Vec<Rc<Meter>>, Refusal> {
    let Some(policy) = policy else { return Ok(Vec::new()) };
    if policy.blocked {
        return Err(Denied::Blocked.into());
    }
    if policy.unknown_meters {
        return Err(Refusal::PolicyUnavailable);
    }
    Ok(policy.meters.clone())
}
