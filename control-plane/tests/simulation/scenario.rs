//! The limits of a history: every window and dimension, and keys that several of them limit.

use std::rc::Rc;

use tollgate_control_plane::domain::{Dimension, Meter, MeterRow, MeterSpec, Scope, Window};
use tollgate_core::meter;

use crate::dice::Dice;

/// Window and dimension of each meter, and how high its limit may be.
const METERS: [(&str, Dimension, i64); 10] = [
    ("none", Dimension::Money, 9_000),
    ("fixed:60", Dimension::Tokens, 1_500),
    ("fixed:60", Dimension::Requests, 40),
    ("none", Dimension::Parallel, 12),
    ("sliding:60", Dimension::Tokens, 1_500),
    ("calendar:10m", Dimension::Money, 5_000),
    ("none", Dimension::Requests, 400),
    ("none", Dimension::Money, 1_000),
    ("fixed:3600", Dimension::Tokens, 6_000),
    ("sliding:60", Dimension::Requests, 40),
];

/// The one that only observes.
const OBSERVING: usize = 7;

/// Which meters limit a request of each key, by their place in [`METERS`].
const KEYS: [&[usize]; 4] = [&[0, 1, 2, 3, 7], &[0, 3, 4, 9], &[5, 6, 8], &[0]];

/// Returns the meters a history begins with.
pub(crate) fn meters(dice: &mut Dice) -> Vec<MeterRow> {
    let row = |(at, (window, dimension, highest)): (usize, (&str, Dimension, i64))| {
        let spec = MeterSpec {
            scope: Scope::Key,
            name: at.to_string(),
            dimension,
            model: None,
            window: Window::parse(window).unwrap(),
            amount: dice.between(1, highest),
            soft_amount: None,
            observe_only: at == OBSERVING,
        };
        MeterRow::new(Meter { id: at as u64 + 1, spec }, 0)
    };
    METERS.into_iter().enumerate().map(row).collect()
}

/// Returns the places of the meters that a request of one of the keys meets.
pub(crate) fn of_some_key(dice: &mut Dice) -> &'static [usize] {
    KEYS[dice.pick(KEYS.len())]
}

/// Returns what a filter knows of a meter.
pub(crate) fn policy(row: &MeterRow) -> Rc<meter::Meter> {
    let dimension = match row.spec.dimension {
        Dimension::Requests => meter::Dimension::Requests,
        Dimension::Tokens => meter::Dimension::Tokens,
        Dimension::InputTokens => meter::Dimension::InputTokens,
        Dimension::OutputTokens => meter::Dimension::OutputTokens,
        Dimension::Money => meter::Dimension::Money,
        Dimension::Parallel => meter::Dimension::Parallel,
    };
    Rc::new(meter::Meter {
        id: row.id,
        scope: meter::Scope::Key,
        name: row.spec.name.clone(),
        dimension,
        model: None,
        limit: row.spec.amount,
        observe_only: row.spec.observe_only,
        window_seconds: row.spec.window.seconds(),
    })
}
