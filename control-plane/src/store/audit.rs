//! What the audit log keeps of a key.

use serde_json::{Map, Value, json};

use crate::domain::{ApiKey, Entity, Item, SharedBudget, Timestamp};
use crate::store::stored_limits;

/// Writes a key as JSON. Whatever looks like a secret in its metadata is masked: people put
/// credentials of their own services there.
pub(super) fn key_state(key: &ApiKey) -> String {
    json!({
        "token": key.hash.to_hex(),
        "key_name": key.name,
        "key_alias": key.alias,
        "user_id": key.user_id,
        "team_id": key.team_id,
        "models": key.models,
        "aliases": key.aliases,
        "metadata": masked(&key.metadata),
        "tags": key.tags,
        "allowed_routes": key.allowed_routes,
        "expires_at_us": key.expires_at.map(Timestamp::as_micros),
        "organization_id": key.organization_id,
        "budget_id": key.budget_id,
        "max_budget_nanos": key.limits.max_budget.map(|amount| amount.0),
        "limits": stored_limits::json(&key.limits),
        "spend_nanos": key.spend.0,
        "blocked": key.blocked,
    })
    .to_string()
}

/// Writes a user, a team and so on as JSON.
pub(super) fn entity_state(entity: &Entity) -> String {
    json!({
        "kind": entity.kind.as_str(),
        "id": entity.id,
        "alias": entity.alias,
        "email": entity.email,
        "organization_id": entity.organization_id,
        "budget_id": entity.budget_id,
        "models": entity.models,
        "metadata": masked(&entity.metadata),
        "details": masked(&entity.details),
        "max_budget_nanos": entity.limits.max_budget.map(|amount| amount.0),
        "limits": stored_limits::json(&entity.limits),
        "spend_nanos": entity.spend.0,
        "blocked": entity.blocked,
    })
    .to_string()
}

/// Writes an item as JSON. Of its credential it says that there is one.
pub(super) fn item_state(item: &Item) -> String {
    let mut state = masked(&item.body);
    state.insert("id".into(), item.id.as_str().into());
    state.insert("credential".into(), item.sealed.as_ref().map(|_| "…").into());
    Value::Object(state).to_string()
}

/// Writes a shared budget as JSON.
pub(super) fn budget_state(budget: &SharedBudget) -> String {
    json!({
        "id": budget.id,
        "max_budget_nanos": budget.limits.max_budget.map(|amount| amount.0),
        "limits": stored_limits::json(&budget.limits),
    })
    .to_string()
}

fn masked(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .map(|(name, value)| {
            let hide = is_secret(name) && !value.is_null();
            (name.clone(), if hide { Value::from("…") } else { masked_item(value) })
        })
        .collect()
}

fn masked_item(item: &Value) -> Value {
    if let Some(map) = item.as_object() {
        return Value::Object(masked(map));
    }
    match item.as_array() {
        Some(items) => items.iter().map(masked_item).collect(),
        None => item.clone(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "secret", "token", "password", "credential"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_what_looks_like_a_secret_at_any_depth() {
        let Value::Object(map) = json!({
            "note": "kept",
            "api_key": "sk-1",
            "logging": [{"vars": {"langfuse_Secret": "s", "host": "h"}}],
        }) else {
            panic!("an object")
        };

        let masked = Value::Object(masked(&map));

        assert_eq!(
            masked,
            json!({
                "note": "kept",
                "api_key": "…",
                "logging": [{"vars": {"langfuse_Secret": "…", "host": "h"}}],
            })
        );
    }
}
