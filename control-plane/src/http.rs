//! The management API: LiteLLM's paths and shapes over the service.
//!
//! [`router`] is everything; the modules below are one resource each.

mod auth;
mod error;
mod fields;
mod health;
mod key_fields;
mod key_view;
mod keys;
mod limit_fields;
mod limit_view;
mod query;
mod spend;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;

use crate::config::Config;
use crate::http::error::ApiError;
use crate::service::Service;

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub service: Service,
    /// The configuration as it is now.
    pub config: watch::Receiver<Arc<Config>>,
    /// True once the process shuts down.
    pub draining: watch::Receiver<bool>,
}

impl App {
    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

/// Builds the management API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/key/generate", post(keys::generate))
        .route("/key/info", get(keys::info))
        .route("/key/update", post(keys::update))
        .route("/key/delete", post(keys::delete))
        .route("/key/block", post(keys::block))
        .route("/key/unblock", post(keys::unblock))
        .route("/key/list", get(keys::list))
        .route("/spend/keys", get(spend::keys))
        .route("/spend/logs", get(spend::logs))
        .route("/health", get(health::health))
        .route("/health/liveliness", get(health::alive).options(health::alive))
        .route("/health/liveness", get(health::alive).options(health::alive))
        .route("/health/readiness", get(health::readiness).options(health::readiness))
        .route("/ready", get(health::ready))
        .fallback(|| async { ApiError::detail(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async {
            ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(map_response(harden))
        .with_state(app)
}

/// A request body of at most [`MOST_BYTES`].
struct Body(Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|error: BytesRejection| {
            let status = error.into_response().status();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                return ApiError::envelope(
                    status,
                    "bad_request_error",
                    None,
                    format!("Request body is larger than {MOST_BYTES} bytes."),
                );
            }
            ApiError::bad_request("request_body", "Request body ended early.")
        })
    }
}

/// Answers hold keys and money: nobody may frame, guess or keep them.
async fn harden(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'")),
];
const MOST_BYTES: usize = 1 << 20;
