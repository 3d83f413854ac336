//! The configuration as it is written. Unknown fields are errors; everything is optional, so
//! that a missing field can be reported with what it is for.
//!
//! `docs/configuration.md` describes each field, which a test checks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Member;
use crate::config::oidc::RawOidc;
use crate::prices::RawPrice;

/// The whole file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) filter: RawFilter,
    pub(super) database: RawDatabase,
    pub(super) master_key: Option<String>,
    pub(super) sign_in: RawSignIn,
    pub(super) providers: Vec<RawProvider>,
    pub(super) models: Vec<RawModel>,
    pub(super) combos: Vec<RawCombo>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) default_model: Option<String>,
    pub(super) resilience: RawResilience,
    pub(super) tags: Vec<RawTag>,
    pub(super) limits: RawEnforcement,
    pub(super) idempotency: RawIdempotency,
    pub(super) cache: RawCache,
    pub(super) media_fetch: RawMediaFetch,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMediaFetch {
    pub(super) enabled: bool,
    pub(super) max_bytes: Option<u64>,
    pub(super) types: Option<Vec<String>>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) allow_http: bool,
    pub(super) allow_private: bool,
    pub(super) hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCache {
    pub(super) enabled: bool,
    pub(super) ttl_seconds: Option<f64>,
    pub(super) max_entry_bytes: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) models: Vec<String>,
    pub(super) eligibility: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) count_in_budget: bool,
    pub(super) semantic: Option<RawSemantic>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSemantic {
    pub(super) embedding_model: Option<String>,
    pub(super) threshold: Option<f64>,
    pub(super) ttl_seconds: Option<f64>,
    pub(super) models: Vec<String>,
    pub(super) max_text_bytes: Option<u64>,
    pub(super) timeout_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIdempotency {
    pub(super) enabled: Option<bool>,
    pub(super) window_seconds: Option<f64>,
    pub(super) max_answer_bytes: Option<u64>,
    pub(super) request_id: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawResilience {
    pub(super) failures: Option<u64>,
    pub(super) open_ms: Option<u64>,
    pub(super) cooldown_ms: Option<u64>,
    pub(super) longest_cooldown_ms: Option<u64>,
    pub(super) refused_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEnforcement {
    pub(super) on_low_budget: Option<String>,
    pub(super) output_floor_tokens: Option<u64>,
    pub(super) window: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) rpm: Option<i64>,
    pub(super) tpm: Option<i64>,
    pub(super) tpd: Option<i64>,
    pub(super) max_parallel_requests: Option<i64>,
    pub(super) max_budget: Option<RawAmount>,
    pub(super) soft_budget: Option<RawAmount>,
    pub(super) budget_duration: Option<String>,
    pub(super) observe_only: bool,
}

/// Dollars: a number, or text that is one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawAmount {
    Number(#[schemars(with = "f64")] serde_yaml_ng::Number),
    Text(String),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTag {
    pub(super) name: Option<String>,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) gateway: RawGateway,
    pub(super) admin: RawAdmin,
    pub(super) control: RawListen,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGateway {
    pub(super) listen: Option<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) management: Option<bool>,
    pub(super) max_body_bytes: Option<u64>,
    pub(super) request_timeout_seconds: Option<u64>,
    pub(super) base_paths: Vec<RawBasePath>,
    pub(super) debug_headers: bool,
    pub(super) error_profile: Option<String>,
    pub(super) access_log: Option<String>,
    pub(super) allowed_ips: Vec<String>,
    pub(super) denied_ips: Vec<String>,
    pub(super) trusted_hops: Option<u64>,
    pub(super) resources_provider: Option<String>,
}

/// A prefix: its path, or its path and the model of requests that name none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawBasePath {
    Path(String),
    Whole(RawWholeBasePath),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWholeBasePath {
    pub(super) path: String,
    pub(super) default_model: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) certificate_file: Option<String>,
    pub(super) private_key_file: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawListen {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAdmin {
    pub(super) listen: Option<String>,
    pub(super) requests_per_minute: Option<u64>,
    pub(super) bad_keys_per_minute: Option<u64>,
    pub(super) trusted_proxies: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSignIn {
    pub(super) public_url: Option<String>,
    pub(super) session_idle_minutes: Option<u64>,
    pub(super) session_max_hours: Option<u64>,
    pub(super) by_password: Option<bool>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) oidc: Option<RawOidc>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFilter {
    pub(super) file: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawProvider {
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) credential: Option<String>,
    pub(super) accounts: Vec<RawAccount>,
    pub(super) credential_header: Option<String>,
    pub(super) credential_query: Option<String>,
    pub(super) timeout_seconds: Option<f64>,
    pub(super) check_seconds: Option<f64>,
    pub(super) proxy: Option<String>,
    pub(super) stream_usage: Option<bool>,
    pub(super) completion_tokens_cap: Option<bool>,
    pub(super) dialect: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) responses: Option<bool>,
    pub(super) realtime: Option<bool>,
    pub(super) image_workflows: Option<bool>,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAccount {
    pub(super) id: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) weight: Option<u64>,
    pub(super) limits: RawLimits,
}

/// The fields that models and combos share. They stand beside the others in the file, where
/// `serde(flatten)` would let unknown fields pass.
#[derive(Debug, Default)]
pub(super) struct RawRouting {
    pub(super) strategy: Option<String>,
    pub(super) account_strategy: Option<String>,
    pub(super) max_attempts: Option<u64>,
    pub(super) first_byte_timeout_seconds: Option<f64>,
    pub(super) attempts_within_seconds: Option<f64>,
    pub(super) hold_seconds: Option<f64>,
    pub(super) hold_bytes: Option<u64>,
}

/// Takes the fields of [`RawRouting`] out of a section.
macro_rules! routing_of {
    ($raw:expr) => {
        RawRouting {
            strategy: $raw.strategy.clone(),
            account_strategy: $raw.account_strategy.clone(),
            max_attempts: $raw.max_attempts,
            first_byte_timeout_seconds: $raw.first_byte_timeout_seconds,
            attempts_within_seconds: $raw.attempts_within_seconds,
            hold_seconds: $raw.hold_seconds,
            hold_bytes: $raw.hold_bytes,
        }
    };
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCombo {
    pub(super) name: Option<String>,
    pub(super) models: Vec<RawMember>,
    pub(super) groups: Vec<String>,
    pub(super) strategy: Option<String>,
    pub(super) account_strategy: Option<String>,
    pub(super) max_attempts: Option<u64>,
    pub(super) first_byte_timeout_seconds: Option<f64>,
    pub(super) attempts_within_seconds: Option<f64>,
    pub(super) hold_seconds: Option<f64>,
    pub(super) hold_bytes: Option<u64>,
}

impl RawCombo {
    pub(super) fn routing(&self) -> RawRouting {
        routing_of!(self)
    }
}

/// A part of a combo: its name, or its name and its weight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawMember {
    Name(String),
    Weighted(RawWeighted),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeighted {
    model: String,
    weight: u32,
}

impl RawMember {
    pub(super) fn member(self) -> Member {
        match self {
            Self::Name(model) => Member { model, weight: 1 },
            Self::Weighted(RawWeighted { model, weight }) => Member { model, weight },
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawModel {
    pub(super) name: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) targets: Vec<RawTarget>,
    pub(super) groups: Vec<String>,
    pub(super) strategy: Option<String>,
    pub(super) account_strategy: Option<String>,
    pub(super) max_attempts: Option<u64>,
    pub(super) first_byte_timeout_seconds: Option<f64>,
    pub(super) attempts_within_seconds: Option<f64>,
    pub(super) hold_seconds: Option<f64>,
    pub(super) hold_bytes: Option<u64>,
    pub(super) strict: bool,
    pub(super) system_prompt: RawSystemPrompt,
    pub(super) defaults: BTreeMap<String, serde_json::Value>,
    pub(super) overrides: BTreeMap<String, serde_json::Value>,
    pub(super) thinking: RawThinking,
    pub(super) limits: RawLimits,
}

impl RawModel {
    pub(super) fn routing(&self) -> RawRouting {
        routing_of!(self)
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTarget {
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    pub(super) base_model: Option<String>,
    pub(super) price: Option<RawPrice>,
    pub(super) max_input_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) free: bool,
    pub(super) account: Option<String>,
    pub(super) weight: Option<u64>,
    pub(super) tools: Option<bool>,
    pub(super) vision: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSystemPrompt {
    pub(super) prefix: String,
    pub(super) suffix: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawThinking {
    pub(super) mode: Option<String>,
    pub(super) budget: Option<u64>,
    pub(super) effort: Option<String>,
}
