//! Alerts: a soft limit was crossed.

use crate::domain::{Meter, MeterRow, Timestamp};

/// A soft limit that was crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The meter, with its soft amount.
    pub meter: Meter,
    /// What was used of it then.
    pub used: i64,
    /// When.
    pub at: Timestamp,
}

impl Alert {
    /// Raises one when use went from below the soft limit to it, or over it, between two states
    /// of a meter. What was used in a window that is over does not count.
    pub fn between(before: &MeterRow, after: &MeterRow, at: Timestamp) -> Option<Self> {
        let soft = after.spec.soft_amount?;
        let used = if before.began == after.began { before.used } else { 0 };
        if used >= soft || after.used < soft {
            return None;
        }
        let meter = Meter { id: after.id, spec: after.spec.clone() };
        Some(Self { meter, used: after.used, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Dimension, MeterSpec, Scope, Window};

    fn row(used: i64, began: i64) -> MeterRow {
        let spec = MeterSpec {
            scope: Scope::Key,
            name: "k".into(),
            dimension: Dimension::Money,
            model: None,
            window: Window::Never,
            amount: 100,
            soft_amount: Some(10),
            observe_only: false,
        };
        let began = Some(Timestamp::from_micros(began));
        MeterRow { began, ..MeterRow::new(Meter { id: 1, spec }, used) }
    }

    #[test]
    fn an_alert_is_raised_when_the_soft_limit_is_reached() {
        let at = Timestamp::from_micros(7);
        for (before, after, raised) in [
            (row(0, 1), row(9, 1), false),
            (row(9, 1), row(10, 1), true),
            (row(10, 1), row(11, 1), false),
            (row(11, 1), row(9, 1), false),
            // In a new window it is crossed again.
            (row(50, 1), row(10, 2), true),
        ] {
            let alert = Alert::between(&before, &after, at);
            assert_eq!(alert.is_some(), raised, "{before:?} {after:?}");
        }
        let mut silent = row(20, 1);
        silent.spec.soft_amount = None;
        assert_eq!(Alert::between(&row(0, 1), &silent, at), None);
    }
}
