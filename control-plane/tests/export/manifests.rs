//! What the manifests say, as golden files in `snapshots/`; `INSTA_UPDATE=always` rewrites them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tollgate_control_plane::config::{Config, Source as ConfigSource};
use tollgate_control_plane::export::{
    Bootstrap, EnvoyGateway, Istio, Role, Source, Workload, write,
};
use tollgate_control_plane::prices::PriceList;
use tollgate_control_plane::xds::filter::FilterCode;

const CONFIG: &str = "
server:
  gateway:
    listen: '0.0.0.0:8080'
    tls: { certificate_file: cert.pem, private_key_file: key.pem }
    access_log: requests.log
filter: { file: filter.wasm }
master_key: env:SECRET_OF_MANAGEMENT
providers:
- { id: openai, base_url: 'https://api.openai.com/v1', credential: env:SECRET_OF_OPENAI }
- id: local
  base_url: http://10.0.0.7:8000/v1
  accounts:
  - { id: one, credential: env:SECRET_OF_ONE }
  - { id: two, credential: env:SECRET_OF_TWO }
";

#[test]
fn a_bootstrap_for_envoy_alone() {
    insta::assert_snapshot!(yaml(&bootstrap(Role::Gateway)));
}

#[test]
fn a_bootstrap_with_one_filter_alone() {
    insta::assert_snapshot!(yaml(&bootstrap(Role::Standalone)));
}

#[test]
fn an_envoy_filter() {
    insta::assert_snapshot!(yaml(&istio(Role::Gateway)));
}

#[test]
fn an_envoy_filter_with_one_filter_alone() {
    insta::assert_snapshot!(yaml(&istio(Role::Standalone)));
}

#[test]
fn an_envoy_patch_policy() {
    insta::assert_snapshot!(yaml(&envoy_gateway(Role::Gateway)));
}

#[test]
fn an_envoy_patch_policy_with_one_filter_alone() {
    insta::assert_snapshot!(yaml(&envoy_gateway(Role::Standalone)));
}

#[test]
fn no_secret_is_in_any_manifest() {
    for manifest in every_manifest() {
        let text = manifest.to_string();
        assert!(text.contains("tollgate_filter") || text.contains("tollgate_control"));
        assert!(!text.contains("hush"), "{text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
}

#[test]
fn a_filter_behind_a_url_has_a_cluster_to_fetch_it_from() {
    let code = FilterCode::Url {
        url: "https://files.example.com/tollgate_filter.wasm".to_owned(),
        sha256: "ab".repeat(32),
    };

    let alone = Role::Standalone;
    let manifest = with_source(alone, code, |source| istio_of().render(source).unwrap());

    let text = manifest.to_string();
    assert!(text.contains(r#""cluster":"tollgate_filter""#));
    assert!(text.contains(r#""name":"tollgate_filter""#));
    assert!(text.contains(r#""address":"files.example.com""#));
}

#[test]
fn without_management_nothing_leads_there() {
    let text = CONFIG.replace("listen: '0.0", "management: false\n    listen: '0.0");

    let manifest = rendered(&text, Role::Gateway, file(), |source| {
        Bootstrap { node_id: "a".to_owned(), envoy_admin_port: 1 }.render(source).unwrap()
    });

    let clusters = manifest["static_resources"]["clusters"].as_array().unwrap();
    assert!(clusters.iter().all(|cluster| cluster["name"] != "tollgate_admin"));
}

/// Every manifest in both roles.
pub(crate) fn every_manifest() -> Vec<Value> {
    [Role::Gateway, Role::Standalone]
        .into_iter()
        .flat_map(|role| [bootstrap(role), istio(role), envoy_gateway(role)])
        .collect()
}

pub(crate) fn istio(role: Role) -> Value {
    with_source(role, file(), |source| istio_of().render(source).unwrap())
}

pub(crate) fn istio_at_a_gateway() -> Value {
    let istio = Istio { workload: Workload::Gateway("llm".to_owned()), ..istio_of() };
    with_source(Role::Gateway, file(), |source| istio.render(source).unwrap())
}

pub(crate) fn envoy_gateway(role: Role) -> Value {
    let name = "default/tollgate/http".to_owned();
    let gateway = EnvoyGateway {
        namespace: "default".to_owned(),
        gateway: "tollgate".to_owned(),
        listener: name.clone(),
        routes: name,
    };
    with_source(role, file(), |source| gateway.render(source).unwrap())
}

fn bootstrap(role: Role) -> Value {
    let bootstrap = Bootstrap { node_id: "tollgate".to_owned(), envoy_admin_port: 9901 };
    with_source(role, file(), |source| bootstrap.render(source).unwrap())
}

fn istio_of() -> Istio {
    Istio {
        namespace: "istio-system".to_owned(),
        workload: Workload::Labels(BTreeMap::from([(
            "istio".to_owned(),
            "ingressgateway".to_owned(),
        )])),
        port: 8080,
        routes: "http.8080".to_owned(),
    }
}

fn with_source(role: Role, code: FilterCode, render: impl FnOnce(&Source<'_>) -> Value) -> Value {
    rendered(CONFIG, role, code, render)
}

fn rendered(
    text: &str,
    role: Role,
    code: FilterCode,
    render: impl FnOnce(&Source<'_>) -> Value,
) -> Value {
    let mut config = config(text);
    let tls = config.server.gateway.tls.as_mut().unwrap();
    tls.certificate = "/tls/cert.pem".into();
    tls.private_key = "/tls/key.pem".into();
    config.server.gateway.access_log = Some("/log/requests.log".into());
    render(&Source {
        config: &config,
        role,
        code,
        control: "unix:/run/tollgate/control.sock".parse().unwrap(),
        management: config.server.admin_listen.into(),
    })
}

fn config(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("filter.wasm", "");
    write("cert.pem", &pair.cert.pem());
    write("key.pem", &pair.signing_key.serialize_pem());
    let secrets = ["MANAGEMENT", "OPENAI", "ONE", "TWO"];
    let env = secrets.map(|of| (format!("SECRET_OF_{of}"), format!("sk-hush-{of}")));
    let source = ConfigSource {
        file: folder.path().join("tollgate.yaml"),
        data_dir: folder.path().to_owned(),
        env: env.into(),
    };
    source.read(text, &PriceList::default()).unwrap()
}

fn file() -> FilterCode {
    FilterCode::in_file(Path::new("/lib/tollgate_filter.wasm"))
}

fn yaml(manifest: &Value) -> String {
    write(manifest, "tollgate export").unwrap()
}
