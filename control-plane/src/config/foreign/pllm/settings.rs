//! Everything beside models and routes.

use serde_yaml_ng::Value;

use crate::config::Strategy;
use crate::config::foreign::fields::Section;
use crate::config::foreign::groups::Sharing;
use crate::config::foreign::pllm::{reference, seconds};
use crate::config::foreign::tree::{maybe, number, section};
use crate::config::foreign::variables::Variables;

/// Reads how requests are shared among instances of a model.
pub(super) fn sharing(router: &Section<'_>) -> Sharing {
    Sharing { strategy: strategy(router, "routing_strategy"), ..Sharing::default() }
}

/// Reads a strategy. Names that PLLM took for `priority` get what they evidently mean.
pub(super) fn strategy(of: &Section<'_>, name: &str) -> Strategy {
    let Some(written) = of.text(name) else { return Strategy::Priority };
    let live = LIVE.iter().find(|(theirs, _)| *theirs == written);
    if let Some((_, strategy)) = live {
        return *strategy;
    }
    let meant = MEANT.iter().find(|(theirs, _)| *theirs == written).map(|(_, it)| *it);
    let strategy = meant.or_else(|| Strategy::named(&written).ok());
    let strategy = strategy.unwrap_or_default();
    let message = format!("it was taken for priority; here it is {}", strategy.name());
    of.notes().dead(of.at(name), message);
    strategy
}

/// Writes the section `server`.
pub(super) fn server(whole: &Section<'_>) -> Value {
    let server = whole.section("server");
    let listen = server.whole("port").map(|port| format!("0.0.0.0:{port}"));
    if server.value("admin_port").is_some() {
        let message = "nothing was served there; server.admin.listen is the management API here";
        whole.notes().dead(server.at("admin_port"), message);
    }
    server.finish(|name| {
        Some(match name {
            "read_timeout" | "write_timeout" | "graceful_shutdown" => {
                "time is bounded for each model (first_byte_timeout_seconds)"
            }
            "metrics_port" => "Envoy shows metrics on its admin port",
            _ => return None,
        })
    });
    section([("gateway", section([("listen", maybe(listen))]))])
}

/// Returns the variable of the master key.
pub(super) fn master_key(whole: &Section<'_>, variables: &Variables<'_>) -> String {
    let auth = whole.section("auth");
    let (place, written) = (auth.at("master_key"), auth.text("master_key"));
    if auth.value("require_auth").is_some() {
        whole.notes().dead(auth.at("require_auth"), "clients need a key, there and here");
    }
    auth.finish(|name| (name == "dex").then_some("people do not sign in with it here"));
    match written.as_deref().map(|text| (text, reference(text))) {
        None => MASTER_KEY.to_owned(),
        Some((_, Some(name))) => name.to_owned(),
        Some((text, None)) => variables.literal(&place, MASTER_KEY, text),
    }
}

/// Writes the section `resilience`.
pub(super) fn resilience(router: &Section<'_>) -> Value {
    let failures = router.whole("circuit_breaker_threshold").filter(|it| (1..=1_000).contains(it));
    let pause = seconds(router, "circuit_breaker_cooldown").map(|seconds| seconds * 1_000.0);
    for name in ["circuit_breaker_threshold", "circuit_breaker_cooldown"] {
        if router.value(name).is_some() {
            router.notes().dead(router.at(name), "here accounts go out of rotation by it");
        }
    }
    section([
        ("failures", maybe(failures)),
        ("open_ms", pause.map_or(Value::Null, |ms| number(ms.min(86_400_000.0)))),
    ])
}

/// Reads the section `cache`.
pub(super) fn cache(whole: &Section<'_>) -> Option<Value> {
    let cache = whole.section("cache");
    let on = cache.flag("enabled") == Some(true);
    let ttl = cache.value("ttl").and_then(|_| seconds(&cache, "ttl"));
    cache.finish(|name| (name == "max_size").then_some("memory is bounded (cache.memory_bytes)"));
    if !on {
        return None;
    }
    let message = "only requests with temperature 0 are kept, and only for their own tenant";
    whole.notes().changed(cache.at("enabled"), message);
    Some(section([("enabled", true.into()), ("ttl_seconds", ttl.map_or(Value::Null, number))]))
}

/// Notes what nothing here follows from.
pub(super) fn finish(whole: &Section<'_>, router: &Section<'_>) {
    for name in ["fallback_enabled", "circuit_breaker_enabled", "enable_load_balancing"] {
        if router.value(name).is_some() {
            router.notes().dead(router.at(name), "here another target is always tried");
        }
    }
    router.finish(|name| match name {
        "enable_failover" | "instance_retry_attempts" | "model_fallbacks" => {
            Some("another target is always tried, each once")
        }
        "health_check_interval" => Some("write check_seconds of providers"),
        _ => None,
    });
    let rates = whole.section("rate_limit");
    for name in ["requests_per_minute", "burst"] {
        if rates.value(name).is_some() {
            rates.notes().dead(rates.at(name), "give keys, users or teams an rpm_limit");
        }
    }
    rates.finish(|_| Some("give keys, users or teams an rpm_limit"));
    whole.finish(|name| {
        Some(match name {
            "database" => {
                "PLLM's database is left alone; SQLite in the data folder, or write database.url"
            }
            "redis" => "nothing is kept in Redis",
            "jwt" | "admin" => "people do not sign in with it here; the master key manages",
            "logging" => "RUST_LOG says what is logged",
            "monitoring" => "Envoy shows metrics on its admin port",
            "cors" => "no CORS headers are sent",
            "realtime" => "realtime sessions are served where a provider has them",
            "guardrails" => "guardrails are not what this gateway is for",
            _ => return None,
        })
    });
}

const MASTER_KEY: &str = "PLLM_MASTER_KEY";

const LIVE: [(&str, Strategy); 4] = [
    ("priority", Strategy::Priority),
    ("least-latency", Strategy::LeastLatency),
    ("weighted-round-robin", Strategy::Weighted),
    ("random", Strategy::Random),
];

const MEANT: [(&str, Strategy); 3] = [
    ("latency-based", Strategy::LeastLatency),
    ("usage-based", Strategy::UsageHeadroom),
    ("weighted", Strategy::Weighted),
];
