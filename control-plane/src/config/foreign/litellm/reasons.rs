//! Why settings of `LiteLLM`'s have no effect here, where more can be said than that.

/// Returns why a setting has no effect; an empty text when nothing is lost by that. `None`: the
/// setting is not known.
pub(super) fn why(section: &str, name: &str) -> Option<&'static str> {
    let found = REASONS.iter().find(|(of, known, _)| *of == section && *known == name);
    found.map(|(_, _, why)| *why)
}

/// Nothing is lost.
const FINE: &str = "";
const CALLBACKS: &str = "nobody is called back; the ledger has every request, and Envoy's metrics";
const NO_REDIS: &str = "nothing is kept in Redis; control planes share their database";
const KEYS: &str = "is not applied to keys that are made here";
const RETRIES: &str = "what is tried again is told by the kind of failure (docs/routing.md)";
const TOOLS: &str = "tools and agents are not what this gateway is for";
const GUARDS: &str = "guardrails are not what this gateway is for";
const BODY: &str = "is not sent to providers from here";
const WHOLE: &str = "there is no budget of the whole gateway; give teams or organisations one";
const PEOPLE: &str = "people do not sign in with it here";

const REASONS: [(&str, &str, &str); 96] = [
    ("", "include", "other files are not read; put their content into this one"),
    ("", "guardrails", GUARDS),
    ("", "policies", GUARDS),
    ("", "prompts", "prompt templates are not what this gateway is for"),
    ("", "mcp_servers", TOOLS),
    ("", "mcp_tools", TOOLS),
    ("", "agent_list", TOOLS),
    ("", "search_tools", TOOLS),
    ("", "vector_store_registry", TOOLS),
    ("", "callback_settings", CALLBACKS),
    ("", "assistant_settings", "assistants are served where the model's provider has them"),
    ("", "files_settings", "files are kept by the providers of models (docs/api.md)"),
    ("", "finetune_settings", "jobs are made at the providers of models (docs/api.md)"),
    ("", "litellm_license", FINE),
    ("model_list", "tpm", FINE),
    ("model_list", "rpm", FINE),
    ("litellm_params", "drop_params", FINE),
    ("litellm_params", "additional_drop_params", "write `overrides` of the model with null"),
    ("litellm_params", "allowed_openai_params", FINE),
    ("litellm_params", "use_litellm_proxy", FINE),
    ("litellm_params", "merge_reasoning_content_in_choices", "reasoning stays where it is"),
    ("litellm_params", "organization", BODY),
    ("litellm_params", "extra_headers", BODY),
    ("litellm_params", "headers", BODY),
    ("litellm_params", "region_name", "regions are not looked at"),
    ("litellm_params", "tags", "deployments are not chosen by tags"),
    ("litellm_params", "mock_response", "every answer is a provider's"),
    ("litellm_params", "api_version", "only Azure's addresses have a version"),
    ("litellm_params", "tenant_id", "Azure is reached with a key alone"),
    ("litellm_params", "client_id", "Azure is reached with a key alone"),
    ("litellm_params", "client_secret", "Azure is reached with a key alone"),
    ("litellm_params", "azure_ad_token", "Azure is reached with a key alone"),
    ("litellm_params", "configurable_clientside_auth_params", "clients bring no credentials"),
    ("litellm_params", "use_in_pass_through", "there are no other paths for it"),
    ("litellm_params", "guardrails", GUARDS),
    ("litellm_params", "cooldown_time", "write it under router_settings"),
    ("litellm_params", "cache_control_injection_points", "prompts are not marked from here"),
    ("model_info", "db_model", FINE),
    ("model_info", "description", FINE),
    ("model_info", "created_at", FINE),
    ("model_info", "supports_vision", FINE),
    ("model_info", "supports_function_calling", FINE),
    ("model_info", "litellm_provider", FINE),
    ("model_info", "team_id", "a model belongs to nobody; name it in the team's `models`"),
    ("model_info", "supported_environments", "every model of the file is served"),
    ("model_info", "health_check_model", "providers are asked for their list of models"),
    ("model_info", "disable_background_health_check", "providers are checked, not models"),
    ("cache_params", "host", NO_REDIS),
    ("cache_params", "port", NO_REDIS),
    ("cache_params", "password", NO_REDIS),
    ("cache_params", "namespace", NO_REDIS),
    ("cache_params", "supported_call_types", "write cache.models"),
    ("cache_params", "similarity_threshold", "write cache.semantic.threshold"),
    ("litellm_settings", "drop_params", FINE),
    ("litellm_settings", "modify_params", FINE),
    ("litellm_settings", "set_verbose", "RUST_LOG says what is logged"),
    ("litellm_settings", "json_logs", "logs have one form"),
    ("litellm_settings", "telemetry", FINE),
    ("litellm_settings", "turn_off_message_logging", FINE),
    ("litellm_settings", "redact_user_api_key_info", FINE),
    ("litellm_settings", "success_callback", CALLBACKS),
    ("litellm_settings", "failure_callback", CALLBACKS),
    ("litellm_settings", "callbacks", CALLBACKS),
    ("litellm_settings", "service_callback", CALLBACKS),
    (
        "litellm_settings",
        "content_policy_fallbacks",
        "an answer that a filter refused is passed on",
    ),
    ("litellm_settings", "max_budget", WHOLE),
    ("litellm_settings", "budget_duration", WHOLE),
    ("litellm_settings", "default_key_generate_params", KEYS),
    ("litellm_settings", "upperbound_key_generate_params", KEYS),
    ("litellm_settings", "default_internal_user_params", "is not applied to users made here"),
    ("litellm_settings", "default_team_settings", "is not applied to teams made here"),
    ("litellm_settings", "ssl_verify", "certificates of providers are always checked"),
    ("litellm_settings", "budget_exceeded_status_code", "the error profile says it"),
    ("litellm_settings", "custom_provider_map", "Python does not run here"),
    ("router_settings", "enable_pre_call_checks", FINE),
    ("router_settings", "set_verbose", FINE),
    ("router_settings", "debug_level", FINE),
    ("router_settings", "redis_host", NO_REDIS),
    ("router_settings", "redis_port", NO_REDIS),
    ("router_settings", "redis_password", NO_REDIS),
    ("router_settings", "redis_url", NO_REDIS),
    ("router_settings", "retry_policy", RETRIES),
    ("router_settings", "model_group_retry_policy", RETRIES),
    ("router_settings", "allowed_fails_policy", RETRIES),
    ("router_settings", "retry_after", "the next target is tried at once"),
    ("router_settings", "content_policy_fallbacks", "an answer that a filter refused is passed on"),
    ("router_settings", "routing_strategy_args", "strategies have no settings here"),
    ("general_settings", "store_model_in_db", FINE),
    ("general_settings", "always_include_stream_usage", FINE),
    ("general_settings", "proxy_batch_write_at", FINE),
    ("general_settings", "database_connection_pool_limit", FINE),
    ("general_settings", "alerting", "alerts stand in the log and in the metrics"),
    ("general_settings", "enable_jwt_auth", PEOPLE),
    ("general_settings", "custom_auth", "Python does not run here"),
    ("general_settings", "pass_through_endpoints", "paths are not forwarded unseen"),
    ("general_settings", "key_management_system", "write env:NAME, or set the variable otherwise"),
];
