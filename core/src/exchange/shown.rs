//! What clients are told about their limits: the headers that OpenAI's and LiteLLM's clients read.

use std::rc::Rc;

use super::{Effect, Exchange, Flow, Forwarded, Reply};
use crate::gateway::Gateway;
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::refusal::Refusal;

/// A header with its value.
pub(super) type Shown = (&'static str, String);

/// The headers of one dimension: of the tightest limit, and of the key's own.
struct Names {
    dimension: Dimension,
    tightest: Option<[&'static str; 3]>,
    own: [&'static str; 2],
}

const NAMES: [Names; 3] = [
    Names {
        dimension: Dimension::Requests,
        tightest: Some([
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ]),
        own: ["x-ratelimit-api_key-limit-requests", "x-ratelimit-api_key-remaining-requests"],
    },
    Names {
        dimension: Dimension::Tokens,
        tightest: Some([
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ]),
        own: ["x-ratelimit-api_key-limit-tokens", "x-ratelimit-api_key-remaining-tokens"],
    },
    Names {
        dimension: Dimension::Parallel,
        tightest: None,
        own: [
            "x-ratelimit-api_key-limit-max_parallel_requests",
            "x-ratelimit-api_key-remaining-max_parallel_requests",
        ],
    },
];

/// Where one meter stands.
struct Position {
    limit: i64,
    remaining: i64,
    resets_at_us: Option<i64>,
}

impl Exchange {
    /// Returns where the request's key stands. Nothing when it is not known, or has no limits.
    pub(super) fn standing(&self, gateway: &Gateway, now_us: i64) -> Vec<Shown> {
        let Some(policy) = &self.policy else { return Vec::new() };
        let mut shown = Vec::new();
        if !policy.meters.is_empty() {
            for names in &NAMES {
                shown.extend(names.of(&policy.meters, gateway, now_us));
            }
        }
        if let Some(budget) = policy.max_budget {
            shown.push(("x-litellm-key-max-budget", usd(budget)));
            shown.push(("x-litellm-key-spend", usd(policy.spend.get())));
        }
        shown
    }

    /// Tells the client where its key stands, on the answer that is at hand.
    pub(super) fn show_standing(&mut self, gateway: &Gateway, now_us: i64) {
        let Some(forwarded) = &self.forwarded else { return };
        let id = forwarded.target.id.clone();
        let debug = gateway.snapshot().is_some_and(|snapshot| snapshot.debug_headers);
        let dropped = forwarded.outgoing.dropped();
        if debug && !dropped.is_empty() {
            let value = dropped.join(", ").into_bytes();
            self.effects.push_back(Effect::SetResponseHeader("x-tollgate-dropped", value));
        }
        let headers = self.standing(gateway, now_us);
        let headers = headers.into_iter().chain([("x-litellm-model-id", id)]);
        self.show_cost();
        self.effects.extend(
            headers.map(|(name, value)| Effect::SetResponseHeader(name, value.into_bytes())),
        );
    }

    /// Tells the client what its answer cost, when that is known before its headers leave.
    pub(super) fn show_cost(&mut self) {
        let cost = self.forwarded.as_mut().and_then(Forwarded::known_cost);
        if let Some(cost) = cost {
            let value = usd(cost).into_bytes();
            self.effects.push_back(Effect::SetResponseHeader("x-litellm-response-cost", value));
        }
    }

    /// Refuses, and says where the key stands.
    pub(super) fn refuse_and_show(
        &mut self,
        refusal: &Refusal,
        gateway: &Gateway,
        now_us: i64,
    ) -> Flow {
        let mut reply = Reply::refusing(refusal, self.api, self.settings.error_profile);
        reply.headers.extend(self.standing(gateway, now_us));
        reply.headers.push(("x-litellm-response-cost", "0".to_owned()));
        self.reply(reply)
    }
}

impl Names {
    fn of(&self, meters: &[Rc<Meter>], gateway: &Gateway, now_us: i64) -> Vec<Shown> {
        let of_key = |meter: &&Rc<Meter>| {
            meter.scope == Scope::Key && meter.dimension == self.dimension && !meter.observe_only
        };
        let positions = meters.iter().filter(of_key).map(|meter| {
            let whole = meter.model.is_none();
            (whole, Position::of(meter, gateway))
        });
        let positions: Vec<_> = positions.collect();
        let mut shown = Vec::with_capacity(5);
        let tightest = positions.iter().min_by_key(|(_, position)| position.remaining);
        if let (Some([limit, remaining, reset]), Some((_, position))) = (self.tightest, tightest) {
            shown.push((limit, position.limit.to_string()));
            shown.push((remaining, position.remaining.to_string()));
            if let Some(end) = position.resets_at_us {
                shown.push((reset, duration(end.saturating_sub(now_us))));
            }
        }
        if let Some((_, position)) = positions.iter().find(|(whole, _)| *whole) {
            let [limit, remaining] = self.own;
            shown.push((limit, position.limit.to_string()));
            shown.push((remaining, position.remaining.to_string()));
        }
        shown
    }
}

impl Position {
    fn of(meter: &Meter, gateway: &Gateway) -> Self {
        let lease = gateway.leases.lease(meter.id);
        match lease.filter(|lease| lease.standing().at_us > 0) {
            Some(lease) => Self {
                limit: lease.standing().limit,
                remaining: lease.remaining(),
                resets_at_us: lease.standing().resets_at_us,
            },
            None => Self { limit: meter.limit, remaining: meter.limit, resets_at_us: None },
        }
    }
}

/// Writes a time span as OpenAI does: `850ms`, `12s`, `6m0s`.
fn duration(us: i64) -> String {
    let milliseconds = us.max(0) / 1000;
    let seconds = milliseconds / 1000;
    match (seconds / 60, seconds % 60) {
        (0, 0) => format!("{milliseconds}ms"),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Writes dollars as a decimal number.
pub(super) fn usd(amount: NanoDollars) -> String {
    amount.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_written_as_openai_does() {
        let cases = [(0, "0ms"), (850_000, "850ms"), (12_300_000, "12s"), (360_000_000, "6m0s")];
        for (us, expected) in cases {
            assert_eq!(duration(us), expected);
        }
    }
}
