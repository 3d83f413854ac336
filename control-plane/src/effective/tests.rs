use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::config::{Source, Strategy};
use crate::domain::{Stamps, Timestamp};
use crate::entropy::SystemEntropy;
use crate::snapshot;
use crate::store::SharedLimits;

const FILE: &str = "
filter: { file: f.wasm }
providers: [{ id: own, base_url: 'http://127.0.0.1:1' }]
models: [{ name: mine, targets: [{ provider: own, model: x }] }]
aliases: { short: mine }
";

fn vault() -> Vault {
    Vault::with_key(&[7; 32]).unwrap()
}

fn item(kind: ItemKind, id: &str, body: Value) -> Item {
    let Value::Object(body) = body else { panic!("an object") };
    let at = Timestamp::from_micros(0);
    let stamps =
        Stamps { created_at: at, created_by: "a".into(), updated_at: at, updated_by: "a".into() };
    let mut item = Item { kind, id: id.to_owned(), body, sealed: None, stamps };
    if let Some(Value::String(key)) = item.body.remove("key") {
        let sealed = vault().seal(&Secret::new(key), &owner(&item), &SystemEntropy).unwrap();
        item.sealed = Some(sealed);
    }
    item
}

fn merged(items: &[Item]) -> Effective {
    let source = Source { file: "/c.yaml".into(), data_dir: "/d".into(), env: BTreeMap::default() };
    let prices = PriceList::built_in().unwrap();
    let file = source.read(FILE, &prices).unwrap();
    effective(&file, items, &vault(), &prices)
}

fn complaints(effective: &Effective) -> Vec<(&str, &str)> {
    effective.left_out.iter().map(|left| (&*left.id, &*left.why)).collect()
}

#[test]
fn connections_are_accounts_of_their_provider_in_order_of_priority() {
    let connection = |id: &str, body: Value| item(ItemKind::Connection, id, body);
    let merged = merged(&[
        connection("c1", json!({"provider": "groq", "key": "k1", "priority": 5})),
        connection(
            "c2",
            json!({"provider": "groq", "key": "k2", "priority": 0,
            "limits": {"rpm": 3}, "defaultModel": "llama"}),
        ),
        connection("c3", json!({"provider": "groq", "key": "k3", "isActive": false})),
    ]);

    assert_eq!(complaints(&merged), []);
    let provider = merged.config.providers.iter().find(|it| it.id == "groq").unwrap();
    let accounts: Vec<_> = provider.accounts.iter().map(|it| (&*it.id, it.enabled)).collect();
    assert_eq!(accounts, [("c2", true), ("c1", true), ("c3", false)]);
    assert_eq!(provider.accounts[0].limits.rpm, Some(3));
    let snapshot = snapshot::render(&merged.config, &SharedLimits::default(), 1);
    let model = snapshot.models.iter().find(|model| model.name == "groq/llama").unwrap();
    assert_eq!(model.targets.len(), 2);
    let credentials = snapshot.providers.iter().filter(|it| it.id == "groq");
    let credentials: Vec<_> = credentials.map(|it| it.credential.as_deref()).collect();
    assert_eq!(credentials, [Some("k2"), Some("k1")]);
}

#[test]
fn a_node_is_a_provider_under_its_prefix() {
    let merged = merged(&[
        item(
            ItemKind::Node,
            "openai-compatible-chat-1",
            json!({"prefix": "lan", "baseUrl": "http://10.0.0.1:8000/v1", "apiType": "chat"}),
        ),
        item(ItemKind::Connection, "c1", json!({"provider": "openai-compatible-chat-1"})),
        item(ItemKind::ProviderModel, "m1", json!({"provider": "lan", "modelId": "qwen/3"})),
    ]);

    assert_eq!(complaints(&merged), []);
    assert!(merged.config.providers.iter().any(|it| it.id == "lan" && it.base_url.path == "/v1"));
    assert!(merged.config.models.iter().any(|it| it.name == "lan/qwen/3"));
}

#[test]
fn deployments_of_one_name_are_one_model() {
    let deployment = |id: &str, name: &str, params: Value, key: &str| {
        let body = json!({"model_name": name, "litellm_params": params, "key": key});
        item(ItemKind::Deployment, id, body)
    };
    let price = json!({"model": "openai/gpt-4o", "weight": 3, "rpm": 9,
        "input_cost_per_token": 1.5e-7, "output_cost_per_token": "0.0000006"});
    let base = json!({"model": "openai/gpt-4o", "api_base": "http://10.0.0.2/v1", "timeout": 2});
    let merged = merged(&[
        deployment("d1", "gpt", price, "k1"),
        deployment("d2", "gpt", base, "k2"),
        deployment("d3", "claude", json!({"model": "anthropic/claude-x"}), "k3"),
        item(
            ItemKind::Deployment,
            "d4",
            json!({"model_name": "o", "litellm_params": {"model": "own/y"},
                "model_info": {"access_groups": ["g"]}}),
        ),
    ]);

    assert_eq!(complaints(&merged), []);
    let find = |name: &str| merged.config.models.iter().find(|it| it.name == name).unwrap();
    let gpt = find("gpt");
    assert_eq!((gpt.targets.len(), gpt.routing.strategy), (2, Strategy::Weighted));
    assert_eq!((&*gpt.targets[0].provider, gpt.targets[0].weight), ("openai", 3));
    let price = gpt.targets[0].price.as_ref().unwrap();
    assert_eq!((price.input.0, price.output.0), (150_000_000_000, 600_000_000_000));
    // Elsewhere, so another provider.
    let elsewhere = &gpt.targets[1].provider;
    assert!(elsewhere.starts_with("openai-"), "{elsewhere}");
    let provider = merged.config.providers.iter().find(|it| it.id == *elsewhere).unwrap();
    assert_eq!(provider.first_byte_timeout_ms, Some(2_000));
    assert_eq!(find("claude").targets[0].account.as_deref(), Some("d3"));
    let own = find("o");
    assert_eq!((&*own.targets[0].provider, &own.targets[0].account), ("own", &None));
    assert_eq!(own.groups, ["g"]);
}

#[test]
fn combos_aliases_and_settings_build_on_file_and_items() {
    let merged = merged(&[
        item(ItemKind::Combo, "1", json!({"name": "outer", "models": ["inner", "mine"]})),
        item(
            ItemKind::Combo,
            "2",
            json!({"name": "inner", "strategy": "random", "models": [{"model": "own/z", "weight": 2}]}),
        ),
        item(ItemKind::Combo, "3", json!({"name": "off", "models": ["mine"], "isActive": false})),
        item(ItemKind::Alias, "o", json!({"model": "outer"})),
        item(ItemKind::Setting, RESILIENCE, json!({"failures": 9})),
    ]);

    assert_eq!(complaints(&merged), []);
    let outer = merged.config.models.iter().find(|model| model.name == "outer").unwrap();
    assert_eq!(outer.targets.iter().map(|it| &*it.model).collect::<Vec<_>>(), ["z", "x"]);
    assert!(!merged.config.models.iter().any(|model| model.name == "off"));
    let aliases: Vec<_> = merged.config.aliases.iter().map(|it| &*it.pattern).collect();
    assert_eq!(aliases, ["short", "o"]);
    assert_eq!(merged.config.resilience.failures, Some(9));
}

#[test]
fn what_cannot_be_used_is_left_out_and_the_rest_stays() {
    let mut foreign = item(ItemKind::Connection, "c2", json!({"provider": "groq", "key": "k"}));
    foreign.id = "c3".into();
    let merged = merged(&[
        item(ItemKind::Node, "n1", json!({"prefix": "own", "baseUrl": "http://h"})),
        item(ItemKind::Node, "n2", json!({"prefix": "A B", "baseUrl": "http://h"})),
        item(ItemKind::Connection, "c1", json!({"provider": "nobody"})),
        foreign,
        item(ItemKind::Connection, "c4", json!({"provider": "azure"})),
        item(
            ItemKind::Deployment,
            "d1",
            json!({"model_name": "mine", "litellm_params": {"model": "a/b"}}),
        ),
        item(
            ItemKind::Deployment,
            "d2",
            json!({"model_name": "m", "litellm_params": {"model": "a/b"}}),
        ),
        item(ItemKind::Combo, "b1", json!({"name": "loop", "models": ["loop"]})),
        item(ItemKind::Combo, "b2", json!({"name": "good", "models": ["mine"]})),
        item(ItemKind::Alias, "short", json!({"model": "mine"})),
        item(ItemKind::Alias, "lost", json!({"model": "nothing"})),
    ]);

    let why: BTreeMap<&str, &str> = complaints(&merged).into_iter().collect();
    for (id, says) in [
        ("n1", "the file has a provider"),
        ("n2", "lower-case"),
        ("c1", "no provider \"nobody\""),
        ("c3", "sealed with another key"),
        ("c4", "baseUrl"),
        ("d1", "the file has a model"),
        ("d2", "api_base"),
        ("b1", "loop → loop"),
        ("short", "the file has this alias"),
        ("lost", "neither a model"),
    ] {
        assert!(why.get(id).is_some_and(|why| why.contains(says)), "{id}: {:?}", why.get(id));
    }
    assert_eq!(why.len(), 10, "{why:?}");
    assert!(merged.config.models.iter().any(|model| model.name == "good"));
}
