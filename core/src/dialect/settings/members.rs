//! Defaults and overrides: members of a body by their names in the provider's dialect.

use tollgate_proto::v1::Endpoint;

use crate::dialect::gemini::member::camel;
use crate::json::node::Node;
use crate::json::patch::Patch;
use crate::snapshot::settings::{Setting, Value};

/// Adds what a body does not have. `None`: it has everything.
pub(super) fn add(defaults: &[Setting], endpoint: Endpoint, body: &[u8]) -> Option<Vec<u8>> {
    if defaults.is_empty() {
        return None;
    }
    let mut patch = Patch::of(body);
    for setting in defaults {
        add_one(setting, endpoint, &mut patch);
    }
    patch.apply()
}

/// Replaces what a body has, and adds what it has not. `None`: there is nothing to do.
pub(super) fn replace(overrides: &[Setting], endpoint: Endpoint, body: &[u8]) -> Option<Vec<u8>> {
    if overrides.is_empty() {
        return None;
    }
    let mut patch = Patch::of(body);
    for setting in overrides {
        replace_one(setting, endpoint, &mut patch);
    }
    patch.apply()
}

fn add_one(setting: &Setting, endpoint: Endpoint, patch: &mut Patch<'_>) {
    let same = |name: &str| is_same(endpoint, name, &setting.name);
    let Some(existing) = patch.find(same) else {
        if let Some(json) = setting.value.json() {
            patch.remove(same);
            patch.set(&setting.name, &json);
        }
        return;
    };
    if let Value::Members(members) = &setting.value
        && merges(existing)
    {
        patch.within(same, |inner| {
            for member in members {
                add_one(member, endpoint, inner);
            }
        });
    }
}

fn replace_one(setting: &Setting, endpoint: Endpoint, patch: &mut Patch<'_>) {
    let same = |name: &str| is_same(endpoint, name, &setting.name);
    if let Value::Members(members) = &setting.value
        && patch.find(same).is_some_and(merges)
    {
        patch.within(same, |inner| {
            for member in members {
                replace_one(member, endpoint, inner);
            }
        });
        return;
    }
    patch.remove(same);
    if let Some(json) = setting.value.json() {
        patch.set(&setting.name, &json);
    }
}

/// Tells whether a client's value is an object of independent members.
fn merges(node: Node<'_>) -> bool {
    node.is_object() && node.get("type").is_none()
}

/// Tells whether two names mean one thing.
fn is_same(endpoint: Endpoint, one: &str, other: &str) -> bool {
    if endpoint == Endpoint::GenerateContent {
        return camel(one) == camel(other);
    }
    let caps = ["max_tokens", "max_completion_tokens"];
    let both_caps = || caps.contains(&one) && caps.contains(&other);
    one == other || (endpoint == Endpoint::ChatCompletions && both_caps())
}
