//! The rows of the result, as a table and as JSON.

use serde_json::{Value, json};

use super::numbers::median;

/// One line: what was measured with Tollgate, and with the same Envoy without it.
pub(super) struct Row {
    name: &'static str,
    unit: &'static str,
    value: f64,
    bare: Option<f64>,
    ratio: Option<f64>,
    added: Option<f64>,
    target: Option<Target>,
}

/// What a row promises.
#[derive(Clone, Copy)]
pub(super) enum Target {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AddedAtMost(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    /// Sums up interleaved pairs of (bare, Tollgate): medians of values, ratios and differences.
    pub(super) fn of_pairs(
        name: &'static str,
        unit: &'static str,
        pairs: &[(f64, f64)],
        target: Option<Target>,
    ) -> Self {
        let middle = |pick: fn(&(f64, f64)) -> f64| median(pairs.iter().map(pick).collect());
        Self {
            name,
            unit,
            value: middle(|pair| pair.1),
            bare: Some(middle(|pair| pair.0)),
            ratio: Some(middle(|pair| pair.1 / pair.0)),
            added: Some(middle(|pair| pair.1 - pair.0)),
            target,
        }
    }

    /// Holds a figure that has nothing to be compared with.
    pub(super) fn alone(
        name: &'static str,
        unit: &'static str,
        value: f64,
        target: Option<Target>,
    ) -> Self {
        Self { name, unit, value, bare: None, ratio: None, added: None, target }
    }

    /// Says whether the promise is kept, where there is one.
    pub(super) fn met(&self) -> Option<bool> {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let added = self.added.unwrap_or(f64::NAN);
        Some(match self.target? {
            Target::RatioAtMost(limit) => ratio <= limit,
            Target::RatioAtLeast(limit) => ratio >= limit,
            Target::AddedAtMost(limit) => added <= limit,
            Target::AtMost(limit) => self.value <= limit,
            Target::AtLeast(limit) => self.value >= limit,
        })
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "bare": self.bare,
            "ratio": self.ratio,
            "added": self.added,
            "target": self.target.map(|target| target.to_string()),
            "met": self.met(),
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RatioAtMost(limit) => write!(formatter, "ratio <= {limit}"),
            Self::RatioAtLeast(limit) => write!(formatter, "ratio >= {limit}"),
            Self::AddedAtMost(limit) => write!(formatter, "added <= {limit}"),
            Self::AtMost(limit) => write!(formatter, "<= {limit}"),
            Self::AtLeast(limit) => write!(formatter, ">= {limit}"),
        }
    }
}

/// Renders the rows for people.
pub(super) fn table(rows: &[Row]) -> String {
    let mut lines = vec![format!(
        "{:<44} {:>10} {:>10} {:>7} {:>9}  {}",
        "", "tollgate", "bare", "ratio", "added", "target"
    )];
    for row in rows {
        let optional = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let verdict = match (row.target, row.met()) {
            (Some(target), Some(true)) => format!("{target}  ok"),
            (Some(target), _) => format!("{target}  MISSED"),
            (None, _) => String::new(),
        };
        lines.push(format!(
            "{:<44} {:>10.1} {:>10} {:>7} {:>9}  {verdict}",
            format!("{}, {}", row.name, row.unit),
            row.value,
            optional(row.bare, 1),
            optional(row.ratio, 2),
            optional(row.added, 1),
        ));
    }
    lines.join("\n")
}

/// Renders the rows for programs.
pub(super) fn document(about: &Value, rows: &[Row]) -> Value {
    json!({ "about": about, "rows": rows.iter().map(Row::json).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle_of_the_pairs_and_judges_it() {
        let pairs = [(10.0, 12.0), (10.0, 30.0), (10.0, 11.0)];

        let row = Row::of_pairs("cpu", "µs", &pairs, Some(Target::RatioAtMost(1.25)));

        assert_eq!(row.met(), Some(true));
        let document = document(&json!({}), &[row]);
        assert_eq!(document["rows"][0]["ratio"], 1.2);
        assert_eq!(document["rows"][0]["added"], 2.0);
    }

    #[test]
    fn a_missing_figure_keeps_no_promise() {
        let row = Row::alone("memory", "MB", f64::NAN, Some(Target::AtMost(12.0)));

        assert_eq!(row.met(), Some(false));
        assert!(table(&[row]).contains("MISSED"));
    }
}
