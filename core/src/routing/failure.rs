//! What an attempt that failed says about the account, and about trying another.

/// What went wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The provider has more to do than it can (529, 503 with a pause).
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
    /// The credential is wrong, or may not do this.
    CredentialRefused,
    /// The account does not have the model.
    ModelMissing,
    /// The provider failed (5xx, a broken connection, an error in a stream).
    ServerError,
    /// It took too long.
    Timeout,
    /// An answer without content.
    ContentMissing,
    /// The prompt is longer than the model takes.
    ContextTooLong,
    /// The request is at fault; another target would say the same.
    ClientError,
}

/// What a failure says about who is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Any other target.
    Any,
    /// A target that takes longer prompts.
    Larger,
    /// None: this is the answer.
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
            | Self::ContentMissing => Next::Any,
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
            Self::ClientError => "client_error",
        }
    }
}
