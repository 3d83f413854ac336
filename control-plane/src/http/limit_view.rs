//! Limits as LiteLLM shows them.

use serde_json::{Map, Value, json};

use crate::domain::{Budget, BudgetState, Limits, Timestamp};
use crate::http::key_view::dollars;

/// Writes the limits that every answer about something limited has.
pub(crate) fn limits(limits: &Limits) -> Map<String, Value> {
    let model_budgets: Map<String, Value> = limits
        .model_budgets
        .iter()
        .map(|(model, budget)| (model.clone(), model_budget(budget)))
        .collect();
    let windows: Vec<Value> = limits.budget_windows.iter().map(budget_window).collect();
    let view = json!({
        "max_budget": limits.max_budget.map(dollars),
        "soft_budget": limits.soft_budget.map(dollars),
        "budget_duration": limits.budget_duration.map(|period| period.to_string()),
        "budget_limits": (!windows.is_empty()).then_some(windows),
        "tpm_limit": limits.tpm,
        "rpm_limit": limits.rpm,
        "tpd_limit": limits.tpd,
        "max_parallel_requests": limits.parallel,
        "model_max_budget": model_budgets,
    });
    let mut view = if let Value::Object(map) = view { map } else { Map::new() };
    if limits.observe_only {
        view.insert("observe_only".into(), true.into());
    }
    view
}

/// Adds the limits of single models to metadata, where LiteLLM shows them.
pub(crate) fn add_model_limits(metadata: &mut Map<String, Value>, limits: &Limits) {
    for (name, models) in
        [("model_tpm_limit", &limits.model_tpm), ("model_rpm_limit", &limits.model_rpm)]
    {
        if !models.is_empty() {
            metadata.insert(name.into(), json!(models));
        }
    }
}

/// Returns when the budget begins anew next. `None`: never.
pub(crate) fn reset_at(
    limits: &Limits,
    state: Option<BudgetState>,
    now: Timestamp,
) -> Option<Timestamp> {
    let period = limits.budget_duration?;
    let running = state.map(|state| state.ends_at).filter(|end| *end > now);
    Some(running.unwrap_or_else(|| period.ends_after(now)))
}

fn model_budget(budget: &Budget) -> Value {
    let period = budget.period.map(|period| period.to_string());
    json!({"budget_limit": dollars(budget.amount), "time_period": period})
}

fn budget_window(budget: &Budget) -> Value {
    let period = budget.period.map(|period| period.to_string());
    json!({"budget_duration": period, "max_budget": dollars(budget.amount)})
}
