//! Limits as JSON in a column. `max_budget` is not among them: it has a column of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_core::money::NanoDollars;

use crate::domain::{Budget, Limits, Period};

/// Writes all but the main budget.
pub(super) fn write(limits: &Limits) -> String {
    json(limits).to_string()
}

/// Makes JSON of all but the main budget.
pub(super) fn json(limits: &Limits) -> serde_json::Value {
    serde_json::json!(Stored::from(limits))
}

/// Reads what [`write()`] wrote. `None`: it did not.
pub(super) fn read(json: &str, max_budget: Option<i64>) -> Option<Limits> {
    let stored: Stored = serde_json::from_str(json).ok()?;
    stored.limits(max_budget)
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    soft_budget_nanos: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_duration: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<StoredBudget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpm: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpm: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpd: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel: Option<i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    model_tpm: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    model_rpm: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    model_budgets: BTreeMap<String, StoredBudget>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    observe_only: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredBudget {
    nanos: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
}

impl From<&Limits> for Stored {
    fn from(limits: &Limits) -> Self {
        let written = |period: &Period| period.to_string();
        let budget = |budget: &Budget| StoredBudget {
            nanos: budget.amount.0,
            duration: budget.period.as_ref().map(written),
        };
        let model_budgets = limits.model_budgets.iter();
        Self {
            soft_budget_nanos: limits.soft_budget.map(|amount| amount.0),
            budget_duration: limits.budget_duration.as_ref().map(written),
            budgets: limits.budget_windows.iter().map(budget).collect(),
            tpm: limits.tpm,
            rpm: limits.rpm,
            tpd: limits.tpd,
            parallel: limits.parallel,
            model_tpm: limits.model_tpm.clone(),
            model_rpm: limits.model_rpm.clone(),
            model_budgets: model_budgets.map(|(name, it)| (name.clone(), budget(it))).collect(),
            observe_only: limits.observe_only,
        }
    }
}

impl Stored {
    fn limits(self, max_budget: Option<i64>) -> Option<Limits> {
        let model_budgets = self.model_budgets.into_iter();
        Some(Limits {
            max_budget: max_budget.map(NanoDollars),
            soft_budget: self.soft_budget_nanos.map(NanoDollars),
            budget_duration: period(self.budget_duration)?,
            budget_windows: self.budgets.into_iter().map(budget).collect::<Option<_>>()?,
            tpm: self.tpm,
            rpm: self.rpm,
            tpd: self.tpd,
            parallel: self.parallel,
            model_tpm: self.model_tpm,
            model_rpm: self.model_rpm,
            model_budgets: model_budgets
                .map(|(name, stored)| Some((name, budget(stored)?)))
                .collect::<Option<_>>()?,
            observe_only: self.observe_only,
        })
    }
}

fn budget(stored: StoredBudget) -> Option<Budget> {
    Some(Budget { amount: NanoDollars(stored.nanos), period: period(stored.duration)? })
}

/// The outer `None` says that it is no period.
#[expect(clippy::option_option, reason = "absent and broken are different")]
fn period(text: Option<String>) -> Option<Option<Period>> {
    match text {
        None => Some(None),
        Some(text) => Period::parse(&text).map(Some),
    }
}
