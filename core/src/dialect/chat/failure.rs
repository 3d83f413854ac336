//! An error of a provider, or of ours, in neutral terms.

use crate::refusal::Refusal;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status; of an error in mid-stream, the one it stands for.
    pub status: u16,
    /// What kind of error.
    pub kind: FailureKind,
    /// For people. Never has a credential in it.
    pub message: String,
    /// A finer name than the kind, as the provider or we write it: `context_length_exceeded`.
    pub code: Option<String>,
    /// The field that is to blame.
    pub param: Option<String>,
    /// Seconds to wait before trying again, where the provider's body says it.
    pub retry_after: Option<u64>,
}

/// What kind of error, as every dialect tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request is wrong.
    InvalidRequest,
    /// No or a wrong credential.
    Authentication,
    /// Not allowed.
    Permission,
    /// No such model or thing.
    NotFound,
    /// Too large.
    TooLarge,
    /// Too many requests or tokens; try later.
    RateLimit,
    /// Out of credit: trying later does not help.
    Quota,
    /// The provider has no capacity now.
    Overloaded,
    /// It took too long.
    Timeout,
    /// The server's fault.
    Server,
}

impl Failure {
    /// Makes a failure of the kind that its status stands for.
    pub fn of(status: u16, message: &str) -> Self {
        Self {
            status,
            kind: FailureKind::of_status(status),
            message: message.to_owned(),
            code: None,
            param: None,
            retry_after: None,
        }
    }
}

impl FailureKind {
    /// Returns the kind that a status stands for.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Quota,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }

    /// Returns the status that stands for the kind, where an error comes without one.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimit | Self::Quota => 429,
            Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::Server => 500,
        }
    }
}

/// Our own refusals, for the dialects other than the one they are written in. Their headers are
/// those that [`Refusal::render`] gives.
impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let (status, class, code) = refusal.class();
        let kind = match class {
            "insufficient_quota" => FailureKind::Quota,
            // A provider that refuses our credential has not refused the client's.
            "api_error" if status != 504 => FailureKind::Server,
            _ => FailureKind::of_status(status),
        };
        Self {
            status,
            kind,
            message: refusal.message(),
            code: Some(code.to_owned()),
            param: refusal.param().map(str::to_owned),
            retry_after: refusal
                .headers()
                .iter()
                .find(|(name, _)| *name == "retry-after")
                .and_then(|(_, seconds)| seconds.parse().ok()),
        }
    }
}
