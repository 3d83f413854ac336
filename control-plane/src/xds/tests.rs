//! What is rendered, as golden files in `snapshots/`; `INSTA_UPDATE=always` rewrites them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions as ext;
use envoy_types::pb::google::protobuf::StringValue;
use ext::filters::network::http_connection_manager::v3::HttpConnectionManager;
use ext::transport_sockets::tls::v3::{DownstreamTlsContext, UpstreamTlsContext};

use super::*;
use crate::config::{
    AccountConfig, AdminConfig, BasePath, BaseUrl, CertificatePair, ControlListen, ErrorProfile,
    GatewayConfig, LimitsConfig, ProviderConfig, ProviderDialect, ProxyUrl, ResilienceConfig,
    ServerConfig, SignInConfig, TlsFiles,
};
use crate::domain::Secret;

#[test]
fn renders_a_provider_over_tls() {
    let config = config(vec![provider("openai", base_url(true, "api.openai.com", 443))]);

    insta::assert_snapshot!(golden(&render(&config).clusters));
}

#[test]
fn renders_a_provider_at_an_address() {
    let config = config(vec![provider("local", base_url(false, "127.0.0.1", 8000))]);

    insta::assert_snapshot!(golden(&render(&config).clusters));
}

#[test]
fn renders_a_provider_behind_a_proxy() {
    let mut provider = provider("far", base_url(true, "far.example", 443));
    provider.proxy = Some(ProxyUrl::parse("http://10.0.0.9:3128").unwrap());

    insta::assert_snapshot!(golden(&render(&config(vec![provider])).clusters));
}

#[test]
fn renders_the_listener() {
    insta::assert_snapshot!(golden(&render(&config(Vec::new())).listeners));
}

#[test]
fn renders_the_listener_with_tls_and_without_management() {
    let mut config = config(Vec::new());
    config.server.gateway.tls = Some(tls("chain"));
    config.server.gateway.management = false;
    let base = |path: &str, default_model: Option<&str>| BasePath {
        path: path.to_owned(),
        default_model: default_model.map(str::to_owned),
    };
    config.server.gateway.base_paths = vec![base("/llm", None), base("/telkom", Some("m"))];
    config.server.gateway.access_log = Some("/log/requests.log".into());

    insta::assert_snapshot!(golden(&render(&config).listeners));
}

#[test]
fn a_renewed_certificate_changes_its_secret_alone_and_is_not_printed() {
    let with = |chain: &str| {
        let mut config = config(Vec::new());
        config.server.gateway.tls = Some(tls(chain));
        render(&config)
    };

    let (before, after) = (with("one"), with("two"));

    assert_ne!(before.secrets.version, after.secrets.version);
    assert_eq!(Resources { secrets: before.secrets.clone(), ..after }, before);
    assert_eq!(before.secrets.items[0].name, certificate::CERTIFICATE);
    let printed = format!("{before:?}");
    assert!(printed.contains(certificate::CERTIFICATE) && !printed.contains("104, 117, 115"));
}

#[test]
fn renders_the_routes() {
    insta::assert_snapshot!(golden(&render(&config(Vec::new())).routes));
}

#[test]
fn both_roles_share_one_vm() {
    let provider = provider("a", base_url(false, "::1", 1));
    let resources = render(&config(vec![provider]));
    let (gateway, upstream) = (golden(&resources.listeners), golden(&resources.clusters));

    assert!(vm(&gateway).contains("tollgate_filter.wasm"));
    assert_eq!(vm(&gateway), vm(&upstream));
}

#[test]
fn a_provider_changes_nothing_but_clusters_and_routes() {
    let one = render(&config(vec![provider("a", base_url(false, "127.0.0.1", 1))]));
    let two = render(&config(vec![
        provider("b", base_url(false, "127.0.0.1", 2)),
        provider("a", base_url(false, "127.0.0.1", 1)),
    ]));

    assert_eq!(one.listeners, two.listeners);
    assert_ne!(one.clusters.version, two.clusters.version);
    assert_ne!(one.routes.version, two.routes.version);
    assert_eq!(one.clusters.items.first(), two.clusters.items.first());
}

#[test]
fn the_order_of_the_file_means_nothing() {
    let a = provider("a", base_url(false, "127.0.0.1", 1));
    let b = provider("b", base_url(false, "127.0.0.1", 2));

    assert_eq!(render(&config(vec![a.clone(), b.clone()])), render(&config(vec![b, a])));
}

#[test]
fn credentials_are_not_for_envoy() {
    let mut provider = provider("a", base_url(true, "example.com", 443));
    provider.accounts = vec![AccountConfig::only(Some(Secret::new("sk-provider-secret")))];

    let resources = render(&config(vec![provider]));

    for kind in ResourceKind::ALL {
        for item in &resources.of(kind).items {
            assert!(!String::from_utf8_lossy(&item.body.value).contains("sk-provider-secret"));
        }
    }
}

/// A configuration with these providers and no models.
pub(crate) fn config(providers: Vec<ProviderConfig>) -> Config {
    Config {
        server: ServerConfig {
            gateway: GatewayConfig {
                debug_headers: false,
                resources_provider: None,
                error_profile: ErrorProfile::OpenAi,
                listen: "127.0.0.1:8080".parse().unwrap(),
                tls: None,
                management: true,
                max_body_bytes: 32 << 20,
                request_timeout: Duration::from_mins(1),
                base_paths: Vec::new(),
                access_log: None,
                addresses: crate::domain::AddressLists::default(),
                trusted_hops: 0,
            },
            admin_listen: "127.0.0.1:4000".parse().unwrap(),
            admin: AdminConfig::default(),
            control_listen: ControlListen::Unix("/run/tollgate/control.sock".into()),
        },
        filter_file: PathBuf::from("/lib/tollgate_filter.wasm"),
        database_url: Secret::new("sqlite::memory:"),
        master_key: None,
        sign_in: SignInConfig::default(),
        providers,
        models: Vec::new(),
        combos: Vec::new(),
        aliases: Vec::new(),
        default_model: None,
        resilience: ResilienceConfig::default(),
        tags: Vec::new(),
        limits: LimitsConfig::default(),
        idempotency: Some(crate::config::IdempotencyConfig::default()),
        cache: None,
        media_fetch: None,
    }
}

/// A provider without credential.
pub(crate) fn provider(id: &str, base_url: BaseUrl) -> ProviderConfig {
    let provider = ProviderConfig::new(id.to_owned(), base_url, ProviderDialect::default());
    ProviderConfig { accounts: vec![AccountConfig::only(None)], ..provider }
}

/// A base URL with the path `/v1`.
pub(crate) fn tls(chain: &str) -> TlsFiles {
    let private_key = Secret::new("hush hush");
    TlsFiles {
        certificate: "/tls/cert.pem".into(),
        private_key: "/tls/key.pem".into(),
        pair: Some(CertificatePair { chain: chain.to_owned(), private_key }),
    }
}

pub(crate) fn base_url(tls: bool, host: &str, port: u16) -> BaseUrl {
    BaseUrl { tls, host: host.to_owned(), port, authority: host.to_owned(), path: "/v1".to_owned() }
}

/// Prints resources without what is unset, and what is packed in them unpacked.
fn golden(set: &ResourceSet) -> String {
    set.items.iter().map(|item| compact(&print(&item.body))).collect()
}

/// Cuts the VM's configuration out of a listener or a cluster.
fn vm(golden: &str) -> String {
    let lines = golden.lines().skip_while(|line| !line.contains("VmConfig {"));
    lines.map(str::trim).take_while(|line| *line != "},").collect::<Vec<_>>().join("\n")
}

/// Writes `Some(x)` as `x`, and `Variant(x)` as `Variant x`.
fn compact(debug: &str) -> String {
    let (mut text, mut start, mut open) = (String::new(), String::new(), Vec::new());
    for line in debug.lines().map(str::trim) {
        let closes = line.starts_with([')', ']', '}']);
        if closes && open.pop() == Some('(') {
            continue;
        }
        let line = std::mem::take(&mut start) + line;
        if let Some(wrapper) = line.strip_suffix('(') {
            start = wrapper.strip_suffix("Some").map_or(format!("{wrapper} "), str::to_owned);
            open.push('(');
            continue;
        }
        let indent = 2 * open.iter().filter(|bracket| **bracket != '(').count();
        writeln!(text, "{:indent$}{line}", "").unwrap();
        open.extend(line.chars().last().filter(|last| ['{', '['].contains(last)));
    }
    text
}

fn print(any: &Any) -> String {
    let debug = unpack(any);
    let mut text = String::new();
    let mut lines = debug.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if let Some(type_url) = line.trim().strip_prefix("type_url: \"") {
            let type_url = type_url.trim_end_matches("\",").to_owned();
            let value = match lines.next().map(str::trim) {
                Some("value: [") => lines
                    .by_ref()
                    .map(|line| line.trim().trim_end_matches(','))
                    .take_while(|line| *line != "]")
                    .map(|byte| byte.parse().unwrap())
                    .collect(),
                _ => Vec::new(),
            };
            for line in print(&Any { type_url, value }).lines() {
                writeln!(text, "{:indent$}{line}", "").unwrap();
            }
        } else if !UNSET.iter().any(|unset| line.ends_with(unset)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn unpack(any: &Any) -> String {
    fn debug<M: Message + Default + prost::Name + std::fmt::Debug>(any: &Any) -> Option<String> {
        (any.type_url == M::type_url())
            .then(|| format!("{:#?}", M::decode(any.value.as_slice()).unwrap()))
    }
    None.or_else(|| debug::<Cluster>(any))
        .or_else(|| debug::<Listener>(any))
        .or_else(|| debug::<RouteConfiguration>(any))
        .or_else(|| debug::<HttpConnectionManager>(any))
        .or_else(|| debug::<ext::access_loggers::file::v3::FileAccessLog>(any))
        .or_else(|| debug::<ext::clusters::dns::v3::DnsCluster>(any))
        .or_else(|| debug::<ext::filters::http::router::v3::Router>(any))
        .or_else(|| debug::<ext::filters::http::upstream_codec::v3::UpstreamCodec>(any))
        .or_else(|| debug::<ext::filters::http::wasm::v3::Wasm>(any))
        .or_else(|| debug::<ext::upstreams::http::v3::HttpProtocolOptions>(any))
        .or_else(|| {
            debug::<ext::transport_sockets::http_11_proxy::v3::Http11ProxyUpstreamTransport>(any)
        })
        .or_else(|| debug::<UpstreamTlsContext>(any))
        .or_else(|| debug::<DownstreamTlsContext>(any))
        .or_else(|| debug::<StringValue>(any))
        .unwrap_or_else(|| panic!("a type that this test does not know: {}", any.type_url))
}

const UNSET: [&str; 6] = [": None,", ": [],", ": {},", ": \"\",", ": 0,", ": false,"];
