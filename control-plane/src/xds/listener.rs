//! The listener that clients use.

use envoy_types::pb::envoy::config::core::v3::{
    Address, Http2ProtocolOptions, HttpProtocolOptions as Common, KeepaliveSettings, SocketAddress,
    address, socket_address::PortSpecifier,
};
use envoy_types::pb::envoy::config::listener::v3::{
    Filter, FilterChain, Listener, filter::ConfigType as NetworkConfig,
};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, Rds,
    http_connection_manager::{
        InternalAddressConfig, PathWithEscapedSlashesAction, RouteSpecifier, UpgradeConfig,
    },
};
use envoy_types::pb::google::protobuf::{BoolValue, Duration};

use super::filter::{self, FilterCode, Role};
use super::route::ROUTES;
use super::{access_log, any, certificate, local_reply, number, over_ads, seconds, yes};
use crate::config::GatewayConfig;

/// Name of the listener.
pub const LISTENER: &str = "tollgate_gateway";

/// Renders the listener.
pub fn render(gateway: &GatewayConfig, code: &FilterCode) -> Listener {
    let manager = connection_manager(gateway, code);
    let address = SocketAddress {
        address: gateway.listen.ip().to_string(),
        port_specifier: Some(PortSpecifier::PortValue(gateway.listen.port().into())),
        ..SocketAddress::default()
    };
    Listener {
        name: LISTENER.to_owned(),
        address: Some(Address { address: Some(address::Address::SocketAddress(address)) }),
        filter_chains: vec![FilterChain {
            filters: vec![Filter {
                name: "envoy.filters.network.http_connection_manager".to_owned(),
                config_type: Some(NetworkConfig::TypedConfig(any(&manager))),
            }],
            transport_socket: gateway.tls.as_ref().map(|_| certificate::socket()),
            ..FilterChain::default()
        }],
        ..Listener::default()
    }
}

fn connection_manager(gateway: &GatewayConfig, code: &FilterCode) -> HttpConnectionManager {
    // Providers must not see, and clients must not get, what Envoy adds for its own kind.
    let router = Router { suppress_envoy_headers: true, ..Router::default() };
    HttpConnectionManager {
        stat_prefix: LISTENER.to_owned(),
        route_specifier: Some(RouteSpecifier::Rds(routes())),
        http_filters: vec![
            filter::render(
                &Role::Gateway(filter::Gateway::from(gateway).with_ids_of_clients()),
                code,
            ),
            filter::http_filter("envoy.filters.http.router", &router),
        ],
        // The client's address is that of its connection, or what the last so many proxies say;
        // nobody else is trusted to claim another.
        use_remote_address: Some(yes()),
        xff_num_trusted_hops: gateway.trusted_hops,
        internal_address_config: Some(InternalAddressConfig::default()),
        // A request is known by the id of its ledger record; one that is there is the client's.
        generate_request_id: Some(BoolValue { value: false }),
        preserve_external_request_id: false,
        normalize_path: Some(yes()),
        merge_slashes: false,
        // Model ids contain slashes, and clients escape them.
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged.into(),
        common_http_protocol_options: Some(Common {
            max_headers_count: Some(number(MAX_HEADERS)),
            ..Common::default()
        }),
        http2_protocol_options: Some(http2()),
        access_log: gateway.access_log.iter().map(|file| access_log::render(file)).collect(),
        local_reply_config: Some(local_reply::render()),
        // A session's frames pass the same filters as bodies do.
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..UpgradeConfig::default()
        }],
        request_timeout: Some(duration(gateway.request_timeout)),
        stream_idle_timeout: Some(seconds(STREAM_IDLE_SECONDS)),
        ..HttpConnectionManager::default()
    }
}

fn routes() -> Rds {
    Rds { config_source: Some(over_ads()), route_config_name: ROUTES.to_owned() }
}

fn http2() -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        max_concurrent_streams: Some(number(1000)),
        // Room for prompts to arrive at speed, and no more than the body buffers hold anyway.
        initial_stream_window_size: Some(number(1 << 20)),
        initial_connection_window_size: Some(number(4 << 20)),
        // One bad request must not end the other streams of its connection.
        override_stream_error_on_invalid_http_message: Some(yes()),
        // A client that vanished is noticed, so that its stream ends and is billed.
        connection_keepalive: Some(KeepaliveSettings {
            interval: Some(seconds(30)),
            timeout: Some(seconds(20)),
            ..KeepaliveSettings::default()
        }),
        ..Http2ProtocolOptions::default()
    }
}

fn duration(duration: std::time::Duration) -> Duration {
    Duration {
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
        ..seconds(duration.as_secs())
    }
}

/// Official SDKs send about twenty; more than the host can hand to the filter at once is 1024.
const MAX_HEADERS: u32 = 256;

/// Longer than the ten minutes that the official SDKs wait for an answer: the client gives up
/// first, and a model may think that long.
const STREAM_IDLE_SECONDS: u64 = 610;
