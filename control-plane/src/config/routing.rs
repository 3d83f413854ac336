//! How targets are chosen, and when accounts go out of rotation.

use crate::config::parse::Reader;
use crate::config::raw::{RawResilience, RawRouting};

/// Which target comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// In order.
    #[default]
    Priority,
    /// By chance, in proportion to their weights.
    Weighted,
    /// One after the other.
    RoundRobin,
    /// By chance, all alike.
    Random,
    /// The one with the fewest requests in flight.
    LeastUsed,
    /// The cheapest for the request.
    LeastCost,
    /// The one that answered fastest of late.
    LeastLatency,
    /// The one with most left of its limits.
    UsageHeadroom,
    /// The same one for all requests of a conversation.
    Sticky,
}

impl Strategy {
    /// Every strategy with its name; others' names for the same follow.
    pub const NAMES: [(&str, Self); 17] = [
        ("priority", Self::Priority),
        ("weighted", Self::Weighted),
        ("round-robin", Self::RoundRobin),
        ("random", Self::Random),
        ("least-used", Self::LeastUsed),
        ("least-cost", Self::LeastCost),
        ("least-latency", Self::LeastLatency),
        ("usage-headroom", Self::UsageHeadroom),
        ("sticky", Self::Sticky),
        ("fill-first", Self::Priority),
        ("cost-optimized", Self::LeastCost),
        ("headroom", Self::UsageHeadroom),
        ("simple-shuffle", Self::Weighted),
        ("least-busy", Self::LeastUsed),
        ("cost-based-routing", Self::LeastCost),
        ("latency-based-routing", Self::LeastLatency),
        ("usage-based-routing", Self::UsageHeadroom),
    ];

    /// Finds a strategy by any of its names, or says which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, strategy)| *strategy).ok_or_else(|| {
            let ours = Self::NAMES.iter().take(OUR_NAMES).map(|(name, _)| *name);
            format!("{name:?} is no strategy; write one of {}", ours.collect::<Vec<_>>().join(", "))
        })
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, strategy)| *strategy == self);
        found.map_or("priority", |(name, _)| name)
    }
}

/// How the targets of a model are tried. What is `None` is as the filter has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoutingConfig {
    /// Which target comes first.
    pub strategy: Strategy,
    /// Which account of a target comes first.
    pub accounts: Strategy,
    /// Most attempts for one request.
    pub max_attempts: Option<u32>,
    /// How long a target may take to its first content.
    pub first_byte_timeout_ms: Option<u32>,
    /// After this time no further attempt begins.
    pub attempts_within_ms: Option<u32>,
    /// How long an answer is held before its first content.
    pub hold_ms: Option<u32>,
    /// How much of it is held.
    pub hold_bytes: Option<u32>,
}

/// When accounts go out of rotation, and for how long. What is `None` is as the filter has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResilienceConfig {
    /// Failures in a row after which an account's model is out.
    pub failures: Option<u32>,
    /// How long it is then out.
    pub open_ms: Option<u32>,
    /// First pause after a 429 that names no time.
    pub cooldown_ms: Option<u32>,
    /// Longest pause.
    pub longest_cooldown_ms: Option<u32>,
    /// How long an account is out whose credential is refused.
    pub refused_ms: Option<u32>,
}

impl ResilienceConfig {
    /// Returns what is said here, and else what `other` says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            failures: self.failures.or(other.failures),
            open_ms: self.open_ms.or(other.open_ms),
            cooldown_ms: self.cooldown_ms.or(other.cooldown_ms),
            longest_cooldown_ms: self.longest_cooldown_ms.or(other.longest_cooldown_ms),
            refused_ms: self.refused_ms.or(other.refused_ms),
        }
    }
}

impl Reader<'_> {
    /// Reads how the targets of a model or a combo are tried.
    pub(super) fn routing(&mut self, place: &str, raw: &RawRouting) -> RoutingConfig {
        let at = |field: &str| format!("{place}.{field}");
        let attempts = raw.max_attempts.and_then(|n| self.within(&at("max_attempts"), n, 1..=100));
        let bytes = raw.hold_bytes.and_then(|n| self.within(&at("hold_bytes"), n, 1..=MOST_HELD));
        RoutingConfig {
            strategy: self.strategy(at("strategy"), raw.strategy.as_deref()),
            accounts: self.strategy(at("account_strategy"), raw.account_strategy.as_deref()),
            max_attempts: attempts.and_then(narrow),
            first_byte_timeout_ms: self
                .millis(&at("first_byte_timeout_seconds"), raw.first_byte_timeout_seconds),
            attempts_within_ms: self
                .millis(&at("attempts_within_seconds"), raw.attempts_within_seconds),
            hold_ms: self.millis(&at("hold_seconds"), raw.hold_seconds),
            hold_bytes: bytes.and_then(narrow),
        }
    }

    fn strategy(&mut self, place: String, name: Option<&str>) -> Strategy {
        let Some(name) = name else { return Strategy::default() };
        Strategy::named(name).unwrap_or_else(|message| {
            self.problem(place, message);
            Strategy::default()
        })
    }

    /// Reads seconds, which may be fractions, up to a day.
    pub(super) fn millis(&mut self, place: &str, seconds: Option<f64>) -> Option<u32> {
        let seconds = seconds?;
        let millis = std::time::Duration::try_from_secs_f64(seconds).ok().map(|it| it.as_millis());
        let millis = millis.and_then(|millis| u32::try_from(millis).ok());
        let millis = millis.filter(|millis| (1..=MOST_MILLIS).contains(millis));
        if millis.is_none() {
            self.problem(place, format!("{seconds} is not within 0.001..86400 seconds"));
        }
        millis
    }

    pub(super) fn resilience(&mut self, raw: &RawResilience) -> ResilienceConfig {
        let mut read = |field: &str, value: Option<u64>, most: u64| {
            let value = self.within(&format!("resilience.{field}"), value?, 1..=most)?;
            narrow(value)
        };
        ResilienceConfig {
            failures: read("failures", raw.failures, 1_000),
            open_ms: read("open_ms", raw.open_ms, MOST_MILLIS.into()),
            cooldown_ms: read("cooldown_ms", raw.cooldown_ms, MOST_MILLIS.into()),
            longest_cooldown_ms: read(
                "longest_cooldown_ms",
                raw.longest_cooldown_ms,
                MOST_MILLIS.into(),
            ),
            refused_ms: read("refused_ms", raw.refused_ms, MOST_MILLIS.into()),
        }
    }
}

fn narrow(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}

const OUR_NAMES: usize = 9;
/// The filter keeps what it holds in its memory, for each request.
const MOST_HELD: u64 = 8 << 20;
const MOST_MILLIS: u32 = 86_400_000;
