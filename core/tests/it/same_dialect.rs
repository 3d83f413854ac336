//! Real exchanges in dialects other than OpenAI's, replayed through the exchange between a client
//! and a provider of the same one: the recorded bytes with the model alone renamed, the recorded
//! usage.
//!
//! They are not part of the project: `TOLLGATE_RECORDINGS` names their folder.

use prost::Message;
use serde_json::{Value, json};
use tollgate_core::exchange::Input;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;

use crate::driver::{GATEWAY, Host};
use crate::recordings::{answer_of, folder, status_of};

/// A dialect in the recordings.
struct Family {
    /// How paths of it end.
    ends: &'static [&'static str],
    /// The model that a client asks for; its provider speaks the dialect.
    model: &'static str,
    /// That provider.
    provider: &'static str,
    /// The member that holds the model's name.
    member: &'static str,
    usage: fn(&[Value]) -> Option<(u64, u64)>,
    at_least: usize,
}

const FAMILIES: [Family; 3] = [
    Family {
        ends: &["/messages"],
        model: "claude",
        provider: "anthropic",
        member: "model",
        usage: anthropic_usage,
        at_least: 100,
    },
    Family {
        ends: &["/responses"],
        model: "responses",
        provider: "responses",
        member: "model",
        usage: responses_usage,
        at_least: 100,
    },
    Family {
        ends: &[":generateContent", ":streamGenerateContent"],
        model: "gemini",
        provider: "gemini",
        member: "modelVersion",
        usage: gemini_usage,
        at_least: 80,
    },
];

#[test]
fn every_recorded_exchange_passes_with_its_model_alone_renamed() {
    let Some(folder) = folder() else { return };
    let all: Vec<Value> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    for family in &FAMILIES {
        let path = |exchange: &Value| exchange["path"].as_str().unwrap_or_default().to_owned();
        let of = |exchange: &&Value| family.ends.iter().any(|end| path(exchange).ends_with(end));
        let exchanges: Vec<_> = all.iter().filter(of).collect();
        assert!(exchanges.len() >= family.at_least, "only {} of {}", exchanges.len(), family.model);
        for exchange in exchanges {
            for size in [1, 64, 100_000] {
                replay(family, exchange, size);
            }
        }
    }
}

fn replay(family: &Family, exchange: &Value, size: usize) {
    let (answer, status) = (answer_of(exchange), status_of(exchange));
    let id = exchange["id"].as_str().unwrap();
    let path = exchange["path"].as_str().unwrap();
    let streamed = !answer.trim_start().starts_with(['{', '[']);
    let mut request = exchange["request"].clone();
    let asked = if let Some((_, action)) = path.rsplit_once(':') {
        format!("/v1beta/models/{}:{action}?alt=sse", family.model)
    } else {
        request["model"] = json!(family.model);
        format!("/v1{}", family.ends[0])
    };
    let limit = GATEWAY.replace("1000", "100000000");
    let policy = proto::KeyPolicy { tenant: "t".to_owned(), ..proto::KeyPolicy::default() };
    let mut host = Host::knowing(&limit, policy);
    let mut run = host.begin();
    let _ = run.client_sends(&asked, &[], &request.to_string());
    if !run.questions.is_empty() {
        // It names files or answers: they are this tenant's.
        let provider = family.provider.to_owned();
        let held = proto::AdmitResponse { provider, ..proto::AdmitResponse::default() };
        let _ = run.hand(Input::KeyResolved(Ok(&held.encode_to_vec())));
    }
    if run.reply.as_ref().is_some_and(|reply| reply.code == Some("not_found")) {
        // These cannot be made here, so that nobody has one.
        assert!(
            ["container", "conversation", "cachedContent"].iter().any(|it| !request[*it].is_null()),
            "{id}"
        );
        return;
    }
    assert!(run.reply.is_none(), "{id}: {:?}", run.reply);
    run.reaches_provider();
    let media = if streamed { "text/event-stream" } else { "application/json" };
    run.provider_answers(
        &[(":status", &*status), ("content-type", media)],
        answer.as_bytes(),
        size,
    );
    run.ends();

    let objects = objects(&answer, streamed);
    let expected = renamed(&answer, &objects, family);
    assert_eq!(run.answer.text(), expected, "{id} in pieces of {size}");
    let record = &host.records()[0];
    let tokens = record.tokens.unwrap();
    if let Some(recorded) = (family.usage)(&objects) {
        assert_eq!((tokens.input, tokens.output), recorded, "{id} in pieces of {size}");
        assert_eq!(record.usage_source(), UsageSource::Provider, "{id}");
    }
}

fn objects(answer: &str, streamed: bool) -> Vec<Value> {
    let datas = answer.lines().filter_map(|line| line.strip_prefix("data:"));
    let texts: Vec<&str> = if streamed { datas.collect() } else { vec![answer] };
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// Replaces the names that the answer and its events have for the model.
fn renamed(answer: &str, objects: &[Value], family: &Family) -> String {
    let named = objects.iter().find_map(|object| {
        let places = [object, &object["message"], &object["response"]];
        places.iter().find_map(|place| place[family.member].as_str())
    });
    let Some(name) = named else { return answer.to_owned() };
    let mut text = answer.to_owned();
    for colon in [":", ": "] {
        let member = |name: &str| format!("\"{}\"{colon}\"{name}\"", family.member);
        text = text.replace(&member(name), &member(family.model));
    }
    text
}

fn count(usage: &Value, name: &str) -> u64 {
    usage[name].as_u64().unwrap_or(0)
}

/// The message's usage with what later events say in its place.
fn anthropic_usage(objects: &[Value]) -> Option<(u64, u64)> {
    let mut merged = serde_json::Map::new();
    for object in objects {
        for usage in [&object["usage"], &object["message"]["usage"]] {
            let members = usage.as_object().into_iter().flatten();
            merged.extend(
                members
                    .filter(|(_, value)| value.is_u64())
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
    }
    let usage = Value::Object(merged);
    let cached =
        count(&usage, "cache_read_input_tokens") + count(&usage, "cache_creation_input_tokens");
    usage["output_tokens"].as_u64().map(|output| (count(&usage, "input_tokens") + cached, output))
}

fn responses_usage(objects: &[Value]) -> Option<(u64, u64)> {
    let mut usages =
        objects.iter().flat_map(|object| [&object["usage"], &object["response"]["usage"]]);
    let usage = usages.rfind(|usage| usage.is_object())?;
    Some((count(usage, "input_tokens"), count(usage, "output_tokens")))
}

fn gemini_usage(objects: &[Value]) -> Option<(u64, u64)> {
    // A prompt that was blocked has none.
    let counted = |object: &&Value| object["usageMetadata"]["promptTokenCount"].is_u64();
    let usage = &objects.iter().rfind(counted)?["usageMetadata"];
    let input = count(usage, "promptTokenCount") + count(usage, "toolUsePromptTokenCount");
    Some((input, count(usage, "candidatesTokenCount") + count(usage, "thoughtsTokenCount")))
}
