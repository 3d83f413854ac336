//! How providers say what went wrong. Names and texts are in lower case, as they were seen in
//! recorded traffic, documentation and reports; `core/cases/failures` has the bodies.

use super::words::Words;

/// Returns the status that an error without one stands for.
pub(super) fn status(words: &Words) -> u16 {
    let of_name = NAMES.iter().find(|(names, _)| words.is_named(names)).map(|(_, status)| *status);
    // A name says more than a number beside it.
    of_name.or(words.status).unwrap_or(500)
}

const NAMES: &[(&[&str], u16)] = &[
    (&["overloaded_error", "engine_overloaded_error"], 529),
    (&["unavailable", "service_unavailable"], 503),
    (&["billing_error"], 402),
    (&["insufficient_quota", "rate_limit_error", "rate_limit_exceeded", "resource_exhausted"], 429),
    (&["authentication_error", "invalid_api_key", "unauthenticated"], 401),
    (&["permission_error", "permission_denied"], 403),
    (&["not_found_error", "not_found", "model_not_found"], 404),
    (&["request_too_large"], 413),
    (&["timeout_error", "deadline_exceeded"], 504),
    (&["api_error", "server_error", "internal_server_error", "internal"], 500),
    (&["invalid_request_error", "invalid_argument", "failed_precondition", "content_filter"], 400),
    (&["context_length_exceeded", "invalid_prompt"], 400),
];

/// More tokens at once than the account may use in a minute: the request is too large for it,
/// though not for the model.
pub(super) fn is_too_large(status: u16, words: &Words) -> bool {
    match status {
        402 => words.says(&["can only afford"]),
        413 | 429 => {
            words.begins(&["request too large for"])
                || words.says(&["is required for long context requests"])
        }
        _ => false,
    }
}

/// Out of money, or of a quota that does not come back by waiting a minute.
pub(super) fn is_out_of_quota(status: u16, words: &Words) -> bool {
    const NAMES: &[&str] = &[
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "insufficient_credits",
        "arrearage",
        // Z.ai, of an empty balance.
        "1113",
    ];
    const BEGINNINGS: &[&str] = &[
        "your credit balance is too low",
        "you have reached your specified api usage limits",
        "billing hard limit has been reached",
        "insufficient balance",
        "insufficient credits",
        "out of call volume quota",
    ];
    const TEXTS: &[&str] = &[
        "credits",
        "insufficient balance",
        "credit balance",
        "spending limit",
        "spend limit",
        "out of call volume quota",
        "key limit exceeded",
        "subscription is not found",
        "subscription not found",
        "billing is not active",
    ];
    match status {
        402 => true,
        _ if words.is_named(NAMES) || words.begins(BEGINNINGS) => true,
        _ if is_unpaid(words) => true,
        // Clients cannot cause these, so all of the text counts. `OpenRouter` advertises credits
        // where free models are limited.
        401 | 403 | 429 => !words.is_flagged && words.says(TEXTS) && !words.begins(&["rate limit"]),
        _ => false,
    }
}

/// Telkom's marketplace answers so, with whatever status, when an account is not paid for.
fn is_unpaid(words: &Words) -> bool {
    words.is_bare
        && (words.begins(&["subscription is not found", "subscription not found"])
            || words.begins(&["charge"]) && words.says(&["failed"]))
}

pub(super) fn is_busy(words: &Words) -> bool {
    words.is_named(&["overloaded_error", "engine_overloaded_error", "unavailable", "overloaded"])
        || words.says(&["overloaded", "capacity exceeded", "server busy", "too busy"])
}

/// The prompt, or prompt and answer together, exceed what the model holds. Nothing is held against
/// anybody for this, so any text will do.
pub(super) fn is_too_long(words: &Words) -> bool {
    const NAMES: &[&str] = &[
        "context_length_exceeded",
        "exceed_context_size_error",
        "tokens_limit_reached",
        "context_window_exceeded",
        "model_context_window_exceeded",
        "contextwindowexceedederror",
    ];
    const TEXTS: &[&str] = &[
        "maximum context length",
        "maximum prompt length",
        "context window",
        "context length",
        "context limit",
        "available context size",
        "prompt is too long",
        "input is too long",
        "input token count",
        "exceeds the maximum number of tokens",
        "too many tokens",
        "reduce the length of the messages",
        "max_new_tokens` must be",
        "larger than the maximum context",
    ];
    words.is_named(NAMES)
        || words.says(TEXTS)
        || words.says(&["max size:"]) && words.says(&["tokens"])
}

/// Rate limits with a status of the client's.
pub(super) fn is_throttled(words: &Words) -> bool {
    words.is_named(&[
        "rate_limit_exceeded",
        "rate_limit_error",
        "throttlingexception",
        "throttling",
        "resource_exhausted",
    ])
}

/// Credentials refused, and accounts switched off, with a status of the client's.
pub(super) fn is_refused(words: &Words) -> bool {
    const NAMES: &[&str] = &[
        "api_key_invalid",
        "api_key_expired",
        "invalid_api_key",
        "account_deactivated",
        "organization_restricted",
        "unrecognizedclientexception",
        "expiredtokenexception",
    ];
    const BEGINNINGS: &[&str] = &[
        "api key not valid",
        "api key expired",
        "api key not found",
        "incorrect api key provided",
        "this organization has been disabled",
        "user location is not supported",
        "no api key found in request",
        "duplicate api key found",
    ];
    words.is_named(NAMES) || words.begins(BEGINNINGS)
}

/// The model is gone, with a status of the client's. Its name is ours, so no quote can say this.
pub(super) fn is_model_gone(words: &Words) -> bool {
    words.is_named(&[
        "model_not_found",
        "invalid_model",
        "model_decommissioned",
        "model_not_active",
        "deploymentnotfound",
    ]) || words.begins(&["invalid model"])
        || words.says(&["is not a valid model id"])
}

/// Of what is not found or not allowed, the model.
pub(super) fn is_about_model(words: &Words) -> bool {
    words.is_named(&["model_not_found", "deploymentnotfound", "model"])
        || words.says(&["model", "deployment", "no endpoints found"])
}

/// Of what is not found or not allowed, something the client named.
pub(super) fn is_about_thing(words: &Words) -> bool {
    const NAMES: &[&str] =
        &["previous_response_not_found", "previous_response_id", "file_not_found", "conversation"];
    const TEXTS: &[&str] = &[
        "file",
        "previous response",
        "vector store",
        "container",
        "item with id",
        "conversation with id",
        "cachedcontent",
        "cached content",
        "no such",
    ];
    words.is_named(NAMES) || words.says(TEXTS)
}

/// What this model cannot do, and another perhaps can.
pub(super) fn is_beyond_model(words: &Words) -> bool {
    words.is_named(&["unsupported_parameter", "unsupported_value", "unsupported_model"])
        || words.says(&[
            "does not support tools",
            "does not support images",
            "does not support image input",
            "does not support thinking",
            "no endpoints found that",
            "no endpoints found matching",
        ])
}
