//! How a limit that is reached is told: in words, in headers and for machines.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::moment::Moment;
use crate::meter::leases::Shortage;
use crate::meter::{Dimension, Scope};
use crate::money::NanoDollars;

impl Shortage {
    /// Whether waiting helps.
    fn refills(&self) -> bool {
        self.meter.dimension == Dimension::Parallel || self.resets_at_us.is_some()
    }

    fn resets_in_us(&self) -> Option<i64> {
        self.resets_at_us.map(|at| at.saturating_sub(self.now_us).max(0))
    }

    /// Whole seconds until it is worth trying again, at least one.
    fn seconds(&self) -> i64 {
        self.resets_in_us().map_or(1, |us| us.div_euclid(1_000_000) + 1)
    }

    fn amount(&self, units: i64) -> Value {
        if self.meter.dimension == Dimension::Money {
            json!(NanoDollars(units).as_usd())
        } else {
            json!(units)
        }
    }

    pub(super) fn message(&self) -> String {
        let whose = match (self.meter.scope, self.meter.name.as_str()) {
            (Scope::Key, _) => "this API key".to_owned(),
            (scope, name) => format!("{} '{name}'", scope.word()),
        };
        let of_model = self
            .meter
            .model
            .as_ref()
            .map(|model| format!(" for model '{model}'"))
            .unwrap_or_default();
        let (what, unit) = match self.meter.dimension {
            Dimension::Money => ("Budget exceeded", "USD"),
            Dimension::Parallel => ("Rate limit exceeded", "requests at a time"),
            Dimension::Requests => ("Rate limit exceeded", "requests"),
            Dimension::Tokens => ("Rate limit exceeded", "tokens"),
            Dimension::InputTokens => ("Rate limit exceeded", "input tokens"),
            Dimension::OutputTokens => ("Rate limit exceeded", "output tokens"),
        };
        let again = if self.refills() {
            format!(" Try again in {} s.", self.seconds())
        } else {
            " Ask an admin to raise it.".to_owned()
        };
        format!(
            "{what} for {whose}{of_model}: {} of {} {unit} used, and this request needs more than \
             is left.{again}",
            self.amount(self.used),
            self.amount(self.limit)
        )
    }

    /// Returns what a program wants to know, under `error.limit`.
    pub(super) fn facts(&self) -> Value {
        json!({
            "scope": self.meter.scope.word(),
            "name": self.meter.name,
            "dimension": self.meter.dimension.word(),
            "model": self.meter.model,
            "limit": self.amount(self.limit),
            "used": self.amount(self.used),
            "resets_at": self.resets_at_us.map(|at| Moment::at(at).rfc3339()),
            "resets_in_seconds": self.resets_in_us().map(|_| self.seconds()),
        })
    }

    pub(super) fn headers(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let dimension = self.meter.dimension;
        let mut headers: Vec<(&'static str, Cow<'static, str>)> = Vec::new();
        if let Some(at) = self.resets_at_us {
            headers.push(("reset_at", Moment::at(at).spoken().into()));
        }
        if dimension == Dimension::Money {
            // Waiting does not refill a budget: official SDKs honour this and do not retry.
            headers.push(("x-should-retry", "false".into()));
            return headers;
        }
        headers.push(("retry-after", self.seconds().to_string().into()));
        let kind = match dimension {
            Dimension::Requests => "requests",
            Dimension::Parallel => "max_parallel_requests",
            Dimension::Tokens
            | Dimension::InputTokens
            | Dimension::OutputTokens
            | Dimension::Money => "tokens",
        };
        headers.push(("rate_limit_type", kind.into()));
        headers
    }
}

/// Returns the same about a key whose budget never begins anew.
pub(super) fn of_a_spent_key(limit: NanoDollars, used: NanoDollars) -> Value {
    json!({
        "scope": Scope::Key.word(),
        "name": null,
        "dimension": Dimension::Money.word(),
        "model": null,
        "limit": limit.as_usd(),
        "used": used.as_usd(),
        "resets_at": null,
        "resets_in_seconds": null,
    })
}
