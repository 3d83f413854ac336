//! The model that a request names, and who serves it.

use std::rc::Rc;

use crate::gateway::Gateway;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::Model;

/// Returns the name that what a client writes stands for, if its key may use the model.
pub(super) fn allowed<'a>(policy: &'a KeyPolicy, asked: &'a str) -> Result<&'a str, Refusal> {
    let name = policy.resolve_alias(asked);
    if policy.may_use(name) { Ok(name) } else { Err(Refusal::ModelNotAllowed(asked.to_owned())) }
}

/// Returns the model of a name. `asked` is what the client wrote.
pub(super) fn offered(gateway: &Gateway, name: &str, asked: &str) -> Result<Rc<Model>, Refusal> {
    let model = gateway.snapshot().and_then(|snapshot| snapshot.models.get(name));
    model
        .filter(|model| !model.targets.is_empty())
        .map(Rc::clone)
        .ok_or_else(|| Refusal::ModelNotFound(asked.to_owned()))
}
