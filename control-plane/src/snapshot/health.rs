//! Marks of health, in the words of the contract.

use tollgate_proto::v1;

use crate::domain::{HealthMark, HealthState, Marked, Timestamp};

/// Takes a mark from the wire.
pub fn read(mark: v1::HealthMark) -> HealthMark {
    let state = match mark.state() {
        v1::HealthState::Unspecified => HealthState::Fit,
        v1::HealthState::Cooling => HealthState::Cooling,
        v1::HealthState::Open => HealthState::Open,
        v1::HealthState::Refused => HealthState::Refused,
    };
    let until = Timestamp::from_micros(mark.until_us);
    let v1::HealthMark { provider, account, model, level, reason, .. } = mark;
    let of = Marked { provider, account, model };
    HealthMark { of, state, until, level, reason, since: until }
}

/// Writes a mark for filters.
pub fn render(mark: &HealthMark) -> v1::HealthMark {
    let state = match mark.state {
        HealthState::Fit => v1::HealthState::Unspecified,
        HealthState::Cooling => v1::HealthState::Cooling,
        HealthState::Open => v1::HealthState::Open,
        HealthState::Refused => v1::HealthState::Refused,
    };
    v1::HealthMark {
        provider: mark.of.provider.clone(),
        account: mark.of.account.clone(),
        model: mark.of.model.clone(),
        state: state.into(),
        until_us: mark.until.as_micros(),
        level: mark.level,
        reason: mark.reason.clone(),
    }
}
