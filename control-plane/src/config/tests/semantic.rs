//! Which questions are similar enough for one answer.

use std::time::Duration;

use super::*;
use crate::config::SemanticConfig;
use crate::domain::Similarity;

const MODELS: &str = "providers:
  - { id: p, base_url: 'https://p/v1' }
  - { id: behind, base_url: 'https://p/v1', proxy: 'http://10.0.0.1:3128' }
  - { id: claude, base_url: 'https://c/v1', dialect: anthropic }
models:
  - { name: chat, targets: [{ provider: p, model: x }] }
  - { name: listed, targets: [{ provider: p, model: e }], mode: embedding }
  - { name: hidden, targets: [{ provider: behind, model: e }], mode: embedding }
  - { name: mute, targets: [{ provider: claude, model: e }], mode: embedding }
";

fn semantic(text: &str) -> Option<SemanticConfig> {
    let config = read(&format!("{LEAST}{MODELS}cache: {text}"), &[]).unwrap();
    config.cache.unwrap().semantic
}

#[test]
fn similar_questions_are_compared_as_configured() {
    assert_eq!(semantic("{ enabled: true }"), None);
    let least = SemanticConfig {
        embedding_model: "listed".into(),
        threshold: Similarity::of(0.95),
        ttl_ms: 60_000,
        models: Vec::new(),
        max_text_bytes: 8192,
        timeout: Duration::from_millis(300),
    };
    let text = "{ enabled: true, ttl_seconds: 60, semantic: { embedding_model: listed } }";
    assert_eq!(semantic(text).as_ref(), Some(&least));
    let text = "{ enabled: true, ttl_seconds: 60, semantic: { embedding_model: listed, \
                threshold: 0.9, ttl_seconds: 1.5, models: [chat], max_text_bytes: 5, timeout_ms: 1000 } }";
    let all = SemanticConfig {
        threshold: Similarity::of(0.9),
        ttl_ms: 1500,
        models: vec!["chat".into()],
        max_text_bytes: 5,
        timeout: Duration::from_secs(1),
        ..least
    };
    assert_eq!(semantic(text), Some(all));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let cases = [
        ("threshold: 0.9", "embedding_model", "missing"),
        ("embedding_model: nobody", "embedding_model", "there is no model"),
        ("embedding_model: chat", "embedding_model", "no embedding model"),
        ("embedding_model: hidden", "embedding_model", "proxy"),
        ("embedding_model: mute", "embedding_model", "dialect"),
        ("embedding_model: listed, threshold: 0.4", "threshold", "0.5..1"),
        ("embedding_model: listed, threshold: .nan", "threshold", "0.5..1"),
        ("embedding_model: listed, ttl_seconds: 3601", "ttl_seconds", "forgotten"),
        ("embedding_model: listed, models: [x]", "models", "there is no model"),
        ("embedding_model: listed, max_text_bytes: 0", "max_text_bytes", "within"),
        ("embedding_model: listed, timeout_ms: 2000", "timeout_ms", "within"),
    ];
    for (text, field, why) in cases {
        let text = format!("{MODELS}cache: {{ enabled: true, semantic: {{ {text} }} }}");
        refused(&text, &format!("cache.semantic.{field}"), why);
    }
}
