//! Errors as LiteLLM's clients expect them: an envelope for most, `FastAPI`'s shapes for the rest.
//! The only map from what went wrong to a status.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::service::ServiceError;
use crate::telemetry::chain;

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Value,
    wait: Option<Duration>,
}

impl ApiError {
    /// The envelope `{"error": {message, type, param, code}}`; `code` is the status as text.
    pub(crate) fn envelope(
        status: StatusCode,
        kind: &str,
        param: Option<&str>,
        message: impl Into<String>,
    ) -> Self {
        let message: String = message.into();
        let code = status.as_u16().to_string();
        let error = json!({"message": message, "type": kind, "param": param, "code": code});
        Self::new(status, json!({ "error": error }))
    }

    fn new(status: StatusCode, body: Value) -> Self {
        let wait = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(1));
        Self { status, body, wait }
    }

    /// `FastAPI`'s `{"detail": …}`.
    pub(crate) fn detail(status: StatusCode, detail: impl Into<Value>) -> Self {
        let detail: Value = detail.into();
        Self::new(status, json!({ "detail": detail }))
    }

    /// OmniRoute's `{"error": "…"}`.
    pub(crate) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::new(status, json!({ "error": message }))
    }

    /// Says of what is not found that in `FastAPI`'s form.
    pub(crate) fn detailed_if_not_found(self) -> Self {
        if self.status != StatusCode::NOT_FOUND {
            return self;
        }
        let message = self.message();
        Self::detail(self.status, json!({ "error": message }))
    }

    /// Tells whether it is about who asks.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// What it says, as text.
    pub(crate) fn message(&self) -> String {
        let said = self.body.pointer("/error/message").and_then(Value::as_str);
        said.map_or_else(|| self.body.to_string(), str::to_owned)
    }

    /// 422 with one entry for each field that is wrong.
    pub(crate) fn validation(problems: Vec<Value>) -> Self {
        Self::detail(StatusCode::UNPROCESSABLE_ENTITY, problems)
    }

    /// 400 about one parameter.
    pub(crate) fn bad_request(param: &str, message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::BAD_REQUEST, "bad_request_error", Some(param), message)
    }

    /// 401 of the given type.
    pub(crate) fn unauthorized(kind: &str, param: Option<&str>, message: &str) -> Self {
        Self::envelope(StatusCode::UNAUTHORIZED, kind, param, message)
    }

    /// 403 to a key that may not see this.
    pub(crate) fn forbidden(message: &str) -> Self {
        Self::envelope(StatusCode::FORBIDDEN, "permission_error", None, message)
    }

    /// 429 to somebody who has to wait.
    pub(crate) fn too_many(wait: Duration, message: impl Into<String>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self { wait: Some(wait), ..Self::envelope(status, "throttling_error", None, message) }
    }

    /// 409 about one parameter.
    pub(crate) fn conflict(param: &str, message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::CONFLICT, "bad_request_error", Some(param), message)
    }

    /// 404 about one parameter.
    pub(crate) fn not_found(param: &str, message: &str) -> Self {
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", Some(param), message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(wait) = self.wait {
            // A part of a second is one.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        response
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match &error {
            ServiceError::NotFound(_) => Self::not_found("key", "Key not found."),
            ServiceError::Conflict("alias") => Self::bad_request(
                "key_alias",
                "Key alias is taken by another key. Key aliases must be unique.",
            ),
            ServiceError::Conflict(what) => {
                Self::bad_request(what, format!("{what} is taken. Choose another one."))
            }
            ServiceError::Invalid { field, why } => {
                Self::bad_request(field, format!("{field} {why}"))
            }
            ServiceError::TooMany { most } => {
                let message = format!(
                    "More than {most} sums match, and an answer holds no more. Ask for fewer \
                     days, or for one key, user, team or model."
                );
                Self::bad_request("end_date", message)
            }
            ServiceError::Unavailable(source) => {
                tracing::error!(error = chain(source), "the store does not answer");
                Self::envelope(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "no_db_connection",
                    None,
                    "Service Unavailable, the database does not answer. Try again in a moment.",
                )
            }
        }
    }
}
