//! What is said of a change of the file.

use super::*;

const OLD: &str = "
filter: { file: f.wasm }
providers:
  - { id: openai, base_url: 'https://a/v1', credential: env:K }
  - { id: gone, base_url: 'https://g/v1' }
models:
  - { name: same, targets: [{ provider: openai, model: a }] }
  - { name: other, targets: [{ provider: openai, model: b }] }
aliases: { x: same }
";

const NEW: &str = "
filter: { file: f.wasm }
providers:
  - { id: openai, base_url: 'https://b/v1', credential: env:L, limits: { rpm: 5 } }
  - { id: fresh, base_url: 'https://g/v1' }
models:
  - { name: same, targets: [{ provider: openai, model: a }] }
  - { name: other, strategy: random, targets: [{ provider: fresh, model: b }] }
aliases: { x: other }
tags: [{ name: t }]
cache: { enabled: true }
";

#[test]
fn a_change_is_told_by_what_it_changes_and_without_values() {
    let env = [("K", "secret-1"), ("L", "secret-2")];
    let (old, new) = (read(OLD, &env).unwrap(), read(NEW, &env).unwrap());

    let lines = old.changes(&new);

    assert_eq!(
        lines,
        [
            "provider fresh added",
            "provider gone removed",
            "provider openai changed: base_url, limits, credential",
            "model other changed: targets, routing",
            "alias x changed",
            "tag t added",
            "cache changed",
        ]
    );
    assert!(old.changes(&old).is_empty());
}

#[test]
fn another_order_is_a_change() {
    let two = "models: [{ name: a, targets: [T] }, { name: b, targets: [T] }]";
    let other = "models: [{ name: b, targets: [T] }, { name: a, targets: [T] }]";
    let config = |models: &str| {
        let target = "{ provider: p, model: m }";
        let providers = "providers: [{ id: p, base_url: 'https://a/v1' }]";
        read(&format!("{LEAST}{providers}\n{}", models.replace('T', target)), &[]).unwrap()
    };

    assert_eq!(config(two).changes(&config(other)), ["the order of entries changed"]);
}
