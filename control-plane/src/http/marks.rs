//! Accounts that are out of rotation, as OmniRoute's clients see them.

use serde_json::{Value, json};

use crate::domain::{HealthMark, Marked, Timestamp};
use crate::http::key_view::zulu;

/// What stands for all models of an account.
const ALL: &str = "*";

/// Writes one.
pub(crate) fn view(mark: &HealthMark, now: Timestamp) -> Value {
    let Marked { provider, account, model } = &mark.of;
    json!({
        "provider": provider,
        "account": (!account.is_empty()).then_some(account),
        "connectionId": connection(&mark.of),
        "model": if model.is_empty() { ALL } else { model },
        "state": mark.state.name(),
        "reason": mark.reason,
        "level": mark.level,
        "remainingMs": remaining_ms(mark, now),
        "unavailableSince": zulu(mark.since),
        "until": zulu(mark.until),
    })
}

/// Names the account of a mark.
pub(crate) fn connection(of: &Marked) -> String {
    if of.account.is_empty() {
        return of.provider.clone();
    }
    format!("{}/{}", of.provider, of.account)
}

/// Returns how long it is still out.
pub(crate) fn remaining_ms(mark: &HealthMark, now: Timestamp) -> i64 {
    (mark.until.as_micros() - now.as_micros()).max(0) / 1000
}

/// Tells whether a mark is about a provider (and its account, as `provider/account`) and a model
/// of it, or all of them.
pub(crate) fn is_about(of: &Marked, provider: &str, model: Option<&str>) -> bool {
    let account = of.provider == provider || connection(of) == provider;
    let model = model.filter(|model| *model != ALL);
    account && model.is_none_or(|model| of.model == model || of.model.is_empty())
}
