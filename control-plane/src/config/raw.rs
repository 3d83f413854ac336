//! The configuration as it is written. Unknown fields are errors; everything is optional, so
//! that a missing field can be reported with what it is for.
//!
//! `docs/configuration.md` describes each field, which a test checks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::prices::RawPrice;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) filter: RawFilter,
    pub(super) database: RawDatabase,
    pub(super) master_key: Option<String>,
    pub(super) providers: Vec<RawProvider>,
    pub(super) models: Vec<RawModel>,
    pub(super) tags: Vec<RawTag>,
    pub(super) limits: RawEnforcement,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEnforcement {
    pub(super) on_low_budget: Option<String>,
    pub(super) output_floor_tokens: Option<u64>,
    pub(super) window: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
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
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawAmount {
    Number(serde_yaml_ng::Number),
    Text(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTag {
    pub(super) name: Option<String>,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) gateway: RawGateway,
    pub(super) admin: RawListen,
    pub(super) control: RawListen,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGateway {
    pub(super) listen: Option<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) management: Option<bool>,
    pub(super) max_body_bytes: Option<u64>,
    pub(super) request_timeout_seconds: Option<u64>,
    pub(super) base_paths: Vec<String>,
    pub(super) debug_headers: bool,
    pub(super) access_log: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) certificate_file: Option<String>,
    pub(super) private_key_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawListen {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFilter {
    pub(super) file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawProvider {
    pub(super) id: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) stream_usage: Option<bool>,
    pub(super) completion_tokens_cap: Option<bool>,
    pub(super) dialect: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) responses: Option<bool>,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawModel {
    pub(super) name: Option<String>,
    pub(super) targets: Vec<RawTarget>,
    pub(super) strict: bool,
    pub(super) system_prompt: RawSystemPrompt,
    pub(super) defaults: BTreeMap<String, serde_json::Value>,
    pub(super) overrides: BTreeMap<String, serde_json::Value>,
    pub(super) thinking: RawThinking,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTarget {
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    pub(super) price: Option<RawPrice>,
    pub(super) max_input_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) free: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSystemPrompt {
    pub(super) prefix: String,
    pub(super) suffix: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawThinking {
    pub(super) mode: Option<String>,
    pub(super) budget: Option<u64>,
    pub(super) effort: Option<String>,
}
