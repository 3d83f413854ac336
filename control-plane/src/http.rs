//! The management API: LiteLLM's paths and shapes over the service.
//!
//! [`router`] is everything; the modules below are one resource each.

mod auth;
mod availability;
mod budgets;
mod cost;
mod customers;
mod entity_fields;
mod entity_view;
mod error;
mod fields;
mod health;
mod key_fields;
mod key_view;
mod keys;
mod limit_fields;
mod limit_view;
mod marks;
mod monitoring;
mod organizations;
mod query;
mod spend;
mod spend_logs;
mod spend_report;
mod tags;
mod teams;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
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
        .merge(entities())
        .merge(omniroute())
        .route("/key/generate", post(keys::generate))
        .route("/key/info", get(keys::info))
        .route("/key/update", post(keys::update))
        .route("/key/delete", post(keys::delete))
        .route("/key/block", post(keys::block))
        .route("/key/unblock", post(keys::unblock))
        .route("/key/list", get(keys::list))
        .route("/spend/keys", get(spend::keys))
        .route("/spend/users", get(spend::users))
        .route("/spend/tags", get(spend::tags))
        .route("/spend/logs", get(spend_logs::logs))
        .route("/spend/logs/v2", get(spend_logs::paged_logs))
        .route("/spend/logs/ui", get(spend_logs::paged_logs))
        .route("/spend/calculate", post(cost::calculate))
        .route("/utils/token_counter", post(cost::count_tokens))
        .route("/global/spend/report", get(spend_report::report))
        .route("/global/spend/reset", post(spend::reset))
        .route("/key/{key}/reset_spend", post(spend::reset_key))
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

/// Paths and shapes of OmniRoute's.
fn omniroute() -> Router<App> {
    let availability =
        get(availability::list).post(availability::ask).delete(availability::bring_back);
    let cooldowns = get(availability::cooldowns).delete(availability::end_cooldowns);
    Router::new()
        .route("/api/monitoring/health", get(monitoring::health).delete(monitoring::reset))
        .route("/api/models/availability", availability)
        .route("/api/resilience/model-cooldowns", cooldowns)
}

/// Whom spend and limits are counted for besides keys.
fn entities() -> Router<App> {
    let mut router = Router::new()
        .route("/user/new", post(users::new))
        .route("/user/update", post(users::update))
        .route("/user/info", get(users::info))
        .route("/user/list", get(users::list))
        .route("/user/delete", post(users::delete))
        .route("/team/new", post(teams::new))
        .route("/team/update", post(teams::update))
        .route("/team/info", get(teams::info))
        .route("/team/list", get(teams::list))
        .route("/team/delete", post(teams::delete))
        .route("/team/block", post(teams::block))
        .route("/team/unblock", post(teams::unblock))
        .route("/organization/new", post(organizations::new))
        .route("/organization/update", patch(organizations::update))
        .route("/organization/info", get(organizations::info))
        .route("/organization/list", get(organizations::list))
        .route("/organization/delete", delete(organizations::delete))
        .route("/tag/new", post(tags::new))
        .route("/tag/update", post(tags::update))
        .route("/tag/info", post(tags::info))
        .route("/tag/list", get(tags::list))
        .route("/tag/delete", post(tags::delete))
        .route("/budget/new", post(budgets::new))
        .route("/budget/update", post(budgets::update))
        .route("/budget/info", post(budgets::info))
        .route("/budget/list", get(budgets::list))
        .route("/budget/settings", get(budgets::settings))
        .route("/budget/alerts", get(budgets::alerts))
        .route("/budget/delete", post(budgets::delete));
    for prefix in ["/customer", "/end_user"] {
        router = router
            .route(&format!("{prefix}/new"), post(customers::new))
            .route(&format!("{prefix}/update"), post(customers::update))
            .route(&format!("{prefix}/info"), get(customers::info))
            .route(&format!("{prefix}/list"), get(customers::list))
            .route(&format!("{prefix}/delete"), post(customers::delete))
            .route(&format!("{prefix}/block"), post(customers::block))
            .route(&format!("{prefix}/unblock"), post(customers::unblock));
    }
    router
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
