//! Limits in the configuration: of providers, models and tags, and how all are enforced.

use std::collections::BTreeSet;

use tollgate_core::money::NanoDollars;

use crate::config::parse::Reader;
use crate::config::raw::{RawAmount, RawEnforcement, RawLimits, RawTag};
use crate::config::{LimitsConfig, TagConfig};
use crate::domain::{Edit, Limits, LimitsChange, Period, RateWindow};

impl Reader<'_> {
    /// Reads the limits of one thing.
    pub(super) fn limits(&mut self, place: &str, raw: RawLimits) -> Limits {
        let change = LimitsChange {
            max_budget: self.dollars(&format!("{place}.max_budget"), raw.max_budget),
            soft_budget: self.dollars(&format!("{place}.soft_budget"), raw.soft_budget),
            budget_duration: self.period(&format!("{place}.budget_duration"), raw.budget_duration),
            tpm: given(raw.tpm),
            rpm: given(raw.rpm),
            tpd: given(raw.tpd),
            parallel: given(raw.max_parallel_requests),
            observe_only: Some(raw.observe_only),
            ..LimitsChange::default()
        };
        if let Err(invalid) = change.check() {
            let field = invalid.field.trim_end_matches("_limit");
            self.problem(format!("{place}.{field}"), invalid.why);
        }
        let mut limits = Limits::default();
        change.apply(&mut limits);
        limits
    }

    /// Reads tags with limits.
    pub(super) fn tags(&mut self, raw: Vec<RawTag>) -> Vec<TagConfig> {
        let mut seen = BTreeSet::new();
        let mut tags = Vec::new();
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("tags[{at}].name");
            let name = self.required(&place, raw.name, "the tag");
            if let Some(name) = &name
                && !seen.insert(name.clone())
            {
                self.problem(place, format!("{name:?} is given twice"));
            }
            let limits = self.limits(&format!("tags[{at}].limits"), raw.limits);
            tags.extend(name.map(|name| TagConfig { name, limits }));
        }
        tags
    }

    /// Reads how limits are enforced.
    pub(super) fn enforcement(&mut self, raw: &RawEnforcement) -> Option<LimitsConfig> {
        let default = LimitsConfig::default();
        let refuse = match raw.on_low_budget.as_deref() {
            None | Some("clamp") => Some(false),
            Some("refuse") => Some(true),
            Some(other) => {
                let message = format!("{other:?} is neither clamp nor refuse");
                self.problem("limits.on_low_budget", message);
                None
            }
        };
        let window = match raw.window.as_deref() {
            None | Some("fixed") => Some(RateWindow::Fixed),
            Some("sliding") => Some(RateWindow::Sliding),
            Some(other) => {
                self.problem("limits.window", format!("{other:?} is neither fixed nor sliding"));
                None
            }
        };
        let floor = raw.output_floor_tokens.unwrap_or(default.output_floor_tokens.into());
        let floor = self.within("limits.output_floor_tokens", floor, 1..=1_000_000)?;
        Some(LimitsConfig {
            refuse_on_low_budget: refuse?,
            output_floor_tokens: u32::try_from(floor).ok()?,
            window: window?,
        })
    }

    fn dollars(&mut self, place: &str, raw: Option<RawAmount>) -> Edit<NanoDollars> {
        let text = match raw {
            None => return Edit::Keep,
            Some(RawAmount::Number(number)) => number.to_string(),
            Some(RawAmount::Text(text)) => text,
        };
        let amount = NanoDollars::from_usd(&text);
        if amount.is_none() {
            self.problem(place, format!("{text:?} is not an amount of dollars, such as 2.5"));
        }
        amount.map_or(Edit::Keep, Edit::Set)
    }

    fn period(&mut self, place: &str, raw: Option<String>) -> Edit<Period> {
        let Some(text) = raw else { return Edit::Keep };
        let period = Period::parse(&text);
        if period.is_none() {
            let message = format!("{text:?} is no duration; write 30s, 15m, 12h, 7d, 2w or 1mo");
            self.problem(place, message);
        }
        period.map_or(Edit::Keep, Edit::Set)
    }
}

fn given(number: Option<i64>) -> Edit<i64> {
    number.map_or(Edit::Keep, Edit::Set)
}
