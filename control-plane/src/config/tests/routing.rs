//! Accounts, strategies, combos, aliases.

use super::*;
use crate::config::{RoutingConfig, Strategy};

const TWO: &str = "providers: [{ id: a, base_url: 'http://h' }, { id: b, base_url: 'http://i' }]\n";

fn config(text: &str) -> Config {
    read(&format!("{LEAST}{text}"), &[("ONE", "s1"), ("TWO", "s2")]).unwrap()
}

fn targets(config: &Config, model: &str) -> Vec<(String, u32)> {
    let model = config.models.iter().find(|known| known.name == model).unwrap();
    let name = |it: &TargetConfig| (format!("{}/{}", it.provider, it.model), it.weight);
    model.targets.iter().map(name).collect()
}

fn owned(pairs: &[(&str, u32)]) -> Vec<(String, u32)> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

#[test]
fn a_provider_has_accounts_with_limits_of_their_own() {
    let config = config(
        "providers:
  - id: a
    base_url: http://h
    credential: env:ONE
    timeout_seconds: 120
    credential_header: X-Key
    accounts:
      - { id: spare, credential: env:TWO, enabled: false, weight: 3, limits: { rpm: 7 } }",
    );

    let provider = &config.providers[0];
    let accounts: Vec<_> = provider.accounts.iter().map(|it| (&*it.id, it.weight)).collect();
    assert_eq!(accounts, [("", 1), ("spare", 3)]);
    assert_eq!(provider.usable().count(), 1);
    assert_eq!(provider.first_byte_timeout_ms, Some(120_000));
    assert_eq!(provider.credential_header.as_deref(), Some("x-key"));
    let limited = config.limited();
    let (_, _, limits) = limited.iter().find(|(_, name, _)| name == "a/spare").unwrap();
    assert_eq!(limits.rpm, Some(7));
}

// proves: config.providers[].kind
#[test]
fn a_known_provider_needs_no_url() {
    let config = config(
        "providers:
  - { id: mine, kind: ds }
  - { id: lan, kind: ollama, base_url: 'http://10.0.0.1:11434' }
  - { id: telkom, kind: telkom }",
    );

    let [mine, lan, telkom] = &config.providers[..] else { panic!("three") };
    assert_eq!((&*mine.base_url.host, &*mine.base_url.path), ("api.deepseek.com", ""));
    assert_eq!(mine.listed_as(), "deepseek");
    assert_eq!((lan.dialect, &*lan.base_url.host), (ProviderDialect::Ollama, "10.0.0.1"));
    assert_eq!(telkom.credential_header.as_deref(), Some("x-api-key"));
    refused("providers: [{ id: a, kind: nobody }]", "providers[0].kind", "catalogue");
    refused("providers: [{ id: a, kind: azure }]", "providers[0].base_url", "missing");
}

#[test]
fn accounts_and_what_belongs_to_them_are_checked() {
    let provider = |text: &str, field: &str, why| {
        let text = format!("providers: [{{ id: a, base_url: 'http://h', {text} }}]");
        refused(&text, &format!("providers[0].{field}"), why);
    };
    provider("accounts: [{ id: X }]", "accounts[0].id", "lower-case");
    provider("accounts: [{ id: x }, { id: x }]", "accounts[1].id", "taken");
    provider("accounts: [{ id: x, weight: 5000 }]", "accounts[0].weight", "0..1000");
    provider("accounts: [{ id: x, credential: s }]", "accounts[0].credential", "env:NAME");
    provider("credential_header: 'a b'", "credential_header", "letters");
    provider("credential_header: Content-Type", "credential_header", "gateway");
    provider("credential_header: a, credential_query: b", "credential_query", "already");
    provider("timeout_seconds: 0", "timeout_seconds", "0.001..86400");
    provider("proxy: 'socks5://127.0.0.1:1080'", "proxy", "SOCKS");
    provider("proxy: 'http://proxy:3128'", "proxy", "IP address");
    provider("proxy: 'http://u:p@127.0.0.1'", "proxy", "password");
    provider("proxy: 'http://127.0.0.1:3128'", "proxy", "TLS");
    refused(
        "providers: [{ id: a, kind: groq, proxy: 'http://127.0.0.1:3128', check_seconds: 1 }]",
        "providers[0].check_seconds",
        "behind a `proxy`",
    );
}

#[test]
fn a_model_says_how_its_targets_are_tried() {
    let config = config(&format!(
        "{TWO}models:
  - name: m
    strategy: cost-optimized
    account_strategy: fill-first
    max_attempts: 3
    first_byte_timeout_seconds: 1.5
    attempts_within_seconds: 20
    hold_seconds: 2
    hold_bytes: 1024
    groups: [fast]
    targets:
      - {{ provider: a, model: x, weight: 0, tools: false, vision: true }}
resilience: {{ failures: 2, open_ms: 100 }}"
    ));

    let model = &config.models[0];
    let expected = RoutingConfig {
        strategy: Strategy::LeastCost,
        accounts: Strategy::Priority,
        max_attempts: Some(3),
        first_byte_timeout_ms: Some(1_500),
        attempts_within_ms: Some(20_000),
        hold_ms: Some(2_000),
        hold_bytes: Some(1_024),
    };
    assert_eq!((model.routing, &*model.groups[0]), (expected, "fast"));
    let target = &model.targets[0];
    assert_eq!((target.weight, target.tools, target.vision), (0, Some(false), Some(true)));
    assert_eq!((config.resilience.failures, config.resilience.open_ms), (Some(2), Some(100)));
}

#[test]
fn unknown_values_are_refused_with_their_field() {
    let model = |text: &str, field: &str, why| {
        let target = "targets: [{ provider: a, model: x }]";
        let text = format!("{TWO}models: [{{ name: m, {target}, {text} }}]");
        refused(&text, &format!("models[0].{field}"), why);
    };
    model("strategy: best", "strategy", "write one of priority, weighted");
    model("account_strategy: best", "account_strategy", "sticky");
    model("max_attempts: 0", "max_attempts", "1..100");
    model("hold_bytes: 99999999", "hold_bytes", "8388608");
    refused("resilience: { failures: 0 }", "resilience.failures", "1..1000");
    refused("default_model: x", "default_model", "no model \"x\"");
    refused(
        &format!(
            "{TWO}models: [{{ name: m, targets: [{{ provider: a, model: x, account: y }}] }}]"
        ),
        "models[0].targets[0].account",
        "no account \"y\"",
    );
}

// proves: config.combos[].{name,groups}, config.combos[].models[].model
#[test]
fn a_combo_becomes_a_model() {
    let config = config(&format!(
        "{TWO}models: [{{ name: m, targets: [{{ provider: a, model: x }}] }}]
combos:
  - {{ name: outer, strategy: round-robin, models: [inner, b/y] }}
  - {{ name: inner, models: [m, {{ model: b/z, weight: 5 }}] }}
default_model: outer"
    ));

    assert_eq!(targets(&config, "outer"), owned(&[("a/x", 1), ("b/z", 1), ("b/y", 1)]));
    assert!(config.models.iter().filter(|model| model.combo).count() == 2);
    assert_eq!(config.default_model.as_deref(), Some("outer"));
}

#[test]
fn a_member_of_a_weighted_combo_is_one_ticket() {
    let config = config(&format!(
        "{TWO}combos:
  - {{ name: flat, strategy: weighted, models: [{{ model: a/x, weight: 3 }}, a/y] }}
  - {{ name: nested, strategy: weighted, models: [flat, {{ model: b/z, weight: 0 }}] }}"
    ));

    assert_eq!(targets(&config, "flat"), owned(&[("a/x", 3), ("a/y", 1)]));
    let shared = [("a/x", 1_260), ("a/y", 1_260), ("b/z", 0)];
    assert_eq!(targets(&config, "nested"), owned(&shared));
}

#[test]
fn combos_that_cannot_be_resolved_are_refused() {
    let combos = |text: &str, place: &str, why| refused(&format!("{TWO}{text}"), place, why);
    combos("combos: [{ models: [a/x] }]", "combos[0].name", "missing");
    combos("combos: [{ name: c }]", "combos[0].models", "at least one");
    combos("combos: [{ name: c, models: [x] }]", "combos[0].models[0]", "neither");
    combos(
        "combos: [{ name: c, models: [a/x] }, { name: c, models: [a/x] }]",
        "combos[1].name",
        "taken",
    );
    combos("combos: [{ name: c, models: [a/x, c] }]", "combos[0].models[1]", "c → c");
    let deep = "combos:
  - { name: c1, models: [c2] }
  - { name: c2, models: [c3] }
  - { name: c3, models: [c4] }
  - { name: c4, models: [a/x] }";
    combos(deep, "combos[0].models[0]", "c1 → c2 → c3 → c4 is deeper");
}

#[test]
fn a_circle_of_combos_is_named() {
    let text = format!(
        "{LEAST}{TWO}combos: [{{ name: c, models: [d] }}, {{ name: d, models: [e] }}, \
         {{ name: e, models: [c] }}]"
    );

    let (place, message) = problems(&text, &[]).remove(0);

    assert_eq!(place, "combos[0].models[0]");
    assert!(message.contains("c → d → e → c"), "{message}");
}

#[test]
fn aliases_are_looked_at_from_the_most_specific_on() {
    let config = config(&format!(
        "{TWO}models: [{{ name: m, targets: [{{ provider: a, model: x }}] }}]
aliases: {{ 'gpt-*': m, 'gpt-4*': b/y, '*': m, 'gpt-4o': m, 'gpt-4?': m }}"
    ));

    let order: Vec<&str> = config.aliases.iter().map(|alias| &*alias.pattern).collect();
    assert_eq!(order, ["gpt-4o", "gpt-4?", "gpt-4*", "gpt-*", "*"]);
    let alias = |text: &str, place: &str, why| {
        let models = "models: [{ name: m, targets: [{ provider: a, model: x }] }]";
        refused(&format!("{TWO}{models}\naliases: {{ {text} }}"), place, why);
    };
    alias("m: a/x", "aliases.m", "name of a model");
    alias("x: y", "aliases.x", "neither a model");
    alias("x: m, y: x", "aliases.y", "another one");
}
