//! The one map from what went wrong to a gRPC status.

use tonic::Status;

use crate::service::ServiceError;

/// Maps an error. The caller gets the message, the log gets the cause.
pub(super) fn status(error: &ServiceError) -> Status {
    match error {
        ServiceError::NotFound(_) => Status::not_found(error.to_string()),
        ServiceError::Conflict(_) => Status::already_exists(error.to_string()),
        ServiceError::Invalid { .. } | ServiceError::TooMany { .. } => {
            Status::invalid_argument(error.to_string())
        }
        ServiceError::Unavailable(source) => {
            tracing::error!(error = %chain(source), "the store does not answer");
            Status::unavailable(error.to_string())
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
