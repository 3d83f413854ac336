//! What each route is asked with: bodies with an example, and parameters.

use crate::http::openapi::fields::{self as f, Field};
use crate::http::openapi::member_fields as m;

/// What the body of a route holds.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Method and template of the path.
    pub route: (&'static str, &'static str),
    /// Its fields, in groups that routes share.
    pub fields: &'static [&'static [Field]],
    /// A body that is taken, as JSON.
    pub example: &'static str,
}

const fn body(
    route: (&'static str, &'static str),
    fields: &'static [&'static [Field]],
    example: &'static str,
) -> Body {
    Body { route, fields, example }
}

/// Every route that reads a body. Examples follow each other: what one makes, later ones change,
/// and the last ones delete.
pub const BODIES: &[Body] = &[
    body(
        ("POST", "/v2/login"),
        &[f::PASSWORD],
        r#"{"username": "admin", "password": "sk-of-the-master"}"#,
    ),
    body(
        ("POST", "/budget/new"),
        &[f::BUDGET, f::LIMITS],
        r#"{"budget_id": "standard", "max_budget": 10, "budget_duration": "30d"}"#,
    ),
    body(
        ("POST", "/budget/update"),
        &[f::BUDGET, f::LIMITS],
        r#"{"budget_id": "standard", "max_budget": 20}"#,
    ),
    body(("POST", "/budget/info"), &[f::BUDGET_IDS], r#"{"budgets": ["standard"]}"#),
    body(
        ("POST", "/organization/new"),
        &[f::ORGANIZATION, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"organization_id": "acme", "organization_alias": "Acme", "max_budget": 100}"#,
    ),
    body(
        ("PATCH", "/organization/update"),
        &[f::ORGANIZATION, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"organization_id": "acme", "organization_alias": "Acme Ltd"}"#,
    ),
    body(("POST", "/organization/info"), &[f::ORGANIZATIONS], r#"{"organizations": ["acme"]}"#),
    body(
        ("POST", "/team/new"),
        &[f::NEW_TEAM, f::TEAM, m::FIRST_MEMBERS, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"team_id": "search", "team_alias": "Search", "models": ["gpt-4o-mini"]}"#,
    ),
    body(
        ("POST", "/team/update"),
        &[f::TEAM_ID, f::TEAM, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"team_id": "search", "rpm_limit": 600}"#,
    ),
    body(("POST", "/team/block"), &[f::TEAM_ID], r#"{"team_id": "search"}"#),
    body(("POST", "/team/unblock"), &[f::TEAM_ID], r#"{"team_id": "search"}"#),
    body(
        ("POST", "/user/new"),
        &[f::USER, f::KEY_OF_USER, f::PARTS_OF_USER, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"user_id": "ada", "user_email": "ada@example.com", "user_role": "internal_user"}"#,
    ),
    body(
        ("POST", "/user/update"),
        &[f::USER, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"user_id": "ada", "max_budget": 5, "budget_duration": "1mo"}"#,
    ),
    body(
        ("POST", "/team/member_add"),
        &[m::NEW_MEMBER, m::MEMBER_LIMITS],
        r#"{"team_id": "search", "member": {"role": "user", "user_id": "ada"},
            "max_budget_in_team": 3, "budget_duration": "30d"}"#,
    ),
    body(
        ("POST", "/team/bulk_member_add"),
        &[m::NEW_MEMBERS, m::MEMBER_LIMITS],
        r#"{"team_id": "search", "members": [{"role": "user", "user_id": "grace"}]}"#,
    ),
    body(
        ("POST", "/team/member_update"),
        &[m::KNOWN_MEMBER, m::MEMBER_ROLE, m::MEMBER_LIMITS],
        r#"{"team_id": "search", "user_id": "ada", "rpm_limit": 10}"#,
    ),
    body(
        ("POST", "/team/{team_id}/member/{user_id}/reset_spend"),
        &[f::RESET],
        r#"{"reset_to": 0}"#,
    ),
    body(
        ("POST", "/team/member_delete"),
        &[m::KNOWN_MEMBER],
        r#"{"team_id": "search", "user_id": "grace"}"#,
    ),
    body(
        ("PATCH", "/team/{team_id}"),
        &[f::TEAM, f::ENTITY, f::OWNER, f::LIMITS],
        r#"{"team_alias": "Search and find"}"#,
    ),
    body(
        ("POST", "/team/model/add"),
        &[m::TEAM_MODELS],
        r#"{"team_id": "search", "models": ["small/embed"]}"#,
    ),
    body(
        ("POST", "/team/model/delete"),
        &[m::TEAM_MODELS],
        r#"{"team_id": "search", "models": ["small/embed"]}"#,
    ),
    body(
        ("POST", "/team/permissions_update"),
        &[m::TEAM_PERMISSIONS],
        r#"{"team_id": "search", "team_member_permissions": ["/key/generate"]}"#,
    ),
    body(
        ("POST", "/organization/member_add"),
        &[m::NEW_PART],
        r#"{"organization_id": "acme", "member": {"role": "internal_user", "user_id": "ada"}}"#,
    ),
    body(
        ("PATCH", "/organization/member_update"),
        &[m::KNOWN_PART, m::PART_ROLE],
        r#"{"organization_id": "acme", "user_id": "ada", "role": "org_admin"}"#,
    ),
    body(
        ("DELETE", "/organization/member_delete"),
        &[m::KNOWN_PART],
        r#"{"organization_id": "acme", "user_id": "ada"}"#,
    ),
    body(
        ("POST", "/key/generate"),
        &[f::CHOSEN_KEY, f::KEY, f::LIMITS],
        r#"{"key": "sk-example-of-a-key", "key_alias": "example", "user_id": "ada",
            "models": ["gpt-4o-mini"], "max_budget": 5, "budget_duration": "30d",
            "duration": "90d"}"#,
    ),
    body(
        ("POST", "/key/service-account/generate"),
        &[f::KEY, f::LIMITS],
        r#"{"team_id": "search", "key_alias": "nightly"}"#,
    ),
    body(
        ("POST", "/key/update"),
        &[f::KEY_ID, f::KEY, f::LIMITS],
        r#"{"key": "sk-example-of-a-key", "rpm_limit": 60}"#,
    ),
    body(
        ("POST", "/key/bulk_update"),
        &[f::KEY_CHANGES],
        r#"{"keys": [{"key": "sk-example-of-a-key", "tpm_limit": 100000}]}"#,
    ),
    body(("POST", "/v2/key/info"), &[f::KEY_NAMES], r#"{"keys": ["sk-example-of-a-key"]}"#),
    body(("POST", "/key/block"), &[f::KEY_ID], r#"{"key": "sk-example-of-a-key"}"#),
    body(("POST", "/key/unblock"), &[f::KEY_ID], r#"{"key": "sk-example-of-a-key"}"#),
    body(("POST", "/key/{key}/reset_spend"), &[f::RESET], r#"{"reset_to": 0}"#),
    body(
        ("POST", "/key/regenerate"),
        &[f::KEY_ID, f::RENEWAL, f::KEY, f::LIMITS],
        r#"{"key": "sk-example-of-a-key", "new_key": "sk-example-of-another", "tpm_limit": 9000}"#,
    ),
    body(
        ("POST", "/key/{key}/regenerate"),
        &[f::RENEWAL, f::KEY, f::LIMITS],
        r#"{"new_key": "sk-example-of-a-key"}"#,
    ),
    body(
        ("POST", "/customer/new"),
        &[f::CUSTOMER, f::ENTITY, f::LIMITS],
        r#"{"user_id": "visitor-7", "alias": "A visitor", "max_budget": 0.5}"#,
    ),
    body(
        ("POST", "/customer/update"),
        &[f::CUSTOMER, f::ENTITY, f::LIMITS],
        r#"{"user_id": "visitor-7", "rpm_limit": 5}"#,
    ),
    body(("POST", "/customer/block"), &[f::USER_IDS], r#"{"user_ids": ["visitor-7"]}"#),
    body(("POST", "/customer/unblock"), &[f::USER_IDS], r#"{"user_ids": ["visitor-7"]}"#),
    body(("POST", "/customer/delete"), &[f::USER_IDS], r#"{"user_ids": ["visitor-7"]}"#),
    body(
        ("POST", "/end_user/new"),
        &[f::CUSTOMER, f::ENTITY, f::LIMITS],
        r#"{"user_id": "visitor-8"}"#,
    ),
    body(
        ("POST", "/end_user/update"),
        &[f::CUSTOMER, f::ENTITY, f::LIMITS],
        r#"{"user_id": "visitor-8", "alias": "Another visitor"}"#,
    ),
    body(("POST", "/end_user/block"), &[f::USER_IDS], r#"{"user_ids": ["visitor-8"]}"#),
    body(("POST", "/end_user/unblock"), &[f::USER_IDS], r#"{"user_ids": ["visitor-8"]}"#),
    body(("POST", "/end_user/delete"), &[f::USER_IDS], r#"{"user_ids": ["visitor-8"]}"#),
    body(
        ("POST", "/tag/new"),
        &[f::TAG, f::ENTITY, f::LIMITS],
        r#"{"name": "batch", "description": "Nightly jobs", "max_budget": 50}"#,
    ),
    body(
        ("POST", "/tag/update"),
        &[f::TAG, f::ENTITY, f::LIMITS],
        r#"{"name": "batch", "max_budget": 60}"#,
    ),
    body(("POST", "/tag/info"), &[f::TAG_NAMES], r#"{"names": ["batch"]}"#),
    body(("POST", "/tag/delete"), &[f::TAG_NAME], r#"{"name": "batch"}"#),
    body(
        ("POST", "/spend/calculate"),
        &[f::COST],
        r#"{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}"#,
    ),
    body(
        ("POST", "/policy/replay"),
        &[f::REPLAY],
        r#"{"user_id": "ada", "start_date": "2026-11-01", "end_date": "2026-11-30",
            "policy": {"max_budget": 5, "rpm_limit": 10}}"#,
    ),
    body(
        ("POST", "/policy/explain"),
        &[f::EXPLAIN],
        r#"{"key": "sk-example", "path": "/v1/chat/completions",
            "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}}"#,
    ),
    body(
        ("POST", "/utils/token_counter"),
        &[f::COUNT],
        r#"{"model": "gpt-4o-mini", "prompt": "Hello!"}"#,
    ),
    body(
        ("POST", "/global/spend/end_users"),
        &[f::CUSTOMERS_OF],
        r#"{"startTime": "2026-11-01", "endTime": "2026-11-30"}"#,
    ),
    body(
        ("POST", "/credentials"),
        &[f::CREDENTIAL],
        r#"{"credential_name": "openai", "credential_values": {"api_key": "sk-example"},
            "credential_info": {"description": "The company's account"}}"#,
    ),
    body(
        ("PATCH", "/credentials/{name}"),
        &[f::CREDENTIAL_CHANGE],
        r#"{"credential_values": {"api_key": "sk-another"}}"#,
    ),
    body(
        ("POST", "/model/new"),
        &[f::MODEL],
        r#"{"model_name": "fast", "model_info": {"id": "fast-1"},
            "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "sk-example"}}"#,
    ),
    body(
        ("POST", "/model/update"),
        &[f::MODEL],
        r#"{"model_info": {"id": "fast-1"}, "litellm_params": {"rpm": 100}}"#,
    ),
    body(("PATCH", "/model/{id}/update"), &[f::MODEL], r#"{"litellm_params": {"tpm": 100000}}"#),
    body(("POST", "/model/delete"), &[f::ID], r#"{"id": "fast-1"}"#),
    body(
        ("POST", "/api/provider-nodes"),
        &[f::NODE],
        r#"{"name": "Ours", "prefix": "ours", "type": "openai-compatible", "apiType": "chat",
            "baseUrl": "https://llm.example.com/v1"}"#,
    ),
    body(("PUT", "/api/provider-nodes/{id}"), &[f::NODE], r#"{"name": "Our own"}"#),
    body(("POST", "/api/provider-nodes/validate"), &[f::NODE], r#"{"prefix": "ours"}"#),
    body(
        ("POST", "/api/providers"),
        &[f::CONNECTION],
        r#"{"provider": "groq", "name": "First account", "apiKey": "gsk-example",
            "defaultModel": "llama-3.3-70b-versatile"}"#,
    ),
    body(("PUT", "/api/providers/{id}"), &[f::CONNECTION], r#"{"priority": 1}"#),
    body(("POST", "/api/providers/validate"), &[f::CONNECTION], r#"{"provider": "groq"}"#),
    body(
        ("POST", "/api/provider-models"),
        &[f::PROVIDER_MODEL],
        r#"{"provider": "groq", "modelId": "llama-3.1-8b-instant"}"#,
    ),
    body(("PUT", "/api/models/alias"), &[f::ALIAS], ALIAS),
    body(("POST", "/api/models/alias"), &[f::ALIAS], ALIAS),
    body(
        ("POST", "/api/combos"),
        &[f::COMBO],
        r#"{"name": "careful", "strategy": "priority", "models": ["gpt-4o-mini"]}"#,
    ),
    body(("PUT", "/api/combos/{id}"), &[f::COMBO], r#"{"strategy": "weighted"}"#),
    body(("POST", "/api/combos/test"), &[f::COMBO_NAME], r#"{"comboName": "careful"}"#),
    body(
        ("POST", "/api/models/availability"),
        &[f::MARK],
        r#"{"provider": "groq", "model": "llama-3.3-70b-versatile"}"#,
    ),
    body(("PATCH", "/api/resilience"), &[f::RESILIENCE], r#"{"resilience": {"failures": 5}}"#),
    body(("PUT", "/api/resilience"), &[f::RESILIENCE], r#"{"resilience": {"failures": 5}}"#),
    body(
        ("POST", "/cost/estimate"),
        &[f::ESTIMATE],
        r#"{"model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 200,
            "num_requests_per_day": 50}"#,
    ),
    body(
        ("POST", "/user/bulk_update"),
        &[f::USER_CHANGES],
        r#"{"users": [{"user_id": "ada", "max_budget": 6}]}"#,
    ),
    body(
        ("POST", "/team/key/bulk_update"),
        &[f::TEAM_KEY_CHANGES],
        r#"{"team_id": "search", "all_keys_in_team": true, "update_fields": {"rpm_limit": 60}}"#,
    ),
    body(
        ("POST", "/team/permissions_bulk_update"),
        &[f::PERMISSION_CHANGES],
        r#"{"team_ids": ["search"], "permissions": ["/key/info"]}"#,
    ),
    body(
        ("POST", "/model_group/make_public"),
        &[f::PUBLIC_MODELS],
        r#"{"model_groups": ["gpt-4o-mini"]}"#,
    ),
    body(("POST", "/key/delete"), &[f::KEYS], r#"{"keys": ["sk-example-of-a-key"]}"#),
    body(("POST", "/user/delete"), &[f::USER_IDS], r#"{"user_ids": ["ada"]}"#),
    body(("POST", "/team/delete"), &[f::TEAM_IDS], r#"{"team_ids": ["search"]}"#),
    body(
        ("DELETE", "/organization/delete"),
        &[f::ORGANIZATION_IDS],
        r#"{"organization_ids": ["acme"]}"#,
    ),
    body(("POST", "/budget/delete"), &[f::ID], r#"{"id": "standard"}"#),
];

const ALIAS: &str = r#"{"alias": "cheap", "model": "gpt-4o-mini"}"#;
