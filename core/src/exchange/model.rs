//! The model that a request names, and who serves it.

use std::borrow::Cow;
use std::rc::Rc;

use crate::dialect::request::{self, Request};
use crate::gateway::Gateway;
use crate::path::{Call, Route};
use crate::policy::access::KeyPolicy;
use crate::policy::resolve::{Unresolved, resolve};
use crate::refusal::Refusal;
use crate::snapshot::Model;

/// Reads a request. One that names no model gets the default, of its path or of all, also in its
/// body.
pub(super) fn read<'a>(
    gateway: &Gateway,
    call: &Call,
    body: Cow<'a, [u8]>,
) -> Result<(Request, Cow<'a, [u8]>), Refusal> {
    let of_all = gateway.snapshot().map(|snapshot| &*snapshot.default_model);
    let of_route = Some(&*call.route.default_model).filter(|model| !model.is_empty());
    request::read_or_supply(call, body, of_route.or(of_all).unwrap_or_default())
}

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

fn refusal(why: Unresolved, asked: &str) -> Refusal {
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
