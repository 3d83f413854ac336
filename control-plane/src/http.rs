//! The management API: LiteLLM's paths and shapes over the service.
//!
//! [`router`] is everything; the modules below are one resource each.

pub mod access;
mod activity;
mod aliases;
mod audit;
mod auth;
mod availability;
mod budgets;
mod bulk;
mod cache;
mod combo_metrics;
mod combos;
mod cost;
mod cost_estimate;
mod credentials;
mod customers;
mod deployments;
mod entity_fields;
mod entity_view;
mod error;
mod explain;
mod fields;
mod gate;
mod global_spend;
mod health;
mod items;
mod key_fields;
mod key_forms;
mod key_renewal;
mod key_view;
mod keys;
mod limit_fields;
mod limit_view;
mod marks;
mod member_defaults;
mod model_groups;
mod monitoring;
mod nodes;
pub mod openapi;
mod organization_members;
mod organizations;
mod paging;
mod profile;
mod provider_tests;
mod providers;
mod public;
mod query;
mod replay;
mod resilience;
mod rights;
mod session;
mod sign_in;
mod spend;
mod spend_logs;
mod spend_report;
mod sso;
mod tags;
mod team_lists;
mod team_members;
mod team_view;
mod teams;
mod unserved;
mod user_fields;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use tokio::sync::watch;

use crate::config::Config;
use crate::http::error::ApiError;
use crate::oidc::Provider;
use crate::prices::PriceList;
use crate::publish::Publisher;
use crate::reload::Reload;
use crate::service::Service;

pub use crate::http::gate::Gate;

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub service: Service,
    /// The configuration as it is now.
    pub config: watch::Receiver<Arc<Config>>,
    /// What of it stands in the file.
    pub file: watch::Receiver<Arc<Config>>,
    /// List prices.
    pub prices: Arc<PriceList>,
    /// What filters and Envoys are told.
    pub publisher: Publisher,
    /// True once the process shuts down.
    pub draining: watch::Receiver<bool>,
    /// Who has had enough for now.
    pub gate: Arc<Gate>,
    /// Whom people sign in with.
    pub oidc: Arc<Provider>,
}

impl App {
    /// Takes what handlers work with from who keeps it up to date.
    pub fn new(service: Service, reload: &Reload, draining: watch::Receiver<bool>) -> Self {
        Self {
            service,
            config: reload.config(),
            file: reload.file(),
            prices: reload.prices(),
            publisher: reload.publisher(),
            draining,
            gate: Arc::default(),
            oidc: Arc::default(),
        }
    }

    /// Waits until what was changed holds here, so that whoever changed it finds it so; not for
    /// long.
    async fn caught_up(&self, revision: u64) {
        let mut states = self.publisher.watch();
        let state = states.wait_for(|state| state.snapshot.revision >= revision);
        if tokio::time::timeout(CATCH_UP, state).await.is_err() {
            tracing::warn!(revision, "a change of the configuration is not published yet");
        }
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

/// Builds the management API.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(entities())
        .merge(session::routes())
        .merge(sso::routes())
        .merge(omniroute())
        .route("/key/generate", post(keys::generate))
        .route("/key/info", get(keys::info))
        .route("/key/update", post(keys::update))
        .route("/key/delete", post(keys::delete))
        .route("/key/block", post(keys::block))
        .route("/key/unblock", post(keys::unblock))
        .route("/key/list", get(keys::list))
        .route("/key/aliases", get(key_forms::aliases))
        .route("/key/health", post(key_forms::health))
        .route("/key/bulk_update", post(key_forms::update_many))
        .route("/key/service-account/generate", post(key_forms::service_account))
        .route("/team/permissions_bulk_update", post(bulk::permit))
        .route("/team/key/bulk_update", post(bulk::update_team_keys))
        .route("/user/bulk_update", post(bulk::update_users))
        .route("/v2/key/info", post(key_forms::infos))
        .route("/spend/keys", get(spend::keys))
        .route("/spend/users", get(spend::users))
        .route("/spend/tags", get(spend::tags))
        .route("/spend/logs", get(spend_logs::logs))
        .route("/spend/logs/v2", get(spend_logs::paged_logs))
        .route("/spend/logs/ui", get(spend_logs::paged_logs))
        .route("/spend/calculate", post(cost::calculate))
        .route("/policy/explain", post(explain::explain))
        .route("/policy/replay", post(replay::replay))
        .route("/utils/token_counter", post(cost::count_tokens))
        .route("/audit", get(audit::list))
        .route("/audit/{id}", get(audit::show))
        .merge(spend_by_day())
        .route("/global/spend/report", get(spend_report::report))
        .route("/global/spend/reset", post(spend::reset))
        .route("/key/regenerate", post(key_renewal::regenerate))
        .route("/key/{key}/regenerate", post(key_renewal::regenerate_one))
        .route("/key/{key}/reset_spend", post(spend::reset_key))
        .route("/cost/estimate", post(cost_estimate::estimate))
        .route("/health", get(health::health))
        .route("/health/readiness/details", get(health::readiness_details))
        .route("/health/latest", get(health::latest))
        .route("/health/liveliness", get(health::alive).options(health::alive))
        .route("/health/liveness", get(health::alive).options(health::alive))
        .route("/health/readiness", get(health::readiness).options(health::readiness))
        .route("/ready", get(health::ready))
        .route("/openapi.json", get(openapi::json_document))
        .route("/docs", get(openapi::page))
        .route("/routes", get(openapi::routes))
        .merge(unserved::router())
        .route_layer(from_fn_with_state(app.clone(), access::guard))
        .route_layer(from_fn_with_state(app.clone(), profile::of_configured_release))
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
        .route("/api/cache", get(cache::show).delete(cache::purge))
        .route("/api/resilience/reset", post(resilience::reset))
        .route(
            "/api/resilience",
            get(resilience::show).patch(resilience::change).put(resilience::change),
        )
        .route("/api/models/catalog", get(aliases::catalog))
        .route(
            "/api/models/alias",
            get(aliases::list).put(aliases::set).post(aliases::set).delete(aliases::delete),
        )
        .merge(providers())
        .merge(combos())
        .merge(public::routes())
}

/// What was spent, by day.
fn spend_by_day() -> Router<App> {
    Router::new()
        .merge(activity::routes())
        .route("/key/spend/report", get(spend_report::of_keys))
        .route("/user/spend/report", get(spend_report::of_keys))
        .route("/team/spend/report", get(spend_report::of_teams))
        .route("/global/spend", get(global_spend::total))
        .route("/global/spend/logs", get(global_spend::logs))
        .route("/global/spend/keys", get(global_spend::keys))
        .route("/global/spend/models", get(global_spend::models))
        .route("/global/spend/teams", get(global_spend::teams))
        .route("/global/spend/end_users", post(global_spend::end_users))
        .route("/global/spend/tags", get(global_spend::tags))
        .route("/global/spend/all_tag_names", get(global_spend::tag_names))
        .route("/global/spend/provider", get(global_spend::providers))
        .route("/global/activity", get(global_spend::activity))
        .route("/global/activity/model", get(global_spend::activity_by_model))
}

/// Providers and their accounts.
fn providers() -> Router<App> {
    let one = get(providers::info).put(providers::update).delete(providers::delete);
    let models = get(nodes::models).post(nodes::new_model).delete(nodes::delete_model);
    Router::new()
        .route("/api/providers", get(providers::list).post(providers::new))
        .route("/api/providers/validate", post(provider_tests::validate))
        .route("/api/providers/{id}", one)
        .route("/api/providers/{id}/test", post(provider_tests::test))
        .route("/api/providers/{id}/models", get(provider_tests::models))
        .route("/api/provider-nodes", get(nodes::list).post(nodes::new))
        .route("/api/provider-nodes/validate", post(provider_tests::validate_node))
        .route("/api/provider-nodes/{id}", put(nodes::update).delete(nodes::delete))
        .route("/api/provider-models", models)
}

/// Chains of models, and LiteLLM's deployments.
fn combos() -> Router<App> {
    let one = get(combos::info).put(combos::update).delete(combos::delete);
    Router::new()
        .route("/api/combos", get(combos::list).post(combos::new))
        .route("/api/combos/metrics", get(combo_metrics::metrics))
        .route("/api/combos/test", post(combo_metrics::test))
        .route("/api/combos/{id}", one)
        .route("/model/new", post(deployments::new))
        .route("/model/update", post(deployments::update))
        .route("/model/{id}/update", patch(deployments::update_one))
        .route("/model/delete", post(deployments::delete))
        .route("/model/info", get(deployments::info))
        .route("/v2/model/info", get(model_groups::page))
        .route("/model_group/info", get(model_groups::info))
        .route("/credentials", get(credentials::list).post(credentials::new))
        .route("/credentials/by_name/{name}", get(credentials::by_name))
        .route("/credentials/by_model/{id}", get(credentials::by_model))
        .route("/credentials/{name}", patch(credentials::update).delete(credentials::delete))
        .route("/v1/model/info", get(deployments::info))
}

/// Whom spend and limits are counted for besides keys.
fn entities() -> Router<App> {
    let mut router = Router::new()
        .route("/user/new", post(users::new))
        .route("/user/update", post(users::update))
        .route("/user/info", get(users::info))
        .route("/user/list", get(users::list))
        .route("/user/delete", post(users::delete))
        .route("/user/available_roles", get(users::roles))
        .route("/v2/user/info", get(users::plain_info))
        .route("/v2/team/list", get(team_lists::page))
        .route("/team/available", get(team_lists::available))
        .route("/team/new", post(teams::new))
        .route("/team/update", post(teams::update))
        .route("/team/info", get(team_lists::info))
        .route("/team/list", get(team_lists::list))
        .route("/team/delete", post(teams::delete))
        .route("/team/{team_id}", patch(teams::patch))
        .route("/team/model/add", post(teams::add_models))
        .route("/team/model/delete", post(teams::delete_models))
        .route("/team/permissions_list", get(teams::permissions))
        .route("/team/permissions_update", post(teams::set_permissions))
        .route("/team/member_add", post(team_members::add_some))
        .route("/team/bulk_member_add", post(team_members::add_many))
        .route("/team/member_update", post(team_members::update))
        .route("/team/member_delete", post(team_members::delete))
        .route("/team/{team_id}/members/me", get(team_members::me))
        .route("/team/{team_id}/member/{user_id}/reset_spend", post(team_members::reset_spend))
        .route("/team/{team_id}/member/{user_id}/reset_budget", post(team_members::reset_budget))
        .route("/team/block", post(teams::block))
        .route("/team/unblock", post(teams::unblock))
        .route("/organization/new", post(organizations::new))
        .route("/organization/update", patch(organizations::update))
        .route("/organization/info", get(organizations::info).post(organizations::infos))
        .route("/organization/list", get(organizations::list))
        .route("/organization/member_add", post(organization_members::add))
        .route("/organization/member_update", patch(organization_members::update))
        .route("/organization/member_delete", delete(organization_members::delete))
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
const CATCH_UP: std::time::Duration = std::time::Duration::from_secs(2);
const MOST_BYTES: usize = 1 << 20;
