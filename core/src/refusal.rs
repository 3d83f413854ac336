//! Why we say no, in one place, with the status, type and code of the `openai` error profile;
//! `litellm` has those of the other profiles.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::meter::Dimension;
use crate::meter::leases::Shortage;
use crate::money::NanoDollars;
use crate::policy::access::Denied;
use crate::settings::ErrorProfile;

mod form;
mod limit;
mod litellm;
mod moment;
mod object;
mod work;

pub use form::FormFault;
pub use work::WorkFault;

/// A request that ends here. [`Refusal::render`] makes the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No credential in any header.
    NoKey,
    /// A credential that is no key of ours.
    UnknownKey,
    /// The key's time is over.
    ExpiredKey,
    /// The key is switched off.
    BlockedKey,
    /// The client may not call from where it is.
    AddressNotAllowed,
    /// The key may not call this route.
    RouteNotAllowed,
    /// The key may not use this model.
    ModelNotAllowed(String),
    /// The key has spent its budget.
    BudgetExceeded {
        /// The budget.
        limit: NanoDollars,
        /// What is spent, as far as known.
        used: NanoDollars,
    },
    /// A limit has not enough left.
    LimitReached(Box<Shortage>),
    /// There is a money limit, and nobody knows what this model costs.
    Unpriced(String),
    /// Work that a provider does after it has answered, and that may not be asked for.
    Work(WorkFault),
    /// The body is not a JSON object.
    InvalidJson(String),
    /// A form with files that cannot be taken.
    Form(FormFault),
    /// A field that must be there is not.
    MissingField(&'static str),
    /// A field holds the wrong kind of value.
    InvalidField {
        /// The field's name.
        field: &'static str,
        /// What it must be, such as "a string".
        expected: &'static str,
    },
    /// No enabled provider has this model.
    ModelNotFound(String),
    /// A path that we do not serve.
    UnknownPath,
    /// A path that we serve, but not with this method.
    WrongMethod,
    /// Something else was asked under the same idempotency key.
    IdempotencyConflict,
    /// More body than the limit, in bytes.
    BodyTooLarge(u64),
    /// The client did not send its request in time.
    RequestTimeout,
    /// The filter cannot decide now.
    PolicyUnavailable,
    /// Envoy runs the filter in a way in which it could not enforce anything.
    HostCannotHold,
    /// The model's provider has nothing like the endpoint that was asked.
    Unsupported(String),
    /// The provider's dialect cannot carry this field, and the model is strict about it.
    CannotCarry(String),
    /// A fault of ours.
    Internal,
    /// No answer came from the provider: connection refused, reset, or not HTTP.
    ProviderFailed,
    /// The provider did not answer in time.
    ProviderTimeout,
    /// The provider refused the credential that we have for it.
    ProviderCredential(u16),
    /// Everybody who could have answered failed.
    AllFailed {
        /// What the client asked for.
        model: String,
        /// The status of the last one.
        status: u16,
    },
    /// Nobody who could answer is in rotation.
    NoProvider {
        /// When somebody is again.
        retry_after_seconds: u64,
    },
    /// No target takes a prompt as long as this one; the longest, in tokens.
    PromptTooLong(u64),
    /// An object that is not there, or somebody else's, which must look the same.
    UnknownObject {
        /// What it is, such as "file".
        noun: &'static str,
        /// Its id, as the client wrote it.
        id: String,
    },
}

/// An answer to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// The error's `code`, also for the ledger.
    pub code: &'static str,
    /// Headers besides `content-type`.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON.
    pub body: Vec<u8>,
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Blocked => Self::BlockedKey,
            Denied::Expired => Self::ExpiredKey,
            Denied::BudgetSpent { limit, used } => Self::BudgetExceeded { limit, used },
        }
    }
}

impl Refusal {
    /// Renders the refusal for clients of the OpenAI API, as a profile has it.
    pub fn render_as(&self, profile: ErrorProfile) -> Rendered {
        match profile {
            ErrorProfile::OpenAi => self.render(),
            ErrorProfile::LiteLlm => litellm::render(self, litellm::Era::Latest),
            ErrorProfile::LiteLlm183 => litellm::render(self, litellm::Era::Of183),
        }
    }

    /// Renders the refusal as an OpenAI error.
    pub fn render(&self) -> Rendered {
        let (status, kind, code) = self.class();
        let mut error = json!({"error": {
            "message": self.message(), "type": kind, "param": self.param(), "code": code,
        }});
        if let (Some(facts), Some(error)) = (self.limit(), error.get_mut("error")) {
            error["limit"] = facts;
        }
        let body = serde_json::to_vec(&error).unwrap_or_default();
        Rendered { status, code, headers: self.headers(), body }
    }

    /// Returns its status, `type` and `code`.
    pub(crate) fn class(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::NoKey | Self::UnknownKey => (401, "authentication_error", "invalid_api_key"),
            Self::ExpiredKey => (401, "authentication_error", "expired_api_key"),
            Self::BlockedKey => (403, "permission_error", "key_blocked"),
            Self::AddressNotAllowed => (403, "permission_error", "ip_not_allowed"),
            Self::RouteNotAllowed => (403, "permission_error", "route_not_allowed"),
            Self::ModelNotAllowed(_) => (403, "permission_error", "model_not_allowed"),
            Self::BudgetExceeded { .. } => (429, "insufficient_quota", "budget_exceeded"),
            Self::LimitReached(shortage) if shortage.meter.dimension == Dimension::Money => {
                (429, "insufficient_quota", "budget_exceeded")
            }
            Self::LimitReached(_) => (429, "rate_limit_error", "rate_limit_exceeded"),
            Self::Work(fault) => fault.class(),
            Self::Unpriced(_) => (403, "permission_error", "model_not_priced"),
            Self::InvalidJson(_) => (400, "invalid_request_error", "invalid_json"),
            Self::Form(fault) => fault.class(),
            Self::MissingField(_) => (400, "invalid_request_error", "missing_field"),
            Self::InvalidField { .. } => (400, "invalid_request_error", "invalid_field"),
            Self::ModelNotFound(_) => (404, "invalid_request_error", "model_not_found"),
            Self::CannotCarry(_) => (400, "invalid_request_error", "unsupported_parameter"),
            Self::Unsupported(_) => (400, "invalid_request_error", "unsupported_endpoint"),
            Self::UnknownPath | Self::UnknownObject { .. } => {
                (404, "invalid_request_error", "not_found")
            }
            Self::WrongMethod => (405, "invalid_request_error", "method_not_allowed"),
            Self::IdempotencyConflict => (409, "invalid_request_error", "idempotency_conflict"),
            Self::BodyTooLarge(_) => (413, "invalid_request_error", "payload_too_large"),
            Self::RequestTimeout => (408, "invalid_request_error", "request_timeout"),
            Self::PolicyUnavailable => (503, "service_unavailable_error", "policy_unavailable"),
            Self::HostCannotHold | Self::Internal => (500, "server_error", "internal_error"),
            Self::ProviderFailed => (502, "api_error", "provider_error"),
            Self::ProviderTimeout => (504, "api_error", "provider_error"),
            Self::ProviderCredential(status) | Self::AllFailed { status, .. } => {
                (*status, "api_error", "provider_error")
            }
            Self::NoProvider { .. } => (503, "service_unavailable_error", "provider_error"),
            Self::PromptTooLong(_) => (400, "invalid_request_error", "context_length_exceeded"),
        }
    }

    /// Says it to people.
    pub fn message(&self) -> String {
        match self {
            Self::NoKey => NO_KEY.into(),
            Self::UnknownKey => "The API key is not valid. Check it, or ask for a new one.".into(),
            Self::ExpiredKey => "The API key has expired. Ask for a new one.".into(),
            Self::BlockedKey => "The API key is blocked. Ask an admin to unblock it.".into(),
            Self::AddressNotAllowed => "Calls from your address are not allowed.".into(),
            // To the letter: clients match on how it begins.
            Self::RouteNotAllowed => "Virtual key is not allowed to call this route.".into(),
            Self::ModelNotAllowed(model) => format!("This API key may not use model '{model}'."),
            Self::BudgetExceeded { .. } => "The budget of this API key is spent.".into(),
            Self::LimitReached(shortage) => shortage.message(),
            Self::Unpriced(model) => format!(
                "Model '{model}' has no price, and your budget cannot be kept without one. Ask an \
                 admin to set its price, or to declare it free."
            ),
            Self::Work(fault) => fault.message(),
            Self::InvalidJson(why) => format!("The body is not a valid JSON object: {why}."),
            Self::Form(fault) => fault.message(),
            Self::MissingField(field) => format!("Missing required field: '{field}'."),
            Self::InvalidField { field, expected } => {
                format!("Invalid value for '{field}': expected {expected}.")
            }
            Self::ModelNotFound(model) => {
                format!("Model '{model}' not found in any enabled provider")
            }
            Self::CannotCarry(field) => {
                format!("'{field}' cannot be carried to the provider of this model.")
            }
            Self::Unsupported(model) => {
                format!("Model '{model}' does not serve this endpoint: its provider has none.")
            }
            Self::UnknownPath => "There is nothing at this path.".into(),
            Self::WrongMethod => "This path does not support this method.".into(),
            Self::IdempotencyConflict => {
                "Another request was made under this idempotency key. Give each its own.".into()
            }
            Self::BodyTooLarge(limit) => format!("The body is larger than {limit} bytes."),
            Self::RequestTimeout => "The request did not arrive in time.".into(),
            Self::PolicyUnavailable => {
                "The gateway cannot check this request right now. Try again shortly.".into()
            }
            Self::HostCannotHold => "The gateway refuses to serve: Envoy does not hold request \
                                     headers while the body is read. Set \
                                     `allow_on_headers_stop_iteration: true` in the plugin's \
                                     configuration."
                .into(),
            Self::Internal => "The gateway made a mistake.".into(),
            Self::ProviderFailed => "The provider could not be reached or gave no answer.".into(),
            Self::ProviderTimeout => "The provider did not answer in time.".into(),
            Self::ProviderCredential(_) => {
                "The provider refused the gateway's credential. Tell the gateway's admin.".into()
            }
            // To the letter: clients match on it.
            Self::AllFailed { model, .. } => format!("All providers failed for model '{model}'"),
            Self::NoProvider { .. } => {
                "No provider of this model is available right now. Try again shortly.".into()
            }
            Self::UnknownObject { noun, id } => object::message(noun, id),
            Self::PromptTooLong(most) => {
                format!("The prompt is too long: this model takes at most {most} tokens.")
            }
        }
    }

    /// Returns what a program wants to know about the limit that was reached.
    fn limit(&self) -> Option<Value> {
        if let Self::BudgetExceeded { limit, used } = self {
            return Some(limit::of_a_spent_key(*limit, *used));
        }
        if let Self::LimitReached(shortage) = self { Some(shortage.facts()) } else { None }
    }

    /// Returns the field that is to blame.
    pub(crate) fn param(&self) -> Option<&str> {
        match self {
            Self::MissingField(field) | Self::InvalidField { field, .. } => Some(field),
            Self::Form(fault) => fault.param(),
            Self::Work(fault) => Some(fault.param()),
            Self::CannotCarry(field) => Some(field),
            Self::ModelNotAllowed(_)
            | Self::ModelNotFound(_)
            | Self::Unpriced(_)
            | Self::Unsupported(_) => Some("model"),
            Self::NoKey
            | Self::UnknownKey
            | Self::ExpiredKey
            | Self::BlockedKey
            | Self::AddressNotAllowed
            | Self::RouteNotAllowed
            | Self::BudgetExceeded { .. }
            | Self::LimitReached(_)
            | Self::InvalidJson(_)
            | Self::UnknownPath
            | Self::WrongMethod
            | Self::IdempotencyConflict
            | Self::BodyTooLarge(_)
            | Self::RequestTimeout
            | Self::PolicyUnavailable
            | Self::HostCannotHold
            | Self::Internal
            | Self::ProviderFailed
            | Self::ProviderTimeout
            | Self::ProviderCredential(_)
            | Self::AllFailed { .. }
            | Self::NoProvider { .. }
            | Self::PromptTooLong(_)
            | Self::UnknownObject { .. } => None,
        }
    }

    /// Returns the headers besides `content-type`.
    pub(crate) fn headers(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        if let Self::LimitReached(shortage) = self {
            return shortage.headers();
        }
        if let Self::NoProvider { retry_after_seconds } = self {
            return vec![("retry-after", retry_after_seconds.to_string().into())];
        }
        match self.class().0 {
            // It is not the client's budget that these lack.
            _ if matches!(self, Self::AllFailed { .. }) => Vec::new(),
            503 => vec![("retry-after", "1".into())],
            // Waiting does not refill a budget, nor change what was asked first: official SDKs
            // honour this and do not retry.
            409 | 429 => vec![("x-should-retry", "false".into())],
            401 if !matches!(self, Self::ProviderCredential(_)) => {
                vec![("www-authenticate", "Bearer".into())]
            }
            _ => Vec::new(),
        }
    }
}

const NO_KEY: &str =
    "No API key was given. Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`.";

#[cfg(test)]
mod tests;
