//! One cluster for each provider, with the filter's upstream role in it.

use std::collections::HashMap;
use std::iter;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CommonLbConfig, CustomClusterType, DiscoveryType,
};
use envoy_types::pb::envoy::config::cluster::v3::{
    CircuitBreakers, Cluster, UpstreamConnectionOptions,
};
use envoy_types::pb::envoy::config::core::v3::{
    Address, DataSource, Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions as Common,
    KeepaliveSettings, SocketAddress, TcpKeepalive, TransportSocket, address,
    data_source::Specifier as Source, socket_address::PortSpecifier, transport_socket,
};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints,
};
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::dns::v3::{DnsCluster, dns_cluster::RefreshRate};
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::transport_sockets::http_11_proxy::v3::Http11ProxyUpstreamTransport;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SubjectAltNameMatcher, UpstreamTlsContext,
    common_tls_context::ValidationContextType, subject_alt_name_matcher::SanType,
};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions,
    explicit_http_config::ProtocolConfig,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern};
use envoy_types::pb::envoy::r#type::v3::Percent;

use super::filter::{self, FilterCode, Role};
use super::{any, number, seconds};
use crate::config::{BaseUrl, ProviderConfig, ProxyUrl};

/// Returns Envoy's name of a provider.
pub fn name(provider: &str) -> String {
    format!("tollgate/{provider}")
}

/// Tells whether a provider is reached without looking up a name.
pub fn is_address(url: &BaseUrl) -> bool {
    url.host.parse::<IpAddr>().is_ok()
}

/// Returns Envoy's name of a provider's cluster for WebSocket sessions. `None`: it has none.
pub fn realtime_name(provider: &ProviderConfig) -> Option<String> {
    let own = || format!("{}/realtime", name(&provider.id));
    provider.realtime.then(|| if provider.base_url.tls { own() } else { name(&provider.id) })
}

/// Renders the clusters of a provider.
pub fn render(provider: &ProviderConfig, code: &FilterCode) -> Vec<Cluster> {
    let filters = vec![
        filter::render(&Role::Upstream, code),
        filter::http_filter("envoy.filters.http.upstream_codec", &UpstreamCodec::default()),
    ];
    to_provider(provider, &filters)
}

/// Renders the clusters of a provider for the standalone role, which has no filter there.
pub fn render_bare(provider: &ProviderConfig) -> Vec<Cluster> {
    to_provider(provider, &[])
}

fn to_provider(provider: &ProviderConfig, filters: &[HttpFilter]) -> Vec<Cluster> {
    let mut clusters = vec![to(&name(&provider.id), &provider.base_url, filters.to_vec())];
    let apart = realtime_name(provider).filter(|_| provider.base_url.tls);
    clusters.extend(apart.map(|name| {
        // Where HTTP/2 is spoken too, Envoy would ask for a WebSocket in its way, which few know.
        speaking(&protocol(false, filters.to_vec()), &name, &provider.base_url)
    }));
    if let Some(proxy) = &provider.proxy {
        for cluster in &mut clusters {
            let inner = cluster.transport_socket.take();
            cluster.transport_socket = inner.map(|inner| through(proxy, inner));
        }
    }
    clusters
}

/// Renders the way to a URL, with filters of its own or without.
pub fn to(name: &str, url: &BaseUrl, filters: Vec<HttpFilter>) -> Cluster {
    speaking(&protocol(url.tls, filters), name, url)
}

fn speaking(protocol: &HttpProtocolOptions, name: &str, url: &BaseUrl) -> Cluster {
    Cluster {
        load_assignment: Some(endpoints(name, url)),
        common_lb_config: Some(CommonLbConfig {
            // All or nothing: without it Envoy would send to addresses it knows to be no good.
            healthy_panic_threshold: Some(Percent { value: 0.0 }),
            ..CommonLbConfig::default()
        }),
        name: name.to_owned(),
        cluster_discovery_type: Some(discovery(url)),
        connect_timeout: Some(seconds(CONNECT_TIMEOUT_SECONDS)),
        per_connection_buffer_limit_bytes: Some(number(CONNECTION_BUFFER_BYTES)),
        circuit_breakers: Some(circuit_breakers()),
        upstream_connection_options: Some(UpstreamConnectionOptions {
            tcp_keepalive: Some(tcp_keepalive()),
            ..UpstreamConnectionOptions::default()
        }),
        transport_socket: url.tls.then(|| tls(url)),
        typed_extension_protocol_options: HashMap::from([(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
            any(protocol),
        )]),
        ..Cluster::default()
    }
}

fn discovery(url: &BaseUrl) -> ClusterDiscoveryType {
    if is_address(url) {
        return ClusterDiscoveryType::Type(DiscoveryType::Static.into());
    }
    let dns = DnsCluster {
        // An address of a family that this machine cannot reach would fail its share of requests.
        dns_lookup_family: DnsLookupFamily::V4Preferred.into(),
        respect_dns_ttl: true,
        dns_min_refresh_rate: Some(seconds(5)),
        dns_failure_refresh_rate: Some(RefreshRate {
            base_interval: Some(seconds(1)),
            max_interval: Some(seconds(10)),
        }),
        ..DnsCluster::default()
    };
    ClusterDiscoveryType::ClusterType(CustomClusterType {
        name: "envoy.clusters.dns".to_owned(),
        typed_config: Some(any(&dns)),
    })
}

/// Where the provider is; and for a name that leads nowhere an address that refuses at once:
/// without any address Envoy would give up, with this one it goes on to the next provider.
fn endpoints(cluster: &str, url: &BaseUrl) -> ClusterLoadAssignment {
    let provider = locality(0, &url.host, url.port);
    let nowhere = (!is_address(url)).then(|| locality(1, "127.0.0.1", REFUSING_PORT));
    ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: iter::once(provider).chain(nowhere).collect(),
        ..ClusterLoadAssignment::default()
    }
}

fn locality(priority: u32, host: &str, port: u16) -> LocalityLbEndpoints {
    let address = Some(socket_address(host, port));
    let endpoint = Endpoint { address, hostname: host.to_owned(), ..Endpoint::default() };
    let endpoint = LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        ..LbEndpoint::default()
    };
    LocalityLbEndpoints { lb_endpoints: vec![endpoint], priority, ..LocalityLbEndpoints::default() }
}

/// Out of the way: Envoy's defaults (1024 requests, 3 retries) are below what one gateway carries,
/// and limits are the filter's to set.
fn circuit_breakers() -> CircuitBreakers {
    let thresholds = Thresholds {
        max_connections: Some(number(UNLIMITED)),
        max_pending_requests: Some(number(UNLIMITED)),
        max_requests: Some(number(UNLIMITED)),
        max_retries: Some(number(UNLIMITED)),
        ..Thresholds::default()
    };
    CircuitBreakers { thresholds: vec![thresholds], ..CircuitBreakers::default() }
}

/// A provider that vanished is noticed within two minutes, even under a silent stream.
fn tcp_keepalive() -> TcpKeepalive {
    TcpKeepalive {
        keepalive_probes: Some(number(3)),
        keepalive_time: Some(number(60)),
        keepalive_interval: Some(number(20)),
    }
}

fn socket_address(host: &str, port: u16) -> Address {
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            address: host.to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

/// Connects by way of a proxy: asks it for a tunnel (`CONNECT`) to the provider's address, which
/// Envoy itself looks up. Without TLS Envoy 1.40 asks for none, and sends the proxy what is meant
/// for the provider.
fn through(proxy: &ProxyUrl, inner: TransportSocket) -> TransportSocket {
    let transport = Http11ProxyUpstreamTransport {
        transport_socket: Some(inner),
        default_proxy_address: Some(socket_address(&proxy.address.to_string(), proxy.port)),
    };
    TransportSocket {
        name: "envoy.transport_sockets.http_11_proxy".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(&transport))),
    }
}

fn tls(url: &BaseUrl) -> TransportSocket {
    let (host, literal) = (&url.host, is_address(url));
    let san = SubjectAltNameMatcher {
        san_type: if literal { SanType::IpAddress } else { SanType::Dns }.into(),
        matcher: Some(StringMatcher {
            match_pattern: Some(MatchPattern::Exact(host.clone())),
            ..StringMatcher::default()
        }),
        ..SubjectAltNameMatcher::default()
    };
    let validation = CertificateValidationContext {
        trusted_ca: Some(DataSource {
            specifier: Some(Source::Filename(SYSTEM_ROOTS.to_owned())),
            ..DataSource::default()
        }),
        match_typed_subject_alt_names: vec![san],
        ..CertificateValidationContext::default()
    };
    let context = UpstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            validation_context_type: Some(ValidationContextType::ValidationContext(validation)),
            ..CommonTlsContext::default()
        }),
        // An IP address is no server name (RFC 6066).
        sni: if literal { String::new() } else { host.clone() },
        ..UpstreamTlsContext::default()
    };
    TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}

/// HTTP/1.1 in the clear; over TLS whatever the provider agrees to.
fn protocol(tls: bool, http_filters: Vec<HttpFilter>) -> HttpProtocolOptions {
    let protocol = if tls {
        UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http2_protocol_options: Some(Http2ProtocolOptions {
                connection_keepalive: Some(KeepaliveSettings {
                    interval: Some(seconds(30)),
                    timeout: Some(seconds(10)),
                    ..KeepaliveSettings::default()
                }),
                ..Http2ProtocolOptions::default()
            }),
            ..AutoHttpConfig::default()
        })
    } else {
        UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(ProtocolConfig::HttpProtocolOptions(
                Http1ProtocolOptions::default(),
            )),
        })
    };
    HttpProtocolOptions {
        // Shorter than what providers and their balancers wait: a request on a connection that
        // the other side is just closing would fail.
        common_http_protocol_options: Some(Common {
            idle_timeout: Some(seconds(IDLE_CONNECTION_SECONDS)),
            ..Common::default()
        }),
        upstream_protocol_options: Some(protocol),
        http_filters,
        ..HttpProtocolOptions::default()
    }
}

/// TCPMUX, which nobody serves any more.
const REFUSING_PORT: u16 = 1;
const CONNECT_TIMEOUT_SECONDS: u64 = 5;
const CONNECTION_BUFFER_BYTES: u32 = 1 << 20;
const IDLE_CONNECTION_SECONDS: u64 = 50;
const UNLIMITED: u32 = 1_000_000;
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
