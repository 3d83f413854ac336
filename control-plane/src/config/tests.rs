mod diff;
mod limits;
mod routing;
mod semantic;
mod settings;
mod sign_in;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tollgate_core::money::AttoDollars;

use super::*;
use crate::prices::PriceList;

/// The smallest configuration, to which cases add.
const LEAST: &str = "filter: { file: f.wasm }\n";
const TIER: &str = "models: [{ targets: [{ price: { tiers: [{ zzz: 1 }] } }] }]";

fn paths(bases: &[BasePath]) -> Vec<&str> {
    bases.iter().map(|base| &*base.path).collect()
}

fn source(env: &[(&str, &str)]) -> Source {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Source {
        file: PathBuf::from("/etc/tollgate/config.yaml"),
        data_dir: PathBuf::from("/data"),
        env: env.collect(),
    }
}

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    source(env).read(text, &PriceList::built_in().unwrap())
}

/// Returns places and messages of all that is wrong.
fn problems(text: &str, env: &[(&str, &str)]) -> Vec<(String, String)> {
    let error = read(text, env).unwrap_err();
    error.0.into_iter().map(|problem| (problem.place, problem.message)).collect()
}

#[track_caller]
fn refused(text: &str, place: &str, why: &str) {
    let problems = problems(&format!("{LEAST}{text}"), &[("LITERAL", "no-sk"), ("EMPTY", "")]);
    let [(named, message)] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(named, place, "{message}");
    assert!(message.contains(why), "{message:?} does not say {why:?}");
}

#[test]
fn the_least_configuration_has_defaults() {
    let config = read(LEAST, &[]).unwrap();

    let expected = Config {
        server: ServerConfig {
            gateway: GatewayConfig {
                listen: "127.0.0.1:8080".parse().unwrap(),
                tls: None,
                debug_headers: false,
                resources_provider: None,
                error_profile: ErrorProfile::OpenAi,
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
            control_listen: ControlListen::Unix("/data/control.sock".into()),
        },
        filter_file: "/etc/tollgate/f.wasm".into(),
        database_url: Secret::new("sqlite:/data/tollgate.db"),
        master_key: None,
        sign_in: SignInConfig::default(),
        providers: Vec::new(),
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
    };
    assert_eq!(config, expected);
}

#[test]
fn everything_that_is_written_arrives() {
    let text = r#"
server:
  gateway:
    listen: 0.0.0.0:443
    tls: { certificate_file: a.pem, private_key_file: /b.pem }
    management: false
    max_body_bytes: 2048
    request_timeout_seconds: 5
    base_paths: [/telkom/v1/]
    error_profile: litellm-1.83
    access_log: requests.log
  admin: { listen: "[::1]:0" }
  control: { listen: "127.0.0.1:7000" }
filter: { file: f.wasm }
database: { url: "sqlite:data.db" }
master_key: env:MASTER
providers:
  - { id: one, base_url: "http://localhost:9000/v1/", credential: env:ONE, stream_usage: false }
models:
  - name: a/b
    targets:
      - { provider: one, model: m, price: { input_token: "0.5", request: "0.25" } }
      - { provider: one, model: gpt-4o-mini }
      - { provider: one, model: unheard-of }
"#;

    let config = read(text, &[("MASTER", "sk-1"), ("ONE", " s ")]).unwrap();

    let gateway = &config.server.gateway;
    let tls = gateway.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, PathBuf::from("/etc/tollgate/a.pem"));
    assert_eq!(tls.private_key, PathBuf::from("/b.pem"));
    assert_eq!((gateway.management, gateway.max_body_bytes), (false, 2048));
    assert_eq!(gateway.request_timeout, Duration::from_secs(5));
    assert_eq!(paths(&gateway.base_paths), ["/telkom/v1"]);
    assert_eq!(gateway.error_profile, ErrorProfile::LiteLlm183);
    assert_eq!(gateway.access_log, Some("/etc/tollgate/requests.log".into()));
    assert_eq!(config.server.control_listen, ControlListen::Tcp("127.0.0.1:7000".parse().unwrap()));
    assert_eq!(config.database_url.expose(), "sqlite:/etc/tollgate/data.db");
    assert_eq!(config.master_key.as_ref().map(Secret::expose), Some("sk-1"));
    let provider = &config.providers[0];
    let credential = provider.accounts[0].credential.as_ref();
    assert_eq!(credential.map(Secret::expose), Some("s"));
    assert_eq!(
        (provider.base_url.authority.as_str(), provider.stream_usage),
        ("localhost:9000", false)
    );
    let prices: Vec<Option<(AttoDollars, Option<AttoDollars>)>> = config.models[0]
        .targets
        .iter()
        .map(|target| target.price.as_ref().map(|price| (price.input, price.request)))
        .collect();
    let usd = |text| AttoDollars::from_usd(text).unwrap();
    assert_eq!(
        prices,
        [Some((usd("0.5"), Some(usd("0.25")))), Some((usd("0.00000015"), None)), None]
    );
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    let problems = problems("filter: { file: f }\nserver:\n  admin: { listn: x }\n", &[]);

    let [(place, message)] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(place, "/etc/tollgate/config.yaml");
    assert!(message.contains("server.admin"), "{message}");
    assert!(message.contains("unknown field `listn`"), "{message}");
    assert!(message.contains("line 3"), "{message}");
}

#[test]
fn wrong_values_are_named_and_explained() {
    refused("server: { gateway: { listen: here } }", "server.gateway.listen", "ADDRESS:PORT");
    refused("server: { admin: { listen: '1.2.3.4' } }", "server.admin.listen", "ADDRESS:PORT");
    refused("server: { control: { listen: '0.0.0.0:1' } }", "server.control.listen", "loopback");
    refused("server: { control: { listen: 'x' } }", "server.control.listen", "ADDRESS:PORT");
    let long = format!("server: {{ control: {{ listen: 'unix:/{}' }} }}", "x".repeat(120));
    refused(&long, "server.control.listen", "shorter path");
    refused("server: { gateway: { max_body_bytes: 1 } }", "server.gateway.max_body_bytes", "1024");
    refused(
        "server: { gateway: { request_timeout_seconds: 0 } }",
        "server.gateway.request_timeout_seconds",
        "1..86400",
    );
    refused(
        "server: { gateway: { base_paths: [{ path: /a, default_model: m }] } }",
        "server.gateway.base_paths: /a: default_model",
        "no model",
    );
    refused(
        "server: { gateway: { resources_provider: nobody } }",
        "server.gateway.resources_provider",
        "no provider's id",
    );
    refused(
        "server: { gateway: { error_profile: kong } }",
        "server.gateway.error_profile",
        "litellm",
    );
    refused(
        "server: { gateway: { base_paths: [/a, b] } }",
        "server.gateway.base_paths[1]",
        "/telkom",
    );
    refused(
        "server: { gateway: { tls: { certificate_file: a } } }",
        "server.gateway.tls.private_key_file",
        "missing",
    );
    refused("database: { url: 'mysql://x' }", "database.url", "sqlite:PATH");
    refused("database: { url: 'sqlite::memory:' }", "database.url", "file");
    refused("database: { url: 'postgres://u:p@h/d' }", "database.url", "env:NAME");
}

#[test]
fn secrets_come_by_reference_alone() {
    refused("master_key: sk-1234", "master_key", "env:NAME");
    refused("master_key: env:MISSING", "master_key", "MISSING is not set");
    refused("master_key: env:EMPTY", "master_key", "EMPTY is empty");
    refused("master_key: env:LITERAL", "master_key", "sk-");
    refused(
        "providers: [{ id: a, base_url: 'http://h', credential: sk-literal }]",
        "providers[0].credential",
        "env:NAME",
    );
    let error = read(&format!("{LEAST}master_key: sk-hush"), &[]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"));
}

#[test]
fn providers_and_models_are_checked() {
    refused("providers: [{ base_url: 'http://h' }]", "providers[0].id", "missing");
    refused("providers: [{ id: Open AI, base_url: 'http://h' }]", "providers[0].id", "lower-case");
    refused("providers: [{ id: a }]", "providers[0].base_url", "missing");
    refused("providers: [{ id: a, base_url: h }]", "providers[0].base_url", "not a URL");
    refused(
        "providers: [{ id: a, base_url: 'http://h' }, { id: a, base_url: 'http://i' }]",
        "providers[1].id",
        "taken",
    );
    let provider = "providers: [{ id: a, base_url: 'http://h' }]\nmodels:\n";
    let model = |text: &str, place, why| refused(&format!("{provider}{text}"), place, why);
    model(" - { targets: [{ provider: a, model: m }] }", "models[0].name", "missing");
    model(" - { name: m }", "models[0].targets", "at least one");
    model(" - { name: m, targets: [{ model: m }] }", "models[0].targets[0].provider", "missing");
    model(
        " - { name: m, targets: [{ provider: b, model: m }] }",
        "models[0].targets[0].provider",
        "no provider \"b\"",
    );
    model(" - { name: m, targets: [{ provider: a }] }", "models[0].targets[0].model", "missing");
    model(
        " - { name: m, targets: [{ provider: a, model: m, price: { output_token: cheap } }] }",
        "models[0].targets[0].price.output_token",
        "dollars per token",
    );
    model(
        " - { name: m, targets: [{ provider: a, model: m, price: { input_token: '-1' } }] }",
        "models[0].targets[0].price.input_token",
        "dollars per token",
    );
    let two = " - { name: m, targets: [{ provider: a, model: m }] }\n";
    model(&format!("{two}{two}"), "models[1].name", "taken");
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = problems("master_key: sk-1\nproviders: [{ id: 'A' }]\n", &[]);

    let places: Vec<&str> = problems.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["filter.file", "master_key", "providers[0].id", "providers[0].base_url"]);
}

#[test]
fn the_environment_replaces_fields() {
    let text = format!("{LEAST}providers: [{{ id: a, base_url: 'http://h' }}]");

    let config = read(
        &text,
        &[
            ("TOLLGATE__SERVER__ADMIN__LISTEN", "127.0.0.1:1"),
            ("TOLLGATE__SERVER__GATEWAY__MANAGEMENT", "false"),
            ("TOLLGATE__SERVER__GATEWAY__BASE_PATHS", "[/a, /b]"),
            ("TOLLGATE__FILTER__FILE", "123"),
            ("TOLLGATE__PROVIDERS__0__BASE_URL", "http://other"),
            ("TOLLGATE__MASTER_KEY", "env:MASTER"),
            ("TOLLGATE_OTHER", "not ours"),
            ("MASTER", "sk-1"),
        ],
    )
    .unwrap();

    assert_eq!(config.server.admin_listen, "127.0.0.1:1".parse().unwrap());
    assert!(!config.server.gateway.management);
    assert_eq!(paths(&config.server.gateway.base_paths), ["/a", "/b"]);
    assert_eq!(config.filter_file, PathBuf::from("/etc/tollgate/123"));
    assert_eq!(config.providers[0].base_url.host, "other");
    assert_eq!(config.master_key.as_ref().map(Secret::expose), Some("sk-1"));
}

#[test]
fn a_wrong_override_is_named() {
    for (name, value, why) in [
        ("TOLLGATE__SERVER__ADMN__LISTEN", "x", "unknown field `admn`"),
        ("TOLLGATE__PROVIDERS__7__ID", "x", "unknown"),
        ("TOLLGATE__SERVER__GATEWAY__MANAGEMENT", "perhaps", "expected a boolean"),
        ("TOLLGATE__FILTER__FILE__NAME", "x", "not a section"),
    ] {
        let problems = problems(LEAST, &[(name, value)]);
        let [(place, message)] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(place, &format!("environment {name}"));
        assert!(message.contains(why) || name.contains("__7__"), "{message}");
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, LEAST).unwrap();
    let source = Source { file, data_dir: folder.path().into(), env: BTreeMap::new() };
    let prices = PriceList::default();

    let missing = source.load(&prices).unwrap_err();
    std::fs::write(folder.path().join("f.wasm"), "").unwrap();

    assert_eq!(missing.0[0].place, "filter.file");
    assert!(source.load(&prices).is_ok());
}

#[test]
fn some_changes_wait_for_a_restart() {
    let old = read(LEAST, &[]).unwrap();
    let text = format!(
        "{LEAST}server: {{ admin: {{ listen: '127.0.0.1:1' }}, gateway: {{ management: false }} }}\n\
         master_key: env:K\nproviders: [{{ id: a, base_url: 'http://h' }}]"
    );

    let new = old.successor(read(&text, &[("K", "sk-1")]).unwrap());

    assert_eq!(new.server.admin_listen, old.server.admin_listen);
    assert_eq!(new.master_key, None);
    assert!(!new.server.gateway.management);
    assert_eq!(new.providers.len(), 1);
}

#[test]
fn the_documented_example_is_valid() {
    let page = include_str!("../../../docs/configuration.md");
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();

    let config = read(example, &[("TOLLGATE_MASTER_KEY", "sk-1"), ("OPENAI_API_KEY", "sk-2")]);

    assert_eq!(config.unwrap().models.len(), 1);
}

/// The parser itself lists the fields of a section when it meets one that it does not know.
#[test]
fn every_field_is_documented() {
    let page = include_str!("../../../docs/configuration.md");
    let sections = [
        ("", "zzz: 1"),
        ("server.", "server: { zzz: 1 }"),
        ("server.gateway.", "server: { gateway: { zzz: 1 } }"),
        ("server.gateway.tls.", "server: { gateway: { tls: { zzz: 1 } } }"),
        ("server.admin.", "server: { admin: { zzz: 1 } }"),
        ("server.control.", "server: { control: { zzz: 1 } }"),
        ("filter.", "filter: { zzz: 1 }"),
        ("database.", "database: { zzz: 1 }"),
        ("providers[].", "providers: [{ zzz: 1 }]"),
        ("providers[].accounts[].", "providers: [{ accounts: [{ zzz: 1 }] }]"),
        ("combos[].", "combos: [{ zzz: 1 }]"),
        ("resilience.", "resilience: { zzz: 1 }"),
        ("limits.", "limits: { zzz: 1 }"),
        ("cache.", "cache: { zzz: 1 }"),
        ("sign_in.", "sign_in: { zzz: 1 }"),
        ("sign_in.oidc.", "sign_in: { oidc: { zzz: 1 } }"),
        ("media_fetch.", "media_fetch: { zzz: 1 }"),
        ("cache.semantic.", "cache: { semantic: { zzz: 1 } }"),
        ("tags[].", "tags: [{ zzz: 1 }]"),
        ("*.limits.", "tags: [{ limits: { zzz: 1 } }]"),
        ("models[].targets[].price.tiers[].", TIER),
        ("models[].", "models: [{ zzz: 1 }]"),
        ("models[].system_prompt.", "models: [{ system_prompt: { zzz: 1 } }]"),
        ("models[].thinking.", "models: [{ thinking: { zzz: 1 } }]"),
        ("models[].targets[].", "models: [{ targets: [{ zzz: 1 }] }]"),
        ("models[].targets[].price.", "models: [{ targets: [{ price: { zzz: 1 } }] }]"),
    ];
    for (section, text) in sections {
        let message = problems(text, &[]).remove(0).1;
        let (_, expected) = message.split_once("expected").unwrap();
        let fields: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(!fields.is_empty(), "{message}");
        for field in fields {
            let path = format!("{section}{field}");
            assert!(page.contains(&format!("`{path}")), "{path} is not in docs/configuration.md");
        }
    }
}
