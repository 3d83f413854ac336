//! What an attempt that failed says about the account, and about trying another.
//!
//! Providers of one dialect word their errors differently, and gateways among them quote those of
//! others; so what is read does not depend on the dialect. Texts quote the client's request at
//! times: where a client could have caused the error, only names that machines read, or how the
//! text begins, are held against the account.

use crate::headers::Headers;
use crate::snapshot::Target;
use words::Words;

mod date;
mod known;
mod pause;
mod words;

/// What went wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The provider has more to do than it can.
    Overloaded {
        /// How long it wants to be left alone.
        retry_after_us: Option<i64>,
    },
    /// The account asks too often.
    RateLimited {
        /// How long it is to wait.
        retry_after_us: Option<i64>,
    },
    /// The account has nothing left: neither money nor quota.
    QuotaExhausted {
        /// When there is some again.
        retry_after_us: Option<i64>,
    },
    /// The credential is wrong, or the account may not be used.
    CredentialRefused,
    /// The account does not have the model.
    ModelMissing,
    /// The provider failed: 5xx, a broken connection, an error in a stream.
    ServerError,
    /// It took too long.
    Timeout,
    /// An answer without content.
    ContentMissing,
    /// The prompt is longer than the model takes.
    ContextTooLong,
    /// The request alone is more than the account may use at a time. Smaller ones are served.
    TooLarge,
    /// This model cannot do what the request asks for; another may.
    Unable,
    /// The request is at fault; another target would say the same.
    ClientError,
}

/// Who may be tried after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Any other target.
    Any,
    /// A target that takes longer prompts.
    Larger,
    /// None: the provider's answer is the client's.
    None,
}

impl Failure {
    /// Returns who may be tried next.
    pub fn next(self) -> Next {
        match self {
            Self::ContextTooLong => Next::Larger,
            Self::ClientError => Next::None,
            Self::Overloaded { .. }
            | Self::RateLimited { .. }
            | Self::QuotaExhausted { .. }
            | Self::CredentialRefused
            | Self::ModelMissing
            | Self::ServerError
            | Self::Timeout
            | Self::ContentMissing
            | Self::TooLarge
            | Self::Unable => Next::Any,
        }
    }

    /// Tells whether `other` is worth trying after this failure of `tried`.
    pub fn leaves(self, other: &Target, tried: &Target) -> bool {
        match self.next() {
            Next::Any => true,
            Next::Larger => holds_more(other, tried),
            Next::None => false,
        }
    }

    /// Returns its name: for logs, metrics and marks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overloaded { .. } => "overloaded",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExhausted { .. } => "quota_exhausted",
            Self::CredentialRefused => "credential_refused",
            Self::ModelMissing => "model_missing",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::ContentMissing => "content_missing",
            Self::ContextTooLong => "context_too_long",
            Self::TooLarge => "too_large",
            Self::Unable => "unable",
            Self::ClientError => "client_error",
        }
    }

    /// Returns how long the provider wants to be left alone.
    pub fn retry_after_us(self) -> Option<i64> {
        match self {
            Self::Overloaded { retry_after_us }
            | Self::RateLimited { retry_after_us }
            | Self::QuotaExhausted { retry_after_us } => retry_after_us,
            Self::CredentialRefused
            | Self::ModelMissing
            | Self::ServerError
            | Self::Timeout
            | Self::ContentMissing
            | Self::ContextTooLong
            | Self::TooLarge
            | Self::Unable
            | Self::ClientError => None,
        }
    }
}

/// Tells whether a target takes longer prompts than one that was too small. Where that is not
/// known, another model might.
fn holds_more(other: &Target, small: &Target) -> bool {
    match (other.max_input_tokens, small.max_input_tokens) {
        (Some(other), Some(small)) => other > small,
        (Some(_) | None, _) => other.model != small.model,
    }
}

/// Reads what an error answer says. `status` below 400 stands for an error in an answer that began
/// well: a whole body, or the payload of an event.
pub fn classify(status: u16, headers: Headers<'_>, body: &[u8], now_us: i64) -> Failure {
    let mut words = Words::read(body, now_us);
    if let Some(kind) = headers.first("x-amzn-errortype") {
        words.name(&String::from_utf8_lossy(kind));
    }
    let retry_after_us = pause::wanted(headers, &words, now_us);
    let status = if status >= 400 { status } else { known::status(&words) };
    if known::is_too_large(status, &words) {
        return Failure::TooLarge;
    }
    if known::is_out_of_quota(status, &words) {
        return Failure::QuotaExhausted { retry_after_us };
    }
    match status {
        403 if words.is_flagged => Failure::ClientError,
        403 if known::is_about_model(&words) => Failure::ModelMissing,
        403 if known::is_about_thing(&words) => Failure::ClientError,
        401 | 403 => Failure::CredentialRefused,
        404 | 410 => missing(&words),
        408 | 504 | 522 | 524 => Failure::Timeout,
        429 => Failure::RateLimited { retry_after_us },
        503 | 529 => Failure::Overloaded { retry_after_us },
        498 | 499 | 500.. if known::is_busy(&words) => Failure::Overloaded { retry_after_us },
        499 | 500.. => Failure::ServerError,
        _ => of_client(&words, retry_after_us),
    }
}

/// What is not found may be the model, or a thing the client named.
fn missing(words: &Words) -> Failure {
    if known::is_beyond_model(words) {
        Failure::Unable
    } else if known::is_about_thing(words) {
        Failure::ClientError
    } else if known::is_about_model(words) {
        Failure::ModelMissing
    } else {
        // The base URL may be wrong, or the provider half way through a deployment.
        Failure::ServerError
    }
}

/// Statuses that blame the client; some providers use them for what is no fault of the client's.
fn of_client(words: &Words, retry_after_us: Option<i64>) -> Failure {
    if known::is_too_long(words) {
        Failure::ContextTooLong
    } else if known::is_throttled(words) {
        Failure::RateLimited { retry_after_us }
    } else if known::is_refused(words) {
        Failure::CredentialRefused
    } else if known::is_model_gone(words) {
        Failure::ModelMissing
    } else if known::is_beyond_model(words) {
        Failure::Unable
    } else {
        Failure::ClientError
    }
}
