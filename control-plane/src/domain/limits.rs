//! What may be used: the limits of a key, a user, a team and so on, and the meters they make.

use std::collections::BTreeMap;

use tollgate_core::money::NanoDollars;

use crate::domain::{Dimension, Edit, MeterSpec, Period, Scope, Window};

/// Limits of one thing. What is unset is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Most that may be spent, since ever or in each `budget_duration`.
    pub max_budget: Option<NanoDollars>,
    /// Spending more is told to the operator and refuses nothing.
    pub soft_budget: Option<NanoDollars>,
    /// How often the budget begins anew.
    pub budget_duration: Option<Period>,
    /// Further budgets, each over its own time.
    pub budget_windows: Vec<Budget>,
    /// Tokens a minute.
    pub tpm: Option<i64>,
    /// Requests a minute.
    pub rpm: Option<i64>,
    /// Tokens a day.
    pub tpd: Option<i64>,
    /// Requests at the same time.
    pub parallel: Option<i64>,
    /// Tokens a minute for single models.
    pub model_tpm: BTreeMap<String, i64>,
    /// Requests a minute for single models.
    pub model_rpm: BTreeMap<String, i64>,
    /// Budgets for single models.
    pub model_budgets: BTreeMap<String, Budget>,
    /// All of this counts and shows, and refuses nothing.
    pub observe_only: bool,
}

/// Money over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Most that may be spent.
    pub amount: NanoDollars,
    /// How often it begins anew. `None`: never.
    pub period: Option<Period>,
}

/// What to change about limits. `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// Most that may be spent.
    pub max_budget: Edit<NanoDollars>,
    /// Most that may be spent silently.
    pub soft_budget: Edit<NanoDollars>,
    /// How often the budget begins anew.
    pub budget_duration: Edit<Period>,
    /// Further budgets.
    pub budget_windows: Option<Vec<Budget>>,
    /// Tokens a minute.
    pub tpm: Edit<i64>,
    /// Requests a minute.
    pub rpm: Edit<i64>,
    /// Tokens a day.
    pub tpd: Edit<i64>,
    /// Requests at the same time.
    pub parallel: Edit<i64>,
    /// Tokens a minute for single models.
    pub model_tpm: Option<BTreeMap<String, i64>>,
    /// Requests a minute for single models.
    pub model_rpm: Option<BTreeMap<String, i64>>,
    /// Budgets for single models.
    pub model_budgets: Option<BTreeMap<String, Budget>>,
    /// Refuses nothing.
    pub observe_only: Option<bool>,
}

/// How rates (so much a minute) are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateWindow {
    /// From the first request on.
    #[default]
    Fixed,
    /// Over the last minute, at any moment.
    Sliding,
}

impl RateWindow {
    fn of(self, seconds: u32) -> Window {
        match self {
            Self::Fixed => Window::Fixed(seconds),
            Self::Sliding => Window::Sliding(seconds),
        }
    }
}

impl Limits {
    /// Fills what is unset from `other`: a budget that several things share gives what they do
    /// not say themselves.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let map = |own: &BTreeMap<String, i64>, other: &BTreeMap<String, i64>| {
            if own.is_empty() { other.clone() } else { own.clone() }
        };
        Self {
            max_budget: self.max_budget.or(other.max_budget),
            budget_duration: self.budget_duration.or(other.budget_duration),
            soft_budget: self.soft_budget.or(other.soft_budget),
            budget_windows: if self.budget_windows.is_empty() {
                other.budget_windows.clone()
            } else {
                self.budget_windows.clone()
            },
            tpm: self.tpm.or(other.tpm),
            rpm: self.rpm.or(other.rpm),
            tpd: self.tpd.or(other.tpd),
            parallel: self.parallel.or(other.parallel),
            model_tpm: map(&self.model_tpm, &other.model_tpm),
            model_rpm: map(&self.model_rpm, &other.model_rpm),
            model_budgets: if self.model_budgets.is_empty() {
                other.model_budgets.clone()
            } else {
                self.model_budgets.clone()
            },
            observe_only: self.observe_only || other.observe_only,
        }
    }

    /// Returns the window of the main budget. `None`: there is no such budget.
    pub fn budget_window(&self) -> Option<Window> {
        self.max_budget.or(self.soft_budget)?;
        Some(self.budget_duration.map_or(Window::Never, Window::Calendar))
    }
}

/// A limit that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLimit {
    /// The field, as callers name it.
    pub field: &'static str,
    /// What is wrong.
    pub why: String,
}

impl LimitsChange {
    /// Checks every amount.
    ///
    /// # Errors
    /// Names the first that is negative or absurdly large.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        amount("max_budget", self.max_budget.value())?;
        amount("soft_budget", self.soft_budget.value())?;
        for budget in self.budget_windows.iter().flatten() {
            amount("budget_limits", Some(budget.amount))?;
        }
        for budget in self.model_budgets.iter().flat_map(BTreeMap::values) {
            amount("model_max_budget", Some(budget.amount))?;
        }
        for (field, number) in [
            ("tpm_limit", self.tpm),
            ("rpm_limit", self.rpm),
            ("tpd_limit", self.tpd),
            ("max_parallel_requests", self.parallel),
        ] {
            count(field, number.value())?;
        }
        for (field, models) in
            [("model_tpm_limit", &self.model_tpm), ("model_rpm_limit", &self.model_rpm)]
        {
            for number in models.iter().flat_map(BTreeMap::values) {
                count(field, Some(*number))?;
            }
        }
        Ok(())
    }

    /// Changes `limits`.
    pub fn apply(&self, limits: &mut Limits) {
        self.max_budget.apply(&mut limits.max_budget);
        self.soft_budget.apply(&mut limits.soft_budget);
        self.budget_duration.apply(&mut limits.budget_duration);
        self.tpm.apply(&mut limits.tpm);
        self.rpm.apply(&mut limits.rpm);
        self.tpd.apply(&mut limits.tpd);
        self.parallel.apply(&mut limits.parallel);
        set(&mut limits.budget_windows, self.budget_windows.as_ref());
        set(&mut limits.model_tpm, self.model_tpm.as_ref());
        set(&mut limits.model_rpm, self.model_rpm.as_ref());
        set(&mut limits.model_budgets, self.model_budgets.as_ref());
        set(&mut limits.observe_only, self.observe_only.as_ref());
    }
}

/// Returns the meters that enforce `limits`, each identity once.
pub fn meters_of(scope: Scope, name: &str, limits: &Limits, rates: RateWindow) -> Vec<MeterSpec> {
    let mut meters = Vec::new();
    let mut add = |dimension, model: Option<&String>, window, amount: i64| {
        meters.push(MeterSpec {
            scope,
            name: name.to_owned(),
            dimension,
            model: model.cloned(),
            window,
            amount,
            soft_amount: None,
            observe_only: limits.observe_only,
        });
    };
    for (dimension, amount, seconds) in [
        (Dimension::Requests, limits.rpm, MINUTE),
        (Dimension::Tokens, limits.tpm, MINUTE),
        (Dimension::Tokens, limits.tpd, DAY),
    ] {
        if let Some(amount) = amount {
            add(dimension, None, rates.of(seconds), amount);
        }
    }
    if let Some(amount) = limits.parallel {
        add(Dimension::Parallel, None, Window::Never, amount);
    }
    for (dimension, models) in
        [(Dimension::Requests, &limits.model_rpm), (Dimension::Tokens, &limits.model_tpm)]
    {
        for (model, amount) in models {
            add(dimension, Some(model), rates.of(MINUTE), *amount);
        }
    }
    for (model, budget) in &limits.model_budgets {
        add(Dimension::Money, Some(model), window(budget.period), budget.amount.0);
    }
    for budget in &limits.budget_windows {
        add(Dimension::Money, None, window(budget.period), budget.amount.0);
    }
    meters.extend(main_budget(scope, name, limits));
    each_once(meters)
}

/// The meter of `max_budget` and `soft_budget`. A soft budget alone refuses nothing.
fn main_budget(scope: Scope, name: &str, limits: &Limits) -> Option<MeterSpec> {
    let soft = limits.soft_budget.map(|amount| amount.0);
    Some(MeterSpec {
        scope,
        name: name.to_owned(),
        dimension: Dimension::Money,
        model: None,
        window: limits.budget_window()?,
        amount: limits.max_budget.map(|amount| amount.0).or(soft)?,
        soft_amount: soft,
        observe_only: limits.observe_only || limits.max_budget.is_none(),
    })
}

/// Of several limits over the same time the lowest one that refuses holds.
fn each_once(meters: Vec<MeterSpec>) -> Vec<MeterSpec> {
    let mut once: Vec<MeterSpec> = Vec::with_capacity(meters.len());
    for meter in meters {
        let same = once.iter_mut().find(|other| {
            (other.dimension, &other.model, other.window)
                == (meter.dimension, &meter.model, meter.window)
        });
        let Some(same) = same else {
            once.push(meter);
            continue;
        };
        let soft_amount = same.soft_amount.or(meter.soft_amount);
        if (meter.observe_only, meter.amount) < (same.observe_only, same.amount) {
            *same = meter;
        }
        same.soft_amount = soft_amount;
    }
    once
}

fn window(period: Option<Period>) -> Window {
    period.map_or(Window::Never, Window::Calendar)
}

/// Checks an amount of money.
///
/// # Errors
/// When it is negative, or more than sums could hold.
pub fn amount(field: &'static str, amount: Option<NanoDollars>) -> Result<(), InvalidLimit> {
    if amount.is_none_or(|amount| (0..=MAX_AMOUNT.0).contains(&amount.0)) {
        return Ok(());
    }
    Err(InvalidLimit { field, why: format!("must be between 0 and {MAX_AMOUNT} dollars") })
}

fn count(field: &'static str, number: Option<i64>) -> Result<(), InvalidLimit> {
    if number.is_none_or(|number| (0..=MAX_COUNT).contains(&number)) {
        return Ok(());
    }
    Err(InvalidLimit { field, why: format!("must be between 0 and {MAX_COUNT}") })
}

fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

/// A billion dollars: sums of such amounts still fit.
const MAX_AMOUNT: NanoDollars = NanoDollars(1_000_000_000 * 1_000_000_000);
const MAX_COUNT: i64 = 1_000_000_000_000;
/// The window of rates a minute, in seconds.
pub const MINUTE: u32 = 60;
/// The window of rates a day, in seconds.
pub const DAY: u32 = 86_400;

#[cfg(test)]
mod tests;
