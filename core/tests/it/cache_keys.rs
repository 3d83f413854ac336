//! What kept answers are found by: everything that they depend on.

use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::cache::{CHAT, PATH, host, host_of, of_tenant, settings};
use crate::configured::snapshot;

#[test]
fn another_version_of_the_model_is_another_question() {
    let key = |change: &dyn Fn(&mut proto::Snapshot)| {
        let mut host = host();
        let mut snapshot = snapshot();
        snapshot.cache = Some(settings());
        change(&mut snapshot);
        host.update(Event::Snapshot(snapshot));
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[], CHAT);
        run.recalls.remove(0).key
    };
    let first = key(&|_| ());
    assert_eq!(key(&|snapshot| snapshot.revision += 1), first);
    assert_ne!(key(&|snapshot| snapshot.models[0].targets[0].model = "newer".into()), first);
    assert_ne!(key(&|snapshot| snapshot.providers[0].base_path = "/v2".into()), first);
    let prompt = |snapshot: &mut proto::Snapshot| {
        let system_prefix = "Be kind.".to_owned();
        let settings = proto::ModelSettings { system_prefix, ..Default::default() };
        snapshot.models[0].settings = Some(settings);
    };
    assert_ne!(key(&prompt), first);
}

#[test]
fn a_change_of_any_one_field_header_or_path_is_another_question() {
    let full = serde_json::json!({
        "model": "gpt", "temperature": 0, "top_p": 1, "seed": 7, "max_tokens": 9, "n": 1,
        "stop": ["x", "y"], "stream": false, "user": "u", "metadata": {"tags": ["a"]},
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "auto", "response_format": {"type": "text"},
    });
    let mut seen = std::collections::BTreeSet::new();
    let mut bodies = vec![full.clone()];
    changes(&full, &mut |changed| bodies.push(changed));
    let count = bodies.len();
    assert!(count > 40, "{count}");
    for body in &bodies {
        let body = body.to_string();
        if let Some(key) = key_of(PATH, &[], &body) {
            assert!(seen.insert(key), "{body}");
        }
    }
    let body = full.to_string();
    for header in [("anthropic-beta", "x"), ("openai-beta", "x"), ("openai-beta", "y")] {
        assert!(seen.insert(key_of(PATH, &[header], &body).unwrap()), "{header:?}");
    }
    assert!(!seen.insert(key_of(PATH, &[("user-agent", "x")], &body).unwrap()));
    assert!(!seen.insert(key_of("/chat/completions", &[], &body).unwrap()));
    assert!(seen.insert(key_of("/v1/messages", &[], &body).unwrap()));
}

/// Hands out every body that differs in one place.
pub(crate) fn changes(value: &serde_json::Value, take: &mut dyn FnMut(serde_json::Value)) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let with = |inner: Value| {
                    let mut members = members.clone();
                    members.insert(name.clone(), inner);
                    Value::Object(members)
                };
                changes(inner, &mut |inner| take(with(inner)));
                let mut less = members.clone();
                less.remove(name);
                take(Value::Object(less));
            }
            let mut more = members.clone();
            more.insert("unheard_of".to_owned(), Value::Bool(true));
            take(Value::Object(more));
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                changes(inner, &mut |inner| {
                    let mut items = items.clone();
                    items[at] = inner;
                    take(Value::Array(items));
                });
            }
            let mut more = items.clone();
            more.push(Value::Null);
            take(Value::Array(more));
            if items.len() > 1 {
                take(Value::Array(items.iter().rev().cloned().collect()));
            }
        }
        Value::String(text) => take(Value::String(format!("{text}!"))),
        Value::Number(_) => take(serde_json::json!(3)),
        Value::Bool(flag) => take(Value::Bool(!flag)),
        Value::Null => take(Value::Bool(true)),
    }
}

/// What the answer to a request is found by. `None`: it is refused, or not kept.
fn key_of(path: &str, headers: &[(&str, &str)], body: &str) -> Option<Vec<u8>> {
    let cache = proto::Cache { everything: true, ..settings() };
    let mut host = host_of(of_tenant("t"), cache);
    let mut run = host.begin();
    let _ = run.client_sends(path, headers, body);
    run.recalls.pop().map(|recall| recall.key)
}
