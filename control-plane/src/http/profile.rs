//! Answers as LiteLLM's releases up to 1.83 gave them, where `server.gateway.error_profile` says
//! so: what came later is left out of rows, and errors have the statuses and words of then.

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::config::ErrorProfile;
use crate::http::App;
use crate::http::error::ApiError;

/// Lets answers pass, or writes them anew for clients of earlier releases.
pub(crate) async fn of_configured_release(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let of_183 = app.config.borrow().server.gateway.error_profile == ErrorProfile::LiteLlm183;
    if !of_183 {
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str).to_owned();
    written_anew(&path, next.run(request).await).await
}

async fn written_anew(path: &str, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    // Our own documents and OmniRoute's shapes are the same in every release.
    let is_ours =
        matches!(path, "/openapi.json" | "/docs" | "/routes") || path.starts_with("/api/");
    if is_ours || kind.is_none_or(|kind| kind != "application/json") {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let message = "This answer is too long for the form of 1.83.";
        return ApiError::envelope(status, "internal_server_error", None, message).into_response();
    };
    let Ok(value) = serde_json::from_slice(&body) else {
        return Response::from_parts(head, Body::from(body));
    };
    let (status, value) = as_of_183(path, head.status, value);
    head.status = status;
    let body = value.to_string();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, Body::from(body))
}

/// Returns what a release up to 1.83 would have answered.
fn as_of_183(path: &str, status: StatusCode, mut body: Value) -> (StatusCode, Value) {
    let mut status = status;
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        status = error_of_183(status, error);
    } else {
        if path == "/health/readiness"
            && let Some(view) = body.as_object_mut()
        {
            more_of_readiness(view);
        }
        leave_out(&mut body);
    }
    (status, body)
}

fn error_of_183(status: StatusCode, error: &mut Map<String, Value>) -> StatusCode {
    let kind = error.get("type").and_then(Value::as_str).unwrap_or_default();
    let status = if kind == "expired_key" { StatusCode::BAD_REQUEST } else { status };
    if kind == "permission_error" {
        error.insert("type".into(), NONE.into());
    }
    if error.get("param").is_some_and(Value::is_null) {
        error.insert("param".into(), NONE.into());
    }
    error.insert("code".into(), status.as_u16().to_string().into());
    status
}

fn more_of_readiness(view: &mut Map<String, Value>) {
    let more = json!({
        "cache": null,
        "litellm_version": "1.83.14",
        "success_callbacks": [],
        "use_aiohttp_transport": false,
        "log_level": "INFO",
        "is_detailed_debug": false,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        view.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// Takes out what later releases have added.
fn leave_out(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        Value::Object(fields) => {
            let is = |name: &str| fields.contains_key(name);
            let (is_key, is_limited) = (is("key_name"), is("rpm_limit"));
            let is_team = is("members_with_roles");
            let is_router = is("model_group_alias") && is("routing_strategy");
            fields.retain(|name, _| {
                let name = name.as_str();
                !(is_limited && OF_LIMITS.contains(&name)
                    || is_team && OF_TEAMS.contains(&name)
                    || is_key && OF_KEYS.contains(&name)
                    || is_router && OF_ROUTERS.contains(&name))
            });
            // What clients store comes back as it was.
            let own = |name: &str| matches!(name, "metadata" | "model_info" | "litellm_params");
            fields.iter_mut().filter(|(name, _)| !own(name)).for_each(|(_, it)| leave_out(it));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands for nothing in errors.
const NONE: &str = "None";
const MOST_BYTES: usize = 64 << 20;

/// What rows of keys had not.
const OF_KEYS: [&str; 14] = [
    "budget_fallbacks",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "end_user_budget_id",
    "key_type",
    "mcp_rpm_limit",
    "settings_updated_at",
    "status",
    "tag_rpm_limit",
    "throttle_on_budget_exceeded",
    "total_spend",
];

/// What those that have limits had not.
const OF_LIMITS: [&str; 3] = ["temp_budget_expiry", "temp_budget_increase", "tpd_limit"];

/// What rows of teams had not.
const OF_TEAMS: [&str; 4] =
    ["allow_team_guardrail_config", "model_max_budget", "model_spend", "policies"];

/// What settings of routers had not.
const OF_ROUTERS: [&str; 8] = [
    "content_policy_fallbacks",
    "enable_tag_filtering",
    "fallback_on_unsupported_params",
    "optional_pre_call_checks",
    "retry_policy",
    "routing_groups",
    "tag_routing_prefix",
    "weights",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: Value) -> (u16, Value) {
        let (status, body) = as_of_183("/x", StatusCode::from_u16(status).unwrap(), body);
        (status.as_u16(), body)
    }

    #[test]
    fn errors_have_the_statuses_and_words_of_then() {
        let error = |kind: &str, param: Value, code: &str| json!({"error": {"message": "m", "type": kind, "param": param, "code": code}});

        for (status, kind, then, word) in [
            (401, "expired_key", 400, "expired_key"),
            (403, "permission_error", 403, "None"),
            (401, "auth_error", 401, "auth_error"),
        ] {
            let now = error(kind, Value::Null, &status.to_string());
            let expected = error(word, json!("None"), &then.to_string());
            assert_eq!(told(status, now), (then, expected), "{kind}");
        }
        let named = error("bad_request_error", json!("key_alias"), "400");
        assert_eq!(told(400, named.clone()), (400, named));
    }

    #[test]
    fn rows_have_what_they_had_then_and_metadata_is_left_alone() {
        let metadata = json!({"key_name": "k", "status": "mine"});
        let row = json!({"key_name": "sk-...1", "rpm_limit": 1, "tpd_limit": 2, "key_type": "x",
            "status": "active", "total_spend": 1.0, "metadata": metadata});

        let (_, then) = told(200, json!({"keys": [row]}));

        let expected = json!({"key_name": "sk-...1", "rpm_limit": 1, "metadata": metadata});
        assert_eq!(then, json!({"keys": [expected]}));
        let report = json!([{"team_id": "t", "total_spend": 5.0}]);
        assert_eq!(told(200, report.clone()), (200, report));
    }
}
