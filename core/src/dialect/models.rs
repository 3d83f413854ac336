//! Listings of models, answered from the snapshot as clients of each API expect them:
//! what the key may use, under each of its names, and nothing else.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{anthropic, gemini, ollama, openai};
use crate::path::Api;
use crate::policy::access::KeyPolicy;
use crate::policy::resolve::resolve;
use crate::refusal::Refusal;
use crate::snapshot::{Model, ModelKind, Snapshot};

/// A model under one of its names.
#[derive(Debug)]
pub struct Entry {
    /// What clients call it.
    pub name: String,
    /// What that stands for.
    pub model: Rc<Model>,
}

impl Entry {
    /// Returns the public name of the model, where the entry's own is another one.
    pub fn root(&self) -> Option<&str> {
        (self.name != self.model.name).then_some(&self.model.name)
    }
}

/// Renders the models that a key may use.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy, api: Api) -> Vec<u8> {
    let entries = entries(snapshot, policy);
    match api {
        Api::Anthropic => anthropic::models::list(&entries),
        Api::Gemini => gemini::models::list(&entries),
        Api::Ollama => ollama::models::tags(&entries),
        Api::OpenAi => openai::models::list(&entries),
    }
}

/// Renders the models that a key may use for one thing.
pub fn list_for(snapshot: &Snapshot, policy: &KeyPolicy, kind: ModelKind) -> Vec<u8> {
    let mut entries = entries(snapshot, policy);
    entries.retain(|entry| entry.model.kind == kind);
    openai::models::list(&entries)
}

/// Renders the models that a key may use as engines.
pub fn engines(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<u8> {
    openai::engines::list(&entries(snapshot, policy))
}

/// Renders one model as an engine.
///
/// # Errors
/// As of [`retrieve`].
pub fn engine(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Vec<u8>, Refusal> {
    Ok(openai::engines::retrieve(&entry(snapshot, policy, asked)?))
}

/// Returns what a key may use, by name. Patterns are no names.
fn entries(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<Entry> {
    let mut by_name: BTreeMap<&str, Rc<Model>> = BTreeMap::new();
    for model in snapshot.models.values().filter(|model| policy.allows(model)) {
        by_name.insert(&model.name, Rc::clone(model));
    }
    let of_all = snapshot.names.aliases().map(|alias| &*alias.pattern);
    let own = policy.aliases.keys().map(String::as_str);
    for name in of_all.chain(own) {
        match resolve(snapshot, policy, name, None) {
            Ok(model) => by_name.insert(name, model),
            // An alias of the key can hide a model.
            Err(_) => by_name.remove(name),
        };
    }
    let entry = |(name, model): (&str, _)| Entry { name: name.to_owned(), model };
    by_name.into_iter().map(entry).collect()
}

/// Renders one model. Gemini's clients may write `models/` before its name.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(
    snapshot: &Snapshot,
    policy: &KeyPolicy,
    asked: &str,
    api: Api,
) -> Result<Vec<u8>, Refusal> {
    let asked = asked.strip_prefix("models/").filter(|_| api == Api::Gemini).unwrap_or(asked);
    let entry = entry(snapshot, policy, asked)?;
    Ok(match api {
        Api::Anthropic => anthropic::models::retrieve(&entry),
        Api::Gemini => gemini::models::retrieve(&entry),
        Api::Ollama => ollama::models::show(&entry),
        Api::OpenAi => openai::models::retrieve(&entry),
    })
}

fn entry(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Entry, Refusal> {
    let model = resolve(snapshot, policy, asked, None)
        .map_err(|_| Refusal::ModelNotFound(asked.to_owned()))?;
    Ok(Entry { name: asked.to_owned(), model })
}

#[cfg(test)]
mod tests;
