//! Paths of LiteLLM's that are not served: they say so, instead of looking like a mistake.

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{MethodFilter, on};

use crate::http::App;
use crate::http::error::ApiError;

/// Everything that is known and not served, with the reason.
pub(crate) fn table() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    GROUPS.iter().flat_map(|(reason, paths)| {
        paths.iter().map(move |(method, path)| (*method, *path, *reason))
    })
}

/// Answers 501 at each of these paths.
pub(crate) fn router() -> Router<App> {
    table().fold(Router::new(), |router, (method, path, reason)| {
        let answer =
            move |method: Method, uri: Uri| async move { refusal(&method, uri.path(), reason) };
        router.route(path, on(filter(method), answer))
    })
}

fn refusal(method: &Method, path: &str, reason: &str) -> ApiError {
    ApiError::envelope(
        StatusCode::NOT_IMPLEMENTED,
        "not_implemented_error",
        None,
        format!("{method} {path} is not served: {reason}."),
    )
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

const GROUPS: [(&str, &[(&str, &str)]); 7] = [
    ("it is not built yet", NOT_YET),
    ("tools and agents are not what this gateway is for", OTHERS),
    ("guardrails, policies and prompt templates are not what this gateway is for", GUARDRAILS),
    ("it belongs to an interface that is not here", INTERFACE),
    ("the configuration file says who signs in how", SIGN_ON),
    ("it is about how LiteLLM runs; see /health and /metrics", OPERATION),
    ("credentials of this kind are not kept here", CREDENTIALS),
];

/// Not built yet.
const NOT_YET: &[(&str, &str)] = &[
    ("GET", "/utils/supported_openai_params"),
    ("GET", "/utils/model_info"),
    ("POST", "/utils/transform_request"),
    ("GET", "/v1/model/deprecations"),
    ("GET", "/model/deprecations"),
    ("GET", "/public/endpoints"),
    ("GET", "/config/pass_through_endpoint/team/{team_id}"),
    ("GET", "/config/pass_through_endpoint"),
    ("POST", "/config/pass_through_endpoint"),
    ("DELETE", "/config/pass_through_endpoint"),
    ("POST", "/config/pass_through_endpoint/{endpoint_id}"),
    ("GET", "/health/services"),
    ("GET", "/health/history"),
    ("GET", "/settings"),
    ("POST", "/health/test_connection"),
    ("GET", "/user/daily/activity/aggregated/cache_leakage_keys"),
    ("POST", "/user/password/change"),
    ("GET", "/team/metadata_schema"),
    ("GET", "/team/spend/by_user"),
    ("PATCH", "/v2/organization/{organization_id}"),
    ("GET", "/spend/capture_rate"),
    ("GET", "/organization/spend/report"),
    ("GET", "/provider/budgets"),
    ("POST", "/cache/delete"),
    ("POST", "/cache/flushall"),
    ("POST", "/add/allowed_ip"),
    ("POST", "/delete/allowed_ip"),
    ("GET", "/get/internal_user_settings"),
    ("GET", "/get/default_team_settings"),
    ("PATCH", "/update/internal_user_settings"),
    ("PATCH", "/update/default_team_settings"),
    ("POST", "/team/{team_id}/callback"),
    ("GET", "/team/{team_id}/callback"),
    ("DELETE", "/team/{team_id}/callback/{callback_name}"),
    ("POST", "/team/{team_id}/disable_logging"),
    ("POST", "/model/block"),
    ("POST", "/model/unblock"),
    ("POST", "/access_group/new"),
    ("GET", "/access_group/list"),
    ("GET", "/access_group/{access_group}/info"),
    ("PUT", "/access_group/{access_group}/update"),
    ("DELETE", "/access_group/{access_group}/delete"),
    ("GET", "/access_group/{access_group}/budget"),
    ("PUT", "/access_group/{access_group}/budget"),
    ("DELETE", "/access_group/{access_group}/budget"),
    ("POST", "/cost/predict-cache"),
    ("GET", "/config/cost_discount_config"),
    ("PATCH", "/config/cost_discount_config"),
    ("GET", "/config/cost_margin_config"),
    ("PATCH", "/config/cost_margin_config"),
    ("GET", "/config/block_requests_for_models_without_pricing"),
    ("PATCH", "/config/block_requests_for_models_without_pricing"),
    ("POST", "/fallback"),
    ("GET", "/fallback/{model}"),
    ("DELETE", "/fallback/{model}"),
    ("GET", "/cache/settings"),
    ("POST", "/cache/settings"),
    ("POST", "/cache/settings/test"),
    ("GET", "/tag/distinct"),
    ("GET", "/tag/dau"),
    ("GET", "/tag/wau"),
    ("GET", "/tag/mau"),
    ("GET", "/tag/summary"),
    ("GET", "/tag/user-agent/per-user-analytics"),
    ("GET", "/user/available_users"),
    ("POST", "/project/new"),
    ("POST", "/project/update"),
    ("DELETE", "/project/delete"),
    ("GET", "/project/info"),
    ("GET", "/project/list"),
    ("GET", "/v1/access_group"),
    ("POST", "/v1/access_group"),
    ("DELETE", "/v1/access_group/{access_group_id}"),
    ("GET", "/v1/access_group/{access_group_id}"),
    ("PUT", "/v1/access_group/{access_group_id}"),
];

/// About tools and agents.
const OTHERS: &[(&str, &str)] = &[
    ("GET", "/public/agent_hub"),
    ("GET", "/public/mcp_hub"),
    ("GET", "/public/skill_hub"),
    ("GET", "/public/complexity_router/scorer_defaults"),
    ("GET", "/public/complexity_router/fuse_presets"),
    ("GET", "/public/autorouter_presets"),
    ("GET", "/public/agents/fields"),
    ("GET", "/get/mcp_semantic_filter_settings"),
    ("PATCH", "/update/mcp_semantic_filter_settings"),
    ("GET", "/get/websearch_interception_settings"),
    ("PATCH", "/update/websearch_interception_settings"),
    ("GET", "/get/mcp_tool_search_settings"),
    ("PATCH", "/update/mcp_tool_search_settings"),
    ("GET", "/get/background_chat_settings"),
    ("PATCH", "/update/background_chat_settings"),
];

/// About what prompts may say.
const GUARDRAILS: &[(&str, &str)] =
    &[("POST", "/utils/test_policies_and_guardrails"), ("POST", "/utils/dotprompt_json_converter")];

/// Of LiteLLM's own interface.
const INTERFACE: &[(&str, &str)] = &[
    ("GET", "/public/litellm_blog_posts"),
    ("GET", "/get/ui_theme_settings"),
    ("PATCH", "/update/ui_theme_settings"),
    ("GET", "/get/ui_settings"),
    ("PATCH", "/update/ui_settings"),
    ("GET", "/get/user_banner"),
    ("PATCH", "/update/user_banner"),
    ("GET", "/get/latest_release_info"),
];

/// About people who sign in.
const SIGN_ON: &[(&str, &str)] = &[("PATCH", "/update/sso_settings")];

/// About how LiteLLM runs.
const OPERATION: &[(&str, &str)] = &[
    ("GET", "/health/shared-status"),
    ("GET", "/health/license"),
    ("GET", "/health/backlog"),
    ("GET", "/health/drain"),
    ("GET", "/health/deployment_warnings"),
    ("PATCH", "/health/deployment_warnings/{warning_id}"),
    ("GET", "/cache/ping"),
    ("GET", "/cache/redis/info"),
    ("GET", "/model/{model_id}/kubernetes_pods"),
];

/// About credentials of other kinds.
const CREDENTIALS: &[(&str, &str)] = &[
    ("GET", "/credentials/{credential_name}/jwks"),
    ("GET", "/credentials/user_connections"),
    ("POST", "/credentials/{credential_name}/user_connection/start"),
    ("POST", "/credentials/{credential_name}/user_connection/poll"),
    ("DELETE", "/credentials/{credential_name}/user_connection"),
    ("POST", "/credentials/migrate-encryption"),
    ("GET", "/credentials/migrate-encryption/check"),
    ("POST", "/jwt/key/mapping/delete"),
    ("GET", "/jwt/key/mapping/info"),
    ("GET", "/jwt/key/mapping/list"),
    ("POST", "/jwt/key/mapping/new"),
    ("POST", "/jwt/key/mapping/update"),
];
