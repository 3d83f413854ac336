//! What a request says about a key.
//!
//! A setting that is stored is enforced. LiteLLM has many that we cannot enforce yet; they are
//! refused by name instead of being kept and forgotten.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use tollgate_core::policy::routes::{GROUPS, is_sound};

use crate::domain::{AddressLists, Edit, KeyChange, Lifetime};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::limit_fields::{self, ModelLimits};
use crate::service::KeyFields;

/// Reads everything that may be said about a key, for generating and updating alike.
pub(crate) fn read(fields: &mut Fields) -> Result<KeyFields, ApiError> {
    refuse_unsupported(fields)?;
    let Metadata { free: metadata, tags, limits } = metadata_and_tags(fields)?;
    let change = KeyChange {
        alias: fields.text("key_alias"),
        user_id: fields.text("user_id"),
        team_id: fields.text("team_id"),
        models: fields.texts("models").value(),
        aliases: fields.text_map("aliases").value(),
        metadata,
        tags,
        expires_at: Edit::Keep,
        allowed_routes: routes(fields)?,
        organization_id: fields.text("organization_id"),
        budget_id: fields.text("budget_id"),
        limits: limit_fields::read(fields, limits)?,
        spend: fields.dollars("spend")?.value(),
        blocked: fields.flag("blocked").value(),
    };
    Ok(KeyFields { change, lifetime: lifetime(fields)? })
}

/// Reads how long a key lives. `null` and `-1` mean for ever.
pub(crate) fn lifetime(fields: &mut Fields) -> Result<Edit<Lifetime>, ApiError> {
    match fields.text("duration") {
        Edit::Keep => Ok(Edit::Keep),
        Edit::Clear => Ok(Edit::Clear),
        Edit::Set(text) if text == "-1" => Ok(Edit::Clear),
        Edit::Set(text) => match Lifetime::parse(&text) {
            Some(lifetime) => Ok(Edit::Set(lifetime)),
            None => Err(ApiError::bad_request(
                "duration",
                format!("Invalid duration format: {text:?}. Write 30s, 5m, 2h, 7d, 2w or 1mo."),
            )),
        },
    }
}

/// Metadata, without what is stored apart from it.
struct Metadata {
    free: Option<Map<String, Value>>,
    tags: Option<Vec<String>>,
    limits: Option<ModelLimits>,
}

/// Tags and the limits of single models come as fields of their own or inside of the metadata;
/// the field wins. Metadata is replaced as a whole, with what stands in it.
fn metadata_and_tags(fields: &mut Fields) -> Result<Metadata, ApiError> {
    let tags = fields.texts("tags").value();
    let Some(mut metadata) = fields.object("metadata").value() else {
        return Ok(Metadata { free: None, tags, limits: None });
    };
    let inner = match metadata.remove("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => serde_json::from_value(value).map_err(|_| {
            ApiError::bad_request("metadata", "metadata.tags must be a list of strings")
        })?,
    };
    refuse_in_metadata(&metadata)?;
    let limits = Some(ModelLimits::take(&mut metadata)?);
    Ok(Metadata { free: Some(metadata), tags: Some(tags.unwrap_or(inner)), limits })
}

/// Refuses what we do not enforce for anything, and what we do not enforce for this.
pub(crate) fn refuse(fields: &Fields, more: &[&str]) -> Result<(), ApiError> {
    let mut names = UNSUPPORTED.iter().chain(more);
    match names.find(|name| fields.given(name).is_some()) {
        Some(name) => Err(unsupported(name, name)),
        None => Ok(()),
    }
}

/// Refuses settings that LiteLLM keeps in the metadata and that we do not enforce, and addresses
/// that nobody could be at.
pub(crate) fn refuse_in_metadata(metadata: &Map<String, Value>) -> Result<(), ApiError> {
    if let Some(name) = AddressLists::fault(metadata) {
        let message = format!("metadata.{name} must be a list of IP addresses and networks (CIDR)");
        return Err(ApiError::bad_request("metadata", message));
    }
    refuse_among(metadata, UNSUPPORTED_METADATA)
}

/// Refuses what we do not enforce where it stands in the metadata.
pub(crate) fn refuse_among(metadata: &Map<String, Value>, names: &[&str]) -> Result<(), ApiError> {
    match names.iter().find(|name| metadata.contains_key(**name)) {
        Some(name) => Err(unsupported("metadata", &format!("metadata.{name}"))),
        None => Ok(()),
    }
}

fn refuse_unsupported(fields: &Fields) -> Result<(), ApiError> {
    refuse(fields, &[])
}

/// Reads which routes a key may call. `key_type` is a word for a list.
fn routes(fields: &mut Fields) -> Result<Option<Vec<String>>, ApiError> {
    let listed = fields.texts("allowed_routes");
    let of_type = match fields.text("key_type").value().as_deref() {
        None => None,
        Some("default") => Some(Vec::new()),
        Some(name) => {
            let known = KEY_TYPES.iter().find(|(known, _)| *known == name);
            let message = "key_type must be default, llm_api, management or read_only";
            let (_, group) = known.ok_or_else(|| ApiError::bad_request("key_type", message))?;
            Some(vec![(*group).to_owned()])
        }
    };
    let routes = match listed {
        Edit::Set(routes) if !routes.is_empty() => Some(routes),
        Edit::Set(_) | Edit::Clear => of_type.or(Some(Vec::new())),
        Edit::Keep => of_type,
    };
    if let Some(wrong) = routes.iter().flatten().find(|route| !is_sound(route)) {
        let message =
            format!("allowed_routes: {wrong:?} is neither a path nor one of {}", GROUPS.join(", "));
        return Err(ApiError::bad_request("allowed_routes", message));
    }
    Ok(routes)
}

/// Returns the word for a list of routes, if there is one.
pub(crate) fn key_type(routes: &[String]) -> &'static str {
    let is = |group: &str| routes.len() == 1 && routes.iter().all(|route| route == group);
    KEY_TYPES.iter().find(|(_, group)| is(group)).map_or("default", |(name, _)| name)
}

/// Says that something is not enforced, so not accepted.
pub(crate) fn unsupported(param: &str, what: &str) -> ApiError {
    ApiError::envelope(
        StatusCode::BAD_REQUEST,
        "bad_request_error",
        Some(param),
        format!("{what} is not supported yet, so it is not accepted. Leave it out."),
    )
}

/// Words for lists of routes.
const KEY_TYPES: [(&str, &str); 3] = [
    ("llm_api", "llm_api_routes"),
    ("management", "management_routes"),
    ("read_only", "info_routes"),
];

/// Settings of LiteLLM's keys that we do not enforce yet.
const UNSUPPORTED: &[&str] = &[
    "access_group_ids",
    "agent_id",
    "allowed_cache_controls",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "budget_fallbacks",
    "config",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "end_user_budget_id",
    "enforced_params",
    "guardrails",
    "logging",
    "mcp_rpm_limit",
    "object_permission",
    "permissions",
    "policies",
    "project_id",
    "prompts",
    "rotation_interval",
    "router_settings",
    "rpm_limit_type",
    "secret_manager_settings",
    "send_invite_email",
    "tag_rpm_limit",
    "temp_budget_expiry",
    "temp_budget_increase",
    "throttle_on_budget_exceeded",
    "tpm_limit_type",
];

/// The same settings where LiteLLM keeps them: a client that writes them there expects as much.
const UNSUPPORTED_METADATA: &[&str] =
    &["enforced_params", "guardrails", "temp_budget_expiry", "temp_budget_increase"];
