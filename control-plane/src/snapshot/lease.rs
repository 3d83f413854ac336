//! Leases on the wire.

use tollgate_proto::v1;

use crate::domain::Timestamp;
use crate::domain::meter::{Answer, Outlook, Statement};

/// Reads what a holder says, at a moment.
pub fn statement(state: &v1::MeterState, now: Timestamp) -> Statement {
    Statement {
        meter: state.meter,
        consumed: state.consumed,
        consumed_at: now.plus_micros(i64::from(state.consumed_ms_ago) * -1_000),
        idle: state.idle,
        reserved: state.reserved,
        need: state.need,
        want: state.want,
    }
}

/// Writes an answer, at a moment. `None`: there is no such meter any more.
pub fn grant(meter: u64, answer: Option<Answer>, now: Timestamp) -> v1::MeterGrant {
    let Some(answer) = answer else {
        let outlook = v1::Outlook::Gone.into();
        return v1::MeterGrant { meter, outlook, ..v1::MeterGrant::default() };
    };
    let outlook = match answer.outlook {
        Outlook::Plenty => v1::Outlook::Unspecified,
        Outlook::Tight => v1::Outlook::Tight,
        Outlook::Wait => v1::Outlook::Wait,
        Outlook::Exhausted => v1::Outlook::Exhausted,
    };
    v1::MeterGrant {
        meter,
        granted: answer.granted,
        left: answer.left,
        limit: answer.limit,
        used: answer.used,
        resets_in_ms: answer.resets_at.map_or(0, |at| milliseconds(now, at)),
        outlook: outlook.into(),
    }
}

/// 0 means that there is no end, so an end is at least a millisecond away.
fn milliseconds(from: Timestamp, until: Timestamp) -> u32 {
    let micros = until.as_micros().saturating_sub(from.as_micros());
    u32::try_from(micros / 1_000).unwrap_or(u32::MAX).max(1)
}
