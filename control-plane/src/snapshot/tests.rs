use std::collections::BTreeMap;

use tollgate_proto::v1;

use super::*;
use crate::config::Source;
use crate::prices::PriceList;

fn rendered(text: &str) -> v1::Snapshot {
    let env = [("ONE", "s1"), ("TWO", "s2")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let source =
        Source { file: "/c.yaml".into(), data_dir: "/data".into(), env: BTreeMap::from(env) };
    let text = format!("filter: {{ file: f.wasm }}\n{text}");
    let config = source.read(&text, &PriceList::default()).unwrap();
    render(&config, &SharedLimits::default(), 3)
}

// proves: config.providers[].accounts[].{id,enabled}, config.providers[].enabled
// proves: config.models[].targets[].account
#[test]
fn targets_are_told_for_each_account_that_may_be_used() {
    let snapshot = rendered(
        "
providers:
  - id: p
    base_url: http://h
    credential_query: key
    accounts:
      - { id: one, credential: env:ONE }
      - { id: off, credential: env:TWO, enabled: false }
      - { id: two, credential: env:TWO, weight: 3 }
  - { id: gone, base_url: 'http://i', enabled: false }
models:
  - name: m
    targets:
      - { provider: p, model: x, weight: 2, vision: false }
      - { provider: gone, model: y }
      - { provider: p, model: z, account: two }",
    );

    let providers: Vec<_> = snapshot.providers.iter().map(|it| (&*it.id, &*it.account)).collect();
    assert_eq!(providers, [("p", "one"), ("p", "two")]);
    let provider = &snapshot.providers[1];
    assert_eq!((provider.credential.as_deref(), &*provider.credential_query), (Some("s2"), "key"));
    assert_eq!(provider.cluster, "tollgate/p");
    let targets = snapshot.models[0].targets.iter();
    let targets: Vec<_> =
        targets.map(|it| (&*it.account, &*it.model, it.entry, it.weight)).collect();
    assert_eq!(targets, [("one", "x", 0, 2), ("two", "x", 0, 6), ("two", "z", 2, 3)]);
    assert_eq!(snapshot.models[0].targets[0].vision, Some(false));
}

// proves: config.providers[].timeout_seconds
#[test]
fn a_model_is_as_patient_as_the_most_patient_of_its_providers() {
    let snapshot = rendered(
        "
providers:
  - { id: p, base_url: 'http://h', timeout_seconds: 2 }
  - { id: q, base_url: 'http://h', timeout_seconds: 90 }
  - { id: r, base_url: 'http://h' }
models:
  - { name: one, targets: [{ provider: p, model: x }] }
  - { name: two, targets: [{ provider: p, model: x }, { provider: q, model: x }] }
  - { name: any, targets: [{ provider: p, model: x }, { provider: r, model: x }] }
  - name: own
    first_byte_timeout_seconds: 1
    targets: [{ provider: q, model: x }]",
    );

    let told = snapshot.models.iter();
    let told: Vec<_> =
        told.map(|it| it.routing.map_or(0, |routing| routing.first_byte_timeout_ms)).collect();
    assert_eq!(told, [2_000, 90_000, 0, 1_000]);
}

#[test]
fn what_is_said_of_routing_is_told_and_nothing_else() {
    let snapshot = rendered(
        "
providers: [{ id: p, base_url: 'http://h' }]
models:
  - { name: plain, targets: [{ provider: p, model: x }] }
  - { name: m, strategy: sticky, hold_bytes: 9, groups: [g], targets: [{ provider: p, model: x }] }
aliases: { 'x*': m }
default_model: plain
resilience: { cooldown_ms: 7 }",
    );

    let [plain, model] = &snapshot.models[..] else { panic!("two") };
    assert_eq!(plain.routing, None);
    let routing = model.routing.unwrap();
    assert_eq!((routing.strategy(), routing.hold_bytes), (v1::Strategy::Sticky, 9));
    assert_eq!((&*model.groups[0], &*snapshot.default_model), ("g", "plain"));
    assert_eq!(snapshot.resilience.unwrap().cooldown_ms, 7);
    assert_eq!((&*snapshot.aliases[0].pattern, &*snapshot.aliases[0].target), ("x*", "m"));
}

#[test]
fn a_provider_has_the_names_that_other_gateways_give_it() {
    let snapshot = rendered(
        "
providers:
  - { id: mine, kind: deepseek, credential: env:ONE }
  - { id: local, base_url: 'http://h' }",
    );

    assert_eq!(snapshot.providers[0].aliases, ["deepseek", "ds"]);
    assert!(snapshot.providers[1].aliases.is_empty());
}

// proves: config.models[].mode
#[test]
fn models_say_what_they_are_for() {
    let text = "
filter: { file: f.wasm }
providers: [{ id: openai, base_url: 'http://h' }]
models:
  - { name: chat, targets: [{ provider: openai, model: gpt-4o }] }
  - { name: vectors, targets: [{ provider: openai, model: text-embedding-3-small }] }
  - name: both
    targets:
      - { provider: openai, model: gpt-4o }
      - { provider: openai, model: text-embedding-3-small }
  - { name: own, mode: embedding, targets: [{ provider: openai, model: unheard-of }] }
  - { name: art, mode: image_generation, targets: [{ provider: openai, model: x }] }
combos: [{ name: c, models: [vectors] }]";
    let source = Source { file: "/c.yaml".into(), data_dir: "/data".into(), env: BTreeMap::new() };
    let config = source.read(text, &PriceList::built_in().unwrap()).unwrap();
    let snapshot = render(&config, &SharedLimits::default(), 3);

    let kinds = snapshot.models.iter().map(|model| (&*model.name, model.kind()));
    let expected = [
        ("chat", v1::ModelKind::Unspecified),
        ("vectors", v1::ModelKind::Embeddings),
        ("both", v1::ModelKind::Unspecified),
        ("own", v1::ModelKind::Embeddings),
        ("art", v1::ModelKind::Images),
        ("c", v1::ModelKind::Embeddings),
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    assert_eq!(snapshot.models.last().map(|model| &*model.owned_by), Some("combo"));
}
