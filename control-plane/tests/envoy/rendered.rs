//! Rendered resources, written into a static bootstrap as they are.

use envoy_types::pb::envoy::config::bootstrap::v3::Bootstrap;
use envoy_types::pb::envoy::config::bootstrap::v3::bootstrap::{DynamicResources, StaticResources};
use envoy_types::pb::envoy::config::core::v3::api_config_source::ApiType;
use envoy_types::pb::envoy::config::core::v3::grpc_service::{EnvoyGrpc, TargetSpecifier};
use envoy_types::pb::envoy::config::core::v3::{ApiConfigSource, ApiVersion, GrpcService, Node};
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::google::protobuf::Any;
use prost::Message;
use tollgate_control_plane::xds::{self, ResourceSet, Resources};

use crate::envoy::{binary, validate};
use crate::fixture::config;
use crate::wasm;

#[test]
fn envoy_accepts_every_kind_of_provider() {
    check(
        "providers:\n\
         - { id: named, base_url: 'https://localhost/v1' }\n\
         - { id: address, base_url: 'http://127.0.0.1:8000' }\n\
         - { id: six, base_url: 'http://[::1]:8000' }\n\
         - { id: tls-address, base_url: 'https://127.0.0.1:8443/v1' }\n\
         - { id: tunnel, base_url: 'https://localhost/v1', proxy: 'http://127.0.0.1:3128' }\n\
         server: { gateway: { listen: '127.0.0.1:0' } }\n",
    );
}

#[test]
fn envoy_accepts_a_listener_with_everything_switched_on() {
    check(
        "server: { gateway: { listen: '[::1]:0', management: false, base_paths: [/llm],\n\
           max_body_bytes: 1024, request_timeout_seconds: 5, access_log: requests.log,\n\
           tls: { certificate_file: cert.pem, private_key_file: key.pem } } }\n",
    );
}

#[track_caller]
fn check(text: &str) {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), key.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.signing_key.serialize_pem()).unwrap();

    let file = folder.path().join("bootstrap.pb");
    let bootstrap = bootstrap(&xds::render(&config(folder.path(), text, &wasm::filter())));
    std::fs::write(&file, bootstrap.encode_to_vec()).unwrap();

    validate(&binary, &file);
}

fn bootstrap(resources: &Resources) -> Bootstrap {
    let listener: Listener = decode(&resources.listeners).remove(0);
    let inlined = with_routes_inlined(listener.clone(), resources);
    let ads = GrpcService {
        target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
            cluster_name: "control".to_owned(),
            ..EnvoyGrpc::default()
        })),
        ..GrpcService::default()
    };
    let mut clusters: Vec<envoy_types::pb::envoy::config::cluster::v3::Cluster> =
        decode(&resources.clusters);
    clusters.push(envoy_types::pb::envoy::config::cluster::v3::Cluster {
        name: "control".to_owned(),
        ..<_>::default()
    });
    Bootstrap {
        node: Some(Node { id: "a".to_owned(), cluster: "a".to_owned(), ..Node::default() }),
        static_resources: Some(StaticResources {
            listeners: vec![listener, inlined],
            clusters,
            ..StaticResources::default()
        }),
        dynamic_resources: Some(DynamicResources {
            ads_config: Some(ApiConfigSource {
                api_type: ApiType::Grpc.into(),
                transport_api_version: ApiVersion::V3.into(),
                grpc_services: vec![ads],
                ..ApiConfigSource::default()
            }),
            ..DynamicResources::default()
        }),
        ..Bootstrap::default()
    }
}

/// Validation does not fetch: routes are seen when they stand in the listener.
fn with_routes_inlined(mut listener: Listener, resources: &Resources) -> Listener {
    let filter = &mut listener.filter_chains[0].filters[0];
    let Some(ConfigType::TypedConfig(any)) = &mut filter.config_type else { panic!("no config") };
    let mut manager = HttpConnectionManager::decode(any.value.as_slice()).unwrap();
    manager.route_specifier =
        Some(RouteSpecifier::RouteConfig(decode(&resources.routes).remove(0)));
    *any = Any { value: manager.encode_to_vec(), ..any.clone() };
    Listener { name: "inlined".to_owned(), ..listener }
}

fn decode<M: Message + Default>(set: &ResourceSet) -> Vec<M> {
    set.items.iter().map(|item| M::decode(item.body.value.as_slice()).unwrap()).collect()
}
