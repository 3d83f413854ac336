//! What LiteLLM shows of users, teams and the like in common.

use serde_json::{Map, Value, json};

use crate::domain::{Entity, Limits, SharedBudget, Stamps, Timestamp};
use crate::http::key_view::{dollars, zulu};
use crate::http::limit_view::{add_model_limits, limits, reset_at};

/// Writes what all of them have in common.
pub(crate) fn shared(entity: &Entity, now: Timestamp) -> Map<String, Value> {
    let mut view = limits(&entity.limits);
    let mut metadata = entity.metadata.clone();
    add_model_limits(&mut metadata, &entity.limits);
    view.extend(fields(json!({
        "budget_id": entity.budget_id,
        "models": entity.models,
        "metadata": metadata,
        "spend": dollars(entity.spent(now)),
        "budget_reset_at": reset_at(&entity.limits, entity.budget, now).map(zulu),
        "model_spend": {},
        "object_permission": null,
        "object_permission_id": null,
    })));
    view.extend(stamps(&entity.stamps));
    view.extend(entity.details.clone());
    view
}

/// Writes a shared budget, or limits as if they were one.
pub(crate) fn budget_table(
    id: Option<&str>,
    of: &Limits,
    made: &Stamps,
    now: Timestamp,
) -> Map<String, Value> {
    let mut view = limits(of);
    view.extend(fields(json!({
        "budget_id": id,
        "budget_reset_at": reset_at(of, None, now).map(zulu),
        "allowed_models": [],
        "temp_budget_increase": null,
        "temp_budget_expiry": null,
        "organization": null,
        "projects": null,
        "keys": null,
        "end_users": null,
        "tags": null,
        "team_membership": null,
        "organization_membership": null,
    })));
    view.extend(stamps(made));
    view
}

/// Writes the budget that something shares, else its own limits in the form of one, as LiteLLM
/// keeps the limits of customers, organisations and tags.
pub(crate) fn linked_budget(
    entity: &Entity,
    budget: Option<&SharedBudget>,
    now: Timestamp,
) -> Value {
    if let Some(budget) = budget {
        let limits = entity.limits.or(&budget.limits);
        return budget_table(Some(&budget.id), &limits, &budget.stamps, now).into();
    }
    if entity.limits == Limits::default() {
        return Value::Null;
    }
    budget_table(None, &entity.limits, &entity.stamps, now).into()
}

/// Takes an object apart.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn stamps(stamps: &Stamps) -> Map<String, Value> {
    fields(json!({
        "created_at": zulu(stamps.created_at),
        "created_by": stamps.created_by,
        "updated_at": zulu(stamps.updated_at),
        "updated_by": stamps.updated_by,
    }))
}
