//! The routes: to whatever cluster the filter names.

use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::google::protobuf::UInt64Value;

use tollgate_core::exchange::{CLUSTER_HEADER, RETRY_ON_HEADER};

use super::{MANAGEMENT_CLUSTER, fallback, seconds};
use crate::config::GatewayConfig;

/// Name of the routes.
pub const ROUTES: &str = "tollgate_routes";

/// Renders the routes to these clusters of providers.
pub fn render<'a>(
    gateway: &GatewayConfig,
    clusters: impl Iterator<Item = &'a str>,
) -> RouteConfiguration {
    let routes = [Some(to_management()), with_fallback(clusters), Some(to_providers())];
    with_routes(gateway, routes.into_iter().flatten().collect())
}

fn with_routes(gateway: &GatewayConfig, routes: Vec<Route>) -> RouteConfiguration {
    let host = VirtualHost {
        name: "tollgate".to_owned(),
        domains: vec!["*".to_owned()],
        routes,
        // Above the filter's own limit, so that the refusal is the filter's and says why.
        request_body_buffer_limit: Some(UInt64Value {
            value: u64::from(gateway.max_body_bytes) + BODY_MARGIN_BYTES,
        }),
        ..VirtualHost::default()
    };
    RouteConfiguration {
        name: ROUTES.to_owned(),
        virtual_hosts: vec![host],
        ..RouteConfiguration::default()
    }
}

/// Renders the routes for the standalone role: one, to whatever cluster the filter names.
pub fn standalone(gateway: &GatewayConfig) -> RouteConfiguration {
    // Envoy finds no route for a request without `x-forwarded-proto`, so the filter leaves it.
    with_routes(
        gateway,
        vec![route("tollgate", Vec::new(), &[CLUSTER_HEADER, "x-forwarded-proto"])],
    )
}

/// The management API hears who asks.
fn to_management() -> Route {
    let exact = StringMatcher {
        match_pattern: Some(MatchPattern::Exact(MANAGEMENT_CLUSTER.to_owned())),
        ..StringMatcher::default()
    };
    let chosen = HeaderMatcher {
        name: CLUSTER_HEADER.to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(exact)),
        ..HeaderMatcher::default()
    };
    route("tollgate_management", vec![chosen], &[CLUSTER_HEADER])
}

/// Providers do not. The route takes these headers off without crossing into the filter's VM.
fn to_providers() -> Route {
    route("tollgate", Vec::new(), &PRIVATE_HEADERS)
}

/// The same, for requests that another provider may take over.
fn with_fallback<'a>(clusters: impl Iterator<Item = &'a str>) -> Option<Route> {
    let specifier = fallback::specifier(clusters)?;
    let named = vec![fallback::present(RETRY_ON_HEADER)];
    let mut route = route("tollgate_fallback", named, &PRIVATE_HEADERS);
    if let Some(Action::Route(action)) = &mut route.action {
        action.cluster_specifier = Some(specifier);
        action.retry_policy = Some(fallback::retry_policy());
    }
    Some(route)
}

fn route(name: &str, headers: Vec<HeaderMatcher>, removed: &[&str]) -> Route {
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::ClusterHeader(CLUSTER_HEADER.to_owned())),
        // Answers of models take as long as they take; silence is bounded by the listener.
        timeout: Some(seconds(0)),
        ..RouteAction::default()
    };
    Route {
        name: name.to_owned(),
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
            headers,
            ..RouteMatch::default()
        }),
        action: Some(Action::Route(action)),
        request_headers_to_remove: removed.iter().map(|name| (*name).to_owned()).collect(),
        ..Route::default()
    }
}

/// What nearly every request has, and no provider may see: most of it Envoy adds;
/// `accept-encoding` would hide the answer from the meter. The filter leaves these to the route.
const PRIVATE_HEADERS: [&str; 6] = [
    CLUSTER_HEADER,
    "accept-encoding",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-internal",
    "x-envoy-external-address",
];

const BODY_MARGIN_BYTES: u64 = 64 << 10;
