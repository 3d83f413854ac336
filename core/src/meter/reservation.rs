//! What requests need of limits, and what is set aside for them.

use std::rc::Rc;

use super::lease::Lease;
use super::{Dimension, Meter, Scope};

/// What a request needs of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The meter.
    pub meter: Rc<Meter>,
    /// With less it cannot be served.
    pub need: i64,
    /// Its worst case.
    pub want: i64,
}

/// What is reserved for one request. **To be settled exactly once.**
#[must_use]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    pub(super) lines: Vec<Line>,
}

/// Tells whether what goes on for long uses a meter again and again, and not once.
pub(super) fn is_used_by_parts(dimension: Dimension) -> bool {
    match dimension {
        Dimension::Requests | Dimension::Parallel => false,
        Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens | Dimension::Money => {
            true
        }
    }
}

/// What is reserved of one meter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) meter: Rc<Meter>,
    pub(super) amount: i64,
    /// Nothing is reserved: use is counted when it is known.
    pub(super) observed: bool,
}

/// Why a request is refused: the limit that has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Which.
    pub meter: Rc<Meter>,
    /// The limit as it is now.
    pub limit: i64,
    /// Used in this window, by everybody.
    pub used: i64,
    /// When the window ends; `None` when there is none.
    pub resets_at_us: Option<i64>,
    /// When this was found.
    pub now_us: i64,
}

impl Reservation {
    /// Returns what is reserved of each meter that can refuse.
    pub fn amounts(&self) -> impl Iterator<Item = (&Meter, i64)> {
        self.lines
            .iter()
            .filter(|line| !line.meter.observe_only)
            .map(|line| (&*line.meter, line.amount))
    }

    /// Takes out what one part of a session may use.
    pub(super) fn split_parts(&mut self) -> Self {
        let by_parts = |line: &mut Line| is_used_by_parts(line.meter.dimension);
        Self { lines: self.lines.extract_if(.., by_parts).collect() }
    }

    /// Returns what would reserve the same again.
    pub(super) fn demands(&self) -> impl Iterator<Item = Demand> {
        self.lines.iter().map(|line| Demand {
            meter: Rc::clone(&line.meter),
            need: line.amount,
            want: line.amount,
        })
    }

    /// Takes out what is reserved of limits of one scope.
    pub fn split_off(&mut self, scope: Scope) -> Self {
        Self { lines: self.lines.extract_if(.., |line| line.meter.scope == scope).collect() }
    }
}

impl Shortage {
    pub(super) fn of(lease: &Lease, meter: &Rc<Meter>, now_us: i64) -> Self {
        let standing = lease.standing();
        Self {
            meter: Rc::clone(meter),
            limit: if standing.at_us > 0 { standing.limit } else { meter.limit },
            used: standing.used,
            resets_at_us: standing.resets_at_us,
            now_us,
        }
    }
}
