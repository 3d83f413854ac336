//! The model that a name stands for.
//!
//! What counts first: the key's own aliases; public names; aliases of the configuration, those
//! that are just this name before patterns; `provider/model`. Access is judged by the public name
//! of what is found, so that no other name of a model opens it.

use std::rc::Rc;

use super::access::KeyPolicy;
use crate::snapshot::{Model, Snapshot};

/// Why a name stands for no model that may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// It cannot be a name.
    NotAName,
    /// Nothing is called so.
    Unknown,
    /// The key may not use it.
    NotAllowed,
    /// The path names a provider that is not there.
    UnknownProvider,
    /// The path names one provider, and the model another one.
    OtherProvider,
}

/// Finds the model that a client asks for by `asked`. `at`: the provider that the path names, who
/// alone may serve it. All targets of what is returned may serve it.
///
/// # Errors
/// When there is none, or the key may not use it.
pub fn resolve(
    snapshot: &Snapshot,
    policy: &KeyPolicy,
    asked: &str,
    at: Option<&str>,
) -> Result<Rc<Model>, Unresolved> {
    if !is_name(asked) {
        return Err(Unresolved::NotAName);
    }
    let name = policy.resolve_alias(asked);
    let found = match at {
        None => anywhere(snapshot, name),
        Some(provider) => {
            let provider = snapshot.names.provider(provider).ok_or(Unresolved::UnknownProvider)?;
            served_by(snapshot, provider, name)?
        }
    };
    if let Some(allowed) = found.iter().find(|model| policy.allows(model)) {
        return Ok(Rc::clone(allowed));
    }
    // A key that is kept to a list is not told what else there is.
    let known = !found.is_empty() || !policy.may_use(name);
    Err(if known { Unresolved::NotAllowed } else { Unresolved::Unknown })
}

/// Tells whether a text can be a model's name: what could be mistaken for a path, hide in a log or
/// take long to compare cannot.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && !text.contains(char::is_control)
        && !text.split(['/', '\\']).any(|part| part.ends_with(".."))
}

fn anywhere<'a>(snapshot: &'a Snapshot, name: &str) -> &'a [Rc<Model>] {
    if let Some(model) = snapshot.models.get(name) {
        return std::slice::from_ref(model);
    }
    let name = match snapshot.names.alias(name) {
        None => name,
        Some(target) => match snapshot.models.get(target) {
            Some(model) => return std::slice::from_ref(model),
            None => target,
        },
    };
    snapshot.names.prefixed(name)
}

/// Finds what one provider serves under a name, with the provider's before it or without.
fn served_by<'a>(
    snapshot: &'a Snapshot,
    provider: &str,
    name: &str,
) -> Result<&'a [Rc<Model>], Unresolved> {
    let found = directly_served_by(snapshot, provider, name)?;
    if !found.is_empty() {
        return Ok(found);
    }
    match snapshot.names.alias(name) {
        Some(target) => directly_served_by(snapshot, provider, target),
        None => Ok(&[]),
    }
}

fn directly_served_by<'a>(
    snapshot: &'a Snapshot,
    provider: &str,
    name: &str,
) -> Result<&'a [Rc<Model>], Unresolved> {
    // Providers have slashes in names of their own: `Qwen/Qwen3`, `anthropic/claude`.
    let own = snapshot.names.served(provider, name);
    if !own.is_empty() {
        return Ok(own);
    }
    let Some((prefix, model)) = name.split_once('/') else { return Ok(&[]) };
    match snapshot.names.provider(prefix) {
        Some(named) if named == provider => Ok(snapshot.names.served(provider, model)),
        Some(_) => Err(Unresolved::OtherProvider),
        None => Ok(&[]),
    }
}

/// In bytes. Real ones have at most a third of this.
const LONGEST_NAME: usize = 512;

#[cfg(test)]
mod tests;
