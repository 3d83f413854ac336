//! Refusals as `LiteLLM`'s proxy writes them, for clients that match on its statuses, types and
//! texts. Where it would print a key or its hash, the text that clients match on stays and the
//! secret is left out. What it has no case for keeps our words, in its form.

use serde_json::{Value, json};

use super::{FormFault, Refusal, Rendered};
use crate::meter::Dimension;
use crate::meter::leases::Shortage;
use crate::money::NanoDollars;

mod limit;
#[cfg(test)]
mod tests;

/// Which of its releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// 1.83 and before.
    Of183,
    /// 1.105 and after.
    Latest,
}

/// What `error.type` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A word of its own, in every release.
    Named(&'static str),
    /// None is given: the word "None" before, since then the one that the status stands for.
    Unnamed,
    /// None is given by its router: `null` before.
    OfRouter,
    /// By its limiter.
    OfLimiter,
}

/// An error's parts.
struct Parts<'a> {
    status: u16,
    kind: Kind,
    param: Option<&'a str>,
    message: String,
}

/// Renders a refusal. Its code is the ledger's, which is the same for every profile.
pub(super) fn render(refusal: &Refusal, era: Era) -> Rendered {
    let (_, _, code) = refusal.class();
    // What its server says before its own code is asked has another form.
    let (status, body) = if *refusal == Refusal::UnknownPath {
        (404, json!({"detail": "Not Found"}))
    } else if *refusal == Refusal::WrongMethod {
        (405, json!({"detail": "Method Not Allowed"}))
    } else if *refusal == Refusal::RouteNotAllowed {
        (403, json!({"detail": refusal.message()}))
    } else {
        envelope(refusal, era)
    };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    Rendered { status, code, headers: refusal.headers(), body }
}

fn envelope(refusal: &Refusal, era: Era) -> (u16, Value) {
    let Parts { status, kind, param, message } = parts(refusal, era);
    let mut error = json!({
        "message": message,
        "type": kind.word(status, era),
        "param": param.map_or_else(|| no_param(refusal, era), |param| json!(param)),
        // The status, as a string: its clients parse it as a number.
        "code": status.to_string(),
    });
    if let (Refusal::PromptTooLong(_), Some(error)) = (refusal, error.as_object_mut()) {
        let code = json!({"code": refusal.class().2});
        error.insert("provider_specific_fields".to_owned(), code);
    }
    (status, json!({"error": error}))
}

/// What stands for no field that is to blame.
fn no_param(refusal: &Refusal, era: Era) -> Value {
    let of_money = matches!(refusal, Refusal::LimitReached(shortage)
        if shortage.meter.dimension == Dimension::Money);
    let null = matches!(
        refusal,
        Refusal::BudgetExceeded { .. } | Refusal::ModelNotFound(_) | Refusal::NoProvider { .. }
    );
    if era == Era::Latest || null || of_money { Value::Null } else { json!("None") }
}

impl Kind {
    fn word(self, status: u16, era: Era) -> Value {
        match (self, era) {
            (Self::Named(word), _) => json!(word),
            (Self::Unnamed | Self::OfLimiter, Era::Of183) => json!("None"),
            (Self::OfRouter, Era::Of183) => Value::Null,
            (Self::OfRouter | Self::OfLimiter, Era::Latest) if status == 429 => json!(THROTTLED),
            (_, Era::Latest) => json!(of_status(status)),
        }
    }
}

fn of_status(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "internal_server_error",
    }
}

fn parts(refusal: &Refusal, era: Era) -> Parts<'_> {
    let (status, kind, message) = class(refusal, era);
    Parts { status, kind, param: param(refusal), message }
}

/// Returns the field that is to blame, where it says one.
fn param(refusal: &Refusal) -> Option<&str> {
    if *refusal == Refusal::UnknownKey {
        Some("key")
    } else if *refusal == Refusal::ExpiredKey {
        // The last digits of its hash would follow.
        Some("sk-...")
    } else if let Refusal::InvalidJson(_) = refusal {
        Some("request_body")
    } else if let Refusal::ModelNotFound(_) = refusal {
        None
    } else {
        refusal.param()
    }
}

const AUTH: Kind = Kind::Named("auth_error");

/// Returns status, type and message.
fn class(refusal: &Refusal, era: Era) -> (u16, Kind, String) {
    let since = |before: u16, after: u16| if era == Era::Of183 { before } else { after };
    let own = || refusal.message();
    match refusal {
        Refusal::NoKey => (401, AUTH, "Authentication Error, No api key passed in.".to_owned()),
        Refusal::UnknownKey => (401, Kind::Named("token_not_found_in_db"), unknown_key(era)),
        Refusal::BlockedKey => (401, AUTH, BLOCKED.to_owned()),
        Refusal::ExpiredKey => {
            (since(400, 401), Kind::Named("expired_key"), format!("{EXPIRED} {}", own()))
        }
        Refusal::AddressNotAllowed => (403, AUTH, own()),
        Refusal::BudgetExceeded { limit, used } => {
            (since(400, 422), BUDGET, limit::of_a_spent_key(*limit, *used))
        }
        Refusal::LimitReached(shortage) if shortage.meter.dimension == Dimension::Money => {
            (since(400, 422), BUDGET, limit::spent(shortage))
        }
        Refusal::LimitReached(shortage) => (429, Kind::OfLimiter, limit::reached(shortage)),
        Refusal::ModelNotAllowed(model) => (
            since(401, 403),
            Kind::Named("key_model_access_denied"),
            format!("key not allowed to access model. Tried to access {model}"),
        ),
        Refusal::ModelNotFound(model) => (400, Kind::OfRouter, unknown_model(model)),
        Refusal::MissingField("messages") => (since(500, 400), Kind::Unnamed, own()),
        Refusal::InvalidJson(_)
        | Refusal::Form(FormFault::Malformed(_) | FormFault::FieldAfterFile(_)) => {
            (400, Kind::Named("invalid_request_error"), own())
        }
        Refusal::BodyTooLarge(_) | Refusal::Form(FormFault::FileBeforeModel(_)) => {
            (413, Kind::Named("bad_request_error"), own())
        }
        Refusal::PolicyUnavailable => (since(401, 503), Kind::Named("no_db_connection"), own()),
        Refusal::CannotCarry(_) => (400, Kind::Unnamed, upstream("UnsupportedParamsError", own())),
        Refusal::NoProvider { retry_after_seconds } => {
            (429, Kind::OfRouter, nobody(*retry_after_seconds))
        }
        Refusal::PromptTooLong(_) => (400, Kind::OfRouter, too_long(own())),
        Refusal::ProviderFailed => of_provider(500, own()),
        Refusal::ProviderTimeout | Refusal::AllFailed { status: 504, .. } => {
            of_provider(408, own())
        }
        Refusal::ProviderCredential(status) | Refusal::AllFailed { status, .. } => {
            of_provider(*status, own())
        }
        // It has no such case: the status says of what type it is.
        Refusal::Unpriced(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::UnknownPath
        | Refusal::RouteNotAllowed
        | Refusal::WrongMethod
        | Refusal::IdempotencyConflict
        | Refusal::RequestTimeout
        | Refusal::HostCannotHold
        | Refusal::Unsupported(_)
        | Refusal::UnknownObject { .. }
        | Refusal::Work(_)
        | Refusal::Internal => (refusal.class().0, Kind::Unnamed, own()),
    }
}

fn too_long(own: String) -> String {
    upstream("ContextWindowExceededError", upstream("BadRequestError", own))
}

/// What went wrong at a provider.
fn of_provider(status: u16, own: String) -> (u16, Kind, String) {
    let kind = if status == 429 { Kind::Named(THROTTLED) } else { Kind::Unnamed };
    (status, kind, upstream(error_class(status), own))
}

fn upstream(class: &str, message: impl AsRef<str>) -> String {
    format!("litellm.{class}: {}", message.as_ref())
}

/// The name of its exception for a provider's status.
fn error_class(status: u16) -> &'static str {
    match status {
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        404 => "NotFoundError",
        408 => "Timeout",
        422 => "UnprocessableEntityError",
        429 => "RateLimitError",
        400..=499 => "BadRequestError",
        503 => "ServiceUnavailableError",
        _ => "InternalServerError",
    }
}

fn unknown_model(model: &str) -> String {
    let message =
        format!("You passed in model={model}. There are no healthy deployments for this model");
    upstream("BadRequestError", message)
}

fn nobody(seconds: u64) -> String {
    format!("No deployments available for selected model, Try again in {seconds} seconds.")
}

fn unknown_key(era: Era) -> String {
    match era {
        // The key's tail and its hash would follow.
        Era::Of183 => "Authentication Error, Invalid proxy server token passed.",
        Era::Latest => "Authentication Error, Invalid API key provided.",
    }
    .to_owned()
}

const THROTTLED: &str = "throttling_error";
const BUDGET: Kind = Kind::Named("budget_exceeded");
const BLOCKED: &str =
    "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.";
const EXPIRED: &str = "Authentication Error - Expired Key.";
