//! What the configuration says of choosing among targets, with its defaults filled in.

use tollgate_proto::v1 as proto;
pub use tollgate_proto::v1::Strategy;

/// Ten minutes, which is what official SDKs wait.
const PATIENCE_MS: u32 = 600_000;

/// How the targets of a model are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    /// Which of the model's entries comes first.
    pub strategy: Strategy,
    /// Which account of an entry comes first.
    pub accounts: Strategy,
    /// Most attempts for one request.
    pub max_attempts: usize,
    /// How long a target may take to its first content.
    pub first_byte_timeout_ms: u32,
    /// After this time no further attempt begins.
    pub attempts_within_us: i64,
    /// How long an answer is held before its first content.
    pub hold_us: i64,
    /// How many of its bytes are held.
    pub hold_bytes: usize,
}

impl Routing {
    /// Returns how long a target may take to its first content, unless that is the default, which
    /// is how long silent streams are kept open anyway.
    pub fn patience_ms(&self) -> Option<u32> {
        (self.first_byte_timeout_ms != PATIENCE_MS).then_some(self.first_byte_timeout_ms)
    }
}

impl Default for Routing {
    fn default() -> Self {
        Self::from(proto::Routing::default())
    }
}

impl From<proto::Routing> for Routing {
    fn from(wire: proto::Routing) -> Self {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let us = |ms: u32| i64::from(ms) * 1000;
        let size = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            strategy: wire.strategy(),
            accounts: wire.accounts(),
            max_attempts: size(or(wire.max_attempts, 10)),
            first_byte_timeout_ms: or(wire.first_byte_timeout_ms, PATIENCE_MS),
            attempts_within_us: us(or(wire.attempts_within_ms, 600_000)),
            hold_us: us(or(wire.hold_ms, 10_000)),
            hold_bytes: size(or(wire.hold_bytes, 64 * 1024)),
        }
    }
}

/// When accounts go out of rotation, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resilience {
    /// Failures in a row after which an account's model is out.
    pub failures: u32,
    /// How long it is then out; twice as long each time.
    pub open_us: i64,
    /// First pause after a 429 that names no time; twice as long each time.
    pub cooldown_us: i64,
    /// Longest pause.
    pub longest_cooldown_us: i64,
    /// How long an account is out whose credential is refused.
    pub refused_us: i64,
}

impl Default for Resilience {
    fn default() -> Self {
        Self::from(proto::Resilience::default())
    }
}

impl From<proto::Resilience> for Resilience {
    fn from(wire: proto::Resilience) -> Self {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let us = |ms: u32, default: u32| i64::from(or(ms, default)) * 1000;
        Self {
            failures: or(wire.failures, 5),
            open_us: us(wire.open_ms, 30_000),
            cooldown_us: us(wire.cooldown_ms, 1_000),
            longest_cooldown_us: us(wire.longest_cooldown_ms, 120_000),
            refused_us: us(wire.refused_ms, 120_000),
        }
    }
}
