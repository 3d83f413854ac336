//! How targets are chosen, in the words of the contract.

use tollgate_proto::v1;

use crate::config::{ResilienceConfig, RoutingConfig, Strategy};

/// Renders how the targets of a model are tried. Unset when nothing is said.
pub(super) fn routing(config: RoutingConfig) -> Option<v1::Routing> {
    (config != RoutingConfig::default()).then(|| v1::Routing {
        strategy: strategy(config.strategy).into(),
        accounts: strategy(config.accounts).into(),
        max_attempts: config.max_attempts.unwrap_or_default(),
        first_byte_timeout_ms: config.first_byte_timeout_ms.unwrap_or_default(),
        attempts_within_ms: config.attempts_within_ms.unwrap_or_default(),
        hold_ms: config.hold_ms.unwrap_or_default(),
        hold_bytes: config.hold_bytes.unwrap_or_default(),
    })
}

/// Renders when accounts go out of rotation. Unset when nothing is said.
pub(super) fn resilience(config: ResilienceConfig) -> Option<v1::Resilience> {
    (config != ResilienceConfig::default()).then(|| v1::Resilience {
        failures: config.failures.unwrap_or_default(),
        open_ms: config.open_ms.unwrap_or_default(),
        cooldown_ms: config.cooldown_ms.unwrap_or_default(),
        longest_cooldown_ms: config.longest_cooldown_ms.unwrap_or_default(),
        refused_ms: config.refused_ms.unwrap_or_default(),
    })
}

fn strategy(strategy: Strategy) -> v1::Strategy {
    match strategy {
        Strategy::Priority => v1::Strategy::Unspecified,
        Strategy::Weighted => v1::Strategy::Weighted,
        Strategy::RoundRobin => v1::Strategy::RoundRobin,
        Strategy::Random => v1::Strategy::Random,
        Strategy::LeastUsed => v1::Strategy::LeastUsed,
        Strategy::LeastCost => v1::Strategy::LeastCost,
        Strategy::LeastLatency => v1::Strategy::LeastLatency,
        Strategy::UsageHeadroom => v1::Strategy::UsageHeadroom,
        Strategy::Sticky => v1::Strategy::Sticky,
    }
}
