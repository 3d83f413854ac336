//! The routes: to whatever cluster the filter names.

use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost,
};
use envoy_types::pb::google::protobuf::UInt64Value;

use super::seconds;
use crate::config::GatewayConfig;

/// Name of the routes.
pub const ROUTES: &str = "tollgate_routes";

/// Names the cluster of a request. The filter sets it; what a client sent it has removed before.
pub const CLUSTER_HEADER: &str = "x-tollgate-cluster";

/// Renders the routes.
pub fn render(gateway: &GatewayConfig) -> RouteConfiguration {
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::ClusterHeader(CLUSTER_HEADER.to_owned())),
        // Answers of models take as long as they take; silence is bounded by the listener.
        timeout: Some(seconds(0)),
        ..RouteAction::default()
    };
    let route = Route {
        name: "tollgate".to_owned(),
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
            ..RouteMatch::default()
        }),
        action: Some(Action::Route(action)),
        ..Route::default()
    };
    let host = VirtualHost {
        name: "tollgate".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
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

const BODY_MARGIN_BYTES: u64 = 64 << 10;
