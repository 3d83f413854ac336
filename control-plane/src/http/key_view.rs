//! Keys as LiteLLM shows them: every field is there, `null` or empty where we have nothing.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use tollgate_core::money::NanoDollars;

use crate::domain::{ApiKey, Timestamp};
use crate::http::key_fields::key_type;
use crate::http::limit_view::{add_model_limits, limits, reset_at};
use crate::service::Generated;

/// What `/key/generate` answers.
pub(crate) fn generated(made: &Generated, now: Timestamp) -> Map<String, Value> {
    let key = &made.key;
    let mut view = nulls(GENERATED_NULLS);
    let hash = key.hash.to_hex();
    view.extend(shared(key, now));
    view.extend(fields(json!({
        "key": made.secret.expose(),
        "key_name": key.name,
        "expires": key.expires_at.map(zulu),
        "token": hash,
        "token_id": hash,
        "created_at": zulu(key.created_at),
        "updated_at": zulu(key.updated_at),
        "allowed_cache_controls": [],
        "access_group_ids": [],
        "config": {},
        "permissions": {},
        "router_settings": router_settings(),
    })));
    view
}

/// A whole row without its hash: what `/key/info` shows.
pub(crate) fn row(key: &ApiKey, now: Timestamp) -> Map<String, Value> {
    let mut view = nulls(ROW_NULLS);
    view.extend(shared(key, now));
    view.extend(fields(json!({
        "key_name": key.name,
        "soft_budget_cooldown": false,
        "expires": key.expires_at.map(offset),
        "created_at": offset(key.created_at),
        "updated_at": offset(key.updated_at),
        "budget_reset_at": reset_at(&key.limits, key.budget, now).map(offset),
        "last_active": key.last_active.map(offset),
        "allowed_cache_controls": [],
        "policies": [],
        "access_group_ids": [],
        "config": {},
        "permissions": {},
        "model_spend": {},
        "router_settings": {},
        "budget_fallbacks": {},
        "rotation_count": key.renewals,
        "last_rotation_at": key.renewed_at.map(offset),
        "auto_rotate": false,
        "total_spend": dollars(key.spend),
        "status": "active",
    })));
    view
}

/// A whole row with its hash, as every other answer shows it.
pub(crate) fn row_with_token(key: &ApiKey, now: Timestamp) -> Map<String, Value> {
    let mut view = row(key, now);
    view.insert("token".into(), key.hash.to_hex().into());
    view
}

/// Dollars as a float, the way these interfaces show money.
pub(crate) fn dollars(amount: NanoDollars) -> Value {
    Value::from(amount.as_usd())
}

/// `2026-11-21T08:08:24.551373Z`.
pub(crate) fn zulu(at: Timestamp) -> String {
    written(at, "Z")
}

/// `2026-11-21T08:08:24.551373+00:00`.
pub(crate) fn offset(at: Timestamp) -> String {
    written(at, "+00:00")
}

fn written(at: Timestamp, zone: &str) -> String {
    let micros = at.as_micros();
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .map_or_else(String::new, |text| text + zone)
}

/// Fields that all answers have in common.
fn shared(key: &ApiKey, now: Timestamp) -> Map<String, Value> {
    let mut metadata = key.metadata.clone();
    if !key.tags.is_empty() {
        metadata.insert("tags".into(), json!(key.tags));
    }
    add_model_limits(&mut metadata, &key.limits);
    let mut view = limits(&key.limits);
    view.extend(fields(json!({
        "key_alias": key.alias,
        "user_id": key.user_id,
        "team_id": key.team_id,
        "models": key.models,
        "aliases": key.aliases,
        "metadata": metadata,
        "organization_id": key.organization_id,
        "allowed_routes": key.allowed_routes,
        "key_type": key_type(&key.allowed_routes),
        "budget_id": key.budget_id,
        "spend": dollars(key.spent(now)),
        "blocked": key.blocked,
        "created_by": key.created_by,
        "updated_by": key.updated_by,
    })));
    view
}

fn fields(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn nulls(names: &[&str]) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect()
}

fn router_settings() -> Map<String, Value> {
    let mut settings = nulls(ROUTER_SETTINGS);
    settings.insert("model_group_alias".into(), json!({}));
    settings
}

const GENERATED_NULLS: &[&str] = &[
    "agent_id",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "budget_fallbacks",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "duration",
    "enable_prompt_caching",
    "end_user_budget_id",
    "enforced_params",
    "guardrails",
    "litellm_budget_table",
    "mcp_rpm_limit",
    "model_rpm_limit",
    "model_tpm_limit",
    "object_permission",
    "policies",
    "project_id",
    "prompts",
    "rotation_interval",
    "rpm_limit_type",
    "tag_rpm_limit",
    "tags",
    "throttle_on_budget_exceeded",
    "tpm_limit_type",
];

const ROW_NULLS: &[&str] = &[
    "agent_id",
    "jwt_key_mappings",
    "key_rotation_at",
    "litellm_budget_table",
    "litellm_organization_table",
    "litellm_project_table",
    "object_permission",
    "object_permission_id",
    "project_id",
    "rotation_interval",
    "settings_updated_at",
];

const ROUTER_SETTINGS: &[&str] = &[
    "allowed_fails",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "cooldown_time",
    "enable_tag_filtering",
    "fallback_on_unsupported_params",
    "fallbacks",
    "max_retries",
    "model_group_affinity_config",
    "model_group_retry_policy",
    "num_retries",
    "optional_pre_call_checks",
    "retry_after",
    "retry_policy",
    "routing_groups",
    "routing_strategy",
    "routing_strategy_args",
    "tag_routing_prefix",
    "timeout",
    "weights",
];
