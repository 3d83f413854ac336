//! Real exchanges with OpenAI-compatible providers, replayed through the exchange.
//!
//! They are not part of the project: `TOLLGATE_RECORDINGS` names their folder.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;

use crate::driver::{GATEWAY, Host};

/// The folder, or `None` with a word on why.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TOLLGATE_RECORDINGS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: TOLLGATE_RECORDINGS is not set");
    }
    folder
}

fn compatible(folder: &PathBuf) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let exchange: Value = serde_json::from_str(line).unwrap();
            if endpoint(&exchange).is_some() && exchange["request"]["model"].is_string() {
                found.push(exchange);
            }
        }
    }
    found
}

fn endpoint(exchange: &Value) -> Option<&'static str> {
    let path = exchange["path"].as_str()?;
    ["/chat/completions", "/completions", "/embeddings"].into_iter().find(|end| path.ends_with(end))
}

pub(crate) fn answer_of(exchange: &Value) -> String {
    match &exchange["response"] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

pub(crate) fn status_of(exchange: &Value) -> String {
    match &exchange["status"] {
        Value::String(text) => text.split(' ').next().unwrap().to_owned(),
        value => value.to_string(),
    }
}

/// What the client must see: every top-level `model` replaced, and usage hidden that it did not
/// ask for. Written with a JSON tree, unlike what is tested.
fn expected(answer: &str, streamed: bool, asked: bool) -> String {
    if !streamed {
        return replaced(answer);
    }
    let events = answer.split_inclusive("\n\n").filter_map(|event| {
        let Some(data) = event.trim_end().strip_prefix("data: ") else { return Some(event.into()) };
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { return Some(event.into()) };
        let hidden = !asked && chunk["choices"] == json!([]) && chunk["usage"].is_object();
        let priced = if asked { with_cost(&replaced(data), &chunk) } else { replaced(data) };
        (!hidden).then(|| event.replace(data, &priced))
    });
    events.collect()
}

/// Adds to the usage what it costs at the driver's prices, in the place of what is said there.
fn with_cost(data: &str, chunk: &Value) -> String {
    let usage = &chunk["usage"];
    if !usage.is_object() {
        return data.to_owned();
    }
    let count = |name: &str| usage[name].as_u64().unwrap();
    // One provider reasoned more than it completed.
    let reasoning = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
    let output = count("completion_tokens").max(reasoning);
    let nanos = count("prompt_tokens") * 1000 + output * 2000;
    let cost = format!("0.{nanos:09}");
    let cost = cost.trim_end_matches('0');
    let start = data.find("\"usage\":").unwrap();
    let (head, tail) = data.split_at(start);
    if let Some(at) = tail.find("\"cost\":") {
        // In these recordings it stands before anything that is nested.
        let (before, said) = tail.split_at(at + "\"cost\":".len());
        return format!("{head}{before}{cost}{}", &said[said.find(',').unwrap()..]);
    }
    let mut depth = 0;
    let end = tail.find(|sign| {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        sign == '}' && depth == 0
    });
    let (usage, after) = tail.split_at(end.unwrap());
    format!("{head}{usage},\"cost\":{cost}{after}")
}

fn replaced(object: &str) -> String {
    let value: Value = serde_json::from_str(object).unwrap();
    let Some(model) = value["model"].as_str() else { return object.to_owned() };
    let name = serde_json::to_string(model).unwrap();
    // In these recordings the top-level model is the only member of that name and value.
    for colon in [":", ": "] {
        let member = format!("\"model\"{colon}{name}");
        if object.matches(&member).count() == 1 {
            return object.replace(&member, &format!("\"model\"{colon}\"gpt\""));
        }
    }
    panic!("cannot tell where the model is: {object}");
}

fn usage_in(answer: &str, streamed: bool) -> Option<(u64, u64)> {
    let datas = answer.lines().filter_map(|line| line.strip_prefix("data: "));
    let objects: Vec<&str> = if streamed { datas.collect() } else { vec![answer] };
    let usage = objects
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .filter_map(|object| object.get("usage").filter(|usage| usage.is_object()).cloned())
        .next_back()?;
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    Some((count("prompt_tokens"), count("completion_tokens")))
}

#[test]
fn every_compatible_exchange_passes_with_its_model_alone_replaced() {
    let Some(folder) = folder() else { return };
    let exchanges = compatible(&folder);
    assert!(exchanges.len() > 100, "only {} exchanges found", exchanges.len());
    for exchange in &exchanges {
        for size in [1, 7, 100_000] {
            replay(exchange, size);
        }
    }
}

fn replay(exchange: &Value, size: usize) {
    let (answer, status) = (answer_of(exchange), status_of(exchange));
    let mut request = exchange["request"].clone();
    request["model"] = json!("gpt");
    let streamed = answer.starts_with("data:") || answer.starts_with(':');
    let asked = request["stream_options"]["include_usage"] == json!(true);
    let content_type = exchange["response_headers"]["content-type"].as_str().unwrap_or_default();
    let limit = GATEWAY.replace("1000", "100000000");
    let mut host = Host::knowing(&limit, proto::KeyPolicy::default());
    let mut run = host.begin();
    let path = format!("/v1{}", endpoint(exchange).unwrap());
    let _ = run.client_sends(&path, &[], &request.to_string());
    let id = exchange["id"].as_str().unwrap();
    assert!(run.reply.is_none(), "{id}: {:?}", run.reply);
    run.reaches_provider();
    let headers = [(":status", &*status), ("content-type", content_type)];
    run.provider_answers(&headers, answer.as_bytes(), size);
    run.ends();

    let failed = status != "200";
    let shown = if failed { answer.clone() } else { expected(&answer, streamed, asked) };
    assert_eq!(run.answer.text(), shown, "{id} in pieces of {size}");
    let record = &host.records()[0];
    let tokens = record.tokens.unwrap();
    match usage_in(&answer, streamed) {
        Some(recorded) => {
            assert_eq!((tokens.input, tokens.output), recorded, "{id}");
            assert_eq!(record.usage_source(), UsageSource::Provider, "{id}");
        }
        None if failed => assert_eq!(record.usage_source(), UsageSource::Unspecified, "{id}"),
        None => assert!(
            matches!(record.usage_source(), UsageSource::Estimated | UsageSource::Counted),
            "{id}"
        ),
    }
}
