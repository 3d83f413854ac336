//! What a request says about limits, of whatever it is about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_core::money::NanoDollars;

use crate::domain::{Budget, Edit, LimitsChange, Period};
use crate::http::error::ApiError;
use crate::http::fields::Fields;

/// Limits of single models, where LiteLLM keeps them: in the metadata.
#[derive(Debug, Default)]
pub(crate) struct ModelLimits {
    tpm: BTreeMap<String, i64>,
    rpm: BTreeMap<String, i64>,
}

impl ModelLimits {
    /// Takes them out of metadata.
    pub(crate) fn take(metadata: &mut Map<String, Value>) -> Result<Self, ApiError> {
        let mut take = |name: &str| match metadata.remove(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(value) => serde_json::from_value(value).map_err(|_| {
                let message = format!("metadata.{name} must be an object of whole numbers");
                ApiError::bad_request("metadata", message)
            }),
        };
        Ok(Self { tpm: take("model_tpm_limit")?, rpm: take("model_rpm_limit")? })
    }
}

/// Reads every limit. Those in the metadata hold where the field says nothing.
pub(crate) fn read(
    fields: &mut Fields,
    in_metadata: Option<ModelLimits>,
) -> Result<LimitsChange, ApiError> {
    let (tpm, rpm) = in_metadata.map(|limits| (limits.tpm, limits.rpm)).unzip();
    Ok(LimitsChange {
        max_budget: fields.dollars("max_budget")?,
        soft_budget: fields.dollars("soft_budget")?,
        budget_duration: period(fields.text("budget_duration"), "budget_duration")?,
        budget_windows: budget_limits(fields)?,
        tpm: fields.whole("tpm_limit"),
        rpm: fields.whole("rpm_limit"),
        tpd: fields.whole("tpd_limit"),
        parallel: fields.whole("max_parallel_requests"),
        model_tpm: cleared(fields.whole_map("model_tpm_limit")).or(tpm),
        model_rpm: cleared(fields.whole_map("model_rpm_limit")).or(rpm),
        model_budgets: model_budgets(fields)?,
        observe_only: fields.flag("observe_only").value(),
    })
}

/// `null` takes all of them away.
fn cleared<T: Default>(edit: Edit<T>) -> Option<T> {
    match edit {
        Edit::Keep => None,
        Edit::Clear => Some(T::default()),
        Edit::Set(value) => Some(value),
    }
}

/// Reads how often a budget begins anew.
pub(crate) fn period(text: Edit<String>, field: &str) -> Result<Edit<Period>, ApiError> {
    match text {
        Edit::Keep => Ok(Edit::Keep),
        Edit::Clear => Ok(Edit::Clear),
        Edit::Set(text) => Period::parse(&text).map(Edit::Set).ok_or_else(|| {
            let message =
                format!("Invalid duration format: {text:?}. Write 30s, 15m, 12h, 7d, 2w or 1mo.");
            ApiError::bad_request(field, message)
        }),
    }
}

fn budget_limits(fields: &mut Fields) -> Result<Option<Vec<Budget>>, ApiError> {
    let Some(items) = cleared(fields.list("budget_limits")) else { return Ok(None) };
    let read = |item: &Value| {
        let budget = item.as_object()?;
        budget_of(budget.get("max_budget")?, budget.get("budget_duration"))
    };
    let budgets: Option<Vec<Budget>> = items.iter().map(read).collect();
    let message = "budget_limits must be a list such as \
                   [{\"budget_duration\": \"1d\", \"max_budget\": 10}]";
    budgets.map(Some).ok_or_else(|| ApiError::bad_request("budget_limits", message))
}

/// LiteLLM has had two names for each of the two fields.
fn model_budgets(fields: &mut Fields) -> Result<Option<BTreeMap<String, Budget>>, ApiError> {
    let Some(models) = cleared(fields.object("model_max_budget")) else { return Ok(None) };
    let read = |(model, item): (String, Value)| {
        let budget = item.as_object()?;
        let amount = budget.get("budget_limit").or_else(|| budget.get("max_budget"))?;
        let period = budget.get("time_period").or_else(|| budget.get("budget_duration"));
        Some((model, budget_of(amount, period)?))
    };
    let budgets: Option<BTreeMap<String, Budget>> = models.into_iter().map(read).collect();
    let message = "model_max_budget must be an object such as \
                   {\"gpt-4o\": {\"budget_limit\": 10, \"time_period\": \"1d\"}}";
    budgets.map(Some).ok_or_else(|| ApiError::bad_request("model_max_budget", message))
}

fn budget_of(amount: &Value, period: Option<&Value>) -> Option<Budget> {
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let period = match period {
        None | Some(Value::Null) => None,
        Some(period) => Some(Period::parse(period.as_str()?)?),
    };
    Some(Budget { amount: NanoDollars::from_usd(&text)?, period })
}
