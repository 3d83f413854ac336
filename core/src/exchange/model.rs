//! The model that a request names, and who serves it.

use std::borrow::Cow;
use std::rc::Rc;

use tollgate_proto::v1::Endpoint;

use super::Exchange;
use crate::dialect::request::{self, Request};
use crate::gateway::Gateway;
use crate::path::{Call, Route};
use crate::policy::access::KeyPolicy;
use crate::policy::resolve::{Unresolved, resolve};
use crate::refusal::Refusal;
use crate::snapshot::Model;

impl Exchange {
    /// Reads a request, which may be a form.
    pub(super) fn read_request(
        &mut self,
        call: &Call,
        body: Vec<u8>,
        gateway: &Gateway,
    ) -> Result<(Request, Vec<u8>), Refusal> {
        let default = default_of(gateway, call);
        if let Some(form) = self.read_form(call, &body, default) {
            return Ok((form?, body));
        }
        let (request, body) = read(gateway, call, body.into())?;
        Ok((request, body.into_owned()))
    }
}

/// Reads a request. One that names no model gets the default, of its path or of all, also in its
/// body.
pub(super) fn read<'a>(
    gateway: &Gateway,
    call: &Call,
    body: Cow<'a, [u8]>,
) -> Result<(Request, Cow<'a, [u8]>), Refusal> {
    let default = default_of(gateway, call);
    request::read_or_supply(call, body, default)
}

/// Returns the model of requests that name none. Empty: there is none.
pub(super) fn default_of<'a>(gateway: &'a Gateway, call: &'a Call) -> &'a str {
    if !call.route.default_model.is_empty() {
        return &call.route.default_model;
    }
    let Some(snapshot) = gateway.snapshot() else { return "" };
    // The default of conversations judges nothing.
    let judge = call.endpoint == Endpoint::Moderations && snapshot.models.contains_key(MODERATOR);
    if judge { MODERATOR } else { &snapshot.default_model }
}

/// What OpenAI takes for moderations that name no model.
const MODERATOR: &str = "omni-moderation-latest";

/// Returns the model that what a client writes stands for, if its key may use it. It has the
/// targets that may serve this request, and at least one.
pub(super) fn offered(
    gateway: &Gateway,
    policy: &KeyPolicy,
    asked: &str,
    route: &Route,
) -> Result<Rc<Model>, Refusal> {
    let snapshot = gateway.snapshot().ok_or(Refusal::PolicyUnavailable)?;
    match resolve(snapshot, policy, asked, route.provider.as_deref()) {
        Ok(model) if model.targets.is_empty() => Err(Refusal::ModelNotFound(asked.to_owned())),
        Ok(model) => Ok(model),
        Err(why) => Err(refusal(why, asked)),
    }
}

/// Says why a name stands for no model that may be used.
pub(super) fn refusal(why: Unresolved, asked: &str) -> Refusal {
    let invalid = |field, expected| Refusal::InvalidField { field, expected };
    match why {
        Unresolved::NotAName => invalid("model", "a model's name"),
        Unresolved::Unknown => Refusal::ModelNotFound(asked.to_owned()),
        Unresolved::NotAllowed => Refusal::ModelNotAllowed(asked.to_owned()),
        Unresolved::UnknownProvider => invalid("provider", "a provider's name in the path"),
        Unresolved::OtherProvider => {
            invalid("model", "a model of the provider that the path names")
        }
    }
}
