//! Marks of health in a note.

use serde::{Deserialize, Serialize};

use crate::domain::{HealthMark, HealthState, Marked, Timestamp};

/// [`HealthMark`] in a note.
#[derive(Serialize, Deserialize)]
pub(super) struct Mark {
    provider: String,
    account: String,
    model: String,
    state: String,
    until_us: i64,
    level: u32,
    reason: String,
    since_us: i64,
}

impl From<&HealthMark> for Mark {
    fn from(mark: &HealthMark) -> Self {
        let Marked { provider, account, model } = mark.of.clone();
        Self {
            provider,
            account,
            model,
            state: mark.state.name().to_owned(),
            until_us: mark.until.as_micros(),
            level: mark.level,
            reason: mark.reason.clone(),
            since_us: mark.since.as_micros(),
        }
    }
}

impl Mark {
    /// A state of a newer version takes nothing out of rotation.
    pub(super) fn parse(self) -> HealthMark {
        let Self { provider, account, model, .. } = self;
        HealthMark {
            of: Marked { provider, account, model },
            state: HealthState::named(&self.state).unwrap_or(HealthState::Fit),
            until: Timestamp::from_micros(self.until_us),
            level: self.level,
            reason: self.reason,
            since: Timestamp::from_micros(self.since_us),
        }
    }
}
