//! Answers that serve for similar questions.

use std::collections::BTreeSet;

use prost::Message;
use serde_json::{Value, json};
use tollgate_core::exchange::{Flow, Input};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::cache::{ANSWER, CHAT, PATH, hits, host_of, of_tenant, settings, told};
use crate::cache_keys::changes;
use crate::configured::snapshot;
use crate::driver::Host;
use crate::scripts::JSON;

fn similar() -> proto::Cache {
    let semantic =
        proto::SemanticCache { threshold: 9_500, max_text_bytes: 100, ..Default::default() };
    proto::Cache { everything: true, semantic: Some(semantic), ..settings() }
}

fn host() -> Host {
    host_of(of_tenant("team:t"), similar())
}

/// What the control plane is asked of a request.
fn asked(host: &mut Host, path: &str, body: &str) -> Option<proto::Question> {
    let mut run = host.begin();
    let _ = run.client_sends(path, &[], body);
    let question = run.recalls.pop().and_then(|recall| recall.question);
    run.ends();
    question
}

fn question_of(path: &str, body: &str) -> Option<proto::Question> {
    asked(&mut host(), path, body)
}

fn chat() -> Value {
    let tool =
        json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    json!({
        "model": "gpt", "temperature": 0, "top_p": 1, "seed": 7, "max_tokens": 9,
        "stop": ["x", "y"], "stream": false, "user": "u", "metadata": {"tags": ["a"]},
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "before"},
            {"role": "assistant", "content": "so"},
            {"role": "user", "content": "hi"},
        ],
        "tools": [tool], "tool_choice": "auto", "response_format": {"type": "text"},
    })
}

/// One request of each form, with the place of the question in it.
fn forms() -> Vec<(&'static str, Value, &'static str)> {
    let piece = json!([{"type": "text", "text": "hi"}]);
    let generate = "/v1beta/models/gpt:generateContent";
    let chat = chat();
    let mut pieces = chat.clone();
    pieces["messages"][3]["content"] = piece.clone();
    vec![
        (PATH, chat, "/messages/3/content"),
        (PATH, pieces, "/messages/3/content/0/text"),
        (
            "/v1/messages",
            json!({"model": "gpt", "max_tokens": 9, "system": "s", "temperature": 0.5,
                "messages": [{"role": "user", "content": piece}]}),
            "/messages/0/content/0/text",
        ),
        (
            "/v1/responses",
            json!({"model": "gpt", "instructions": "s", "input": "hi", "text": {"verbosity": "low"}}),
            "/input",
        ),
        (
            "/v1/responses",
            json!({"model": "gpt", "input": [
                {"role": "user", "content": "before"},
                {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            ]}),
            "/input/1/content/0/text",
        ),
        (
            generate,
            json!({"systemInstruction": {"parts": [{"text": "s"}]}, "generationConfig": {"topK": 1},
                "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
            "/contents/0/parts/0/text",
        ),
        (
            "/api/chat",
            json!({"model": "gpt", "options": {"seed": 1},
                "messages": [{"role": "user", "content": "hi"}]}),
            "/messages/0/content",
        ),
        (
            "/api/generate",
            json!({"model": "gpt", "system": "s", "prompt": "hi", "stream": true}),
            "/prompt",
        ),
        (
            "/v1/completions",
            json!({"model": "gpt", "suffix": "s", "prompt": "hi", "best_of": 1}),
            "/prompt",
        ),
    ]
}

#[test]
fn any_change_but_of_the_question_is_another_context() {
    let mut contexts = BTreeSet::new();
    for (path, body, place) in forms() {
        let own = question_of(path, &body.to_string()).expect(path);
        assert_eq!(own.text, "hi", "{path}");
        assert!(contexts.insert(own.context.clone()), "{path} {body}");
        let (mut same, mut other) = (0, 0);
        let mut bodies = Vec::new();
        changes(&body, &mut |changed| bodies.push(changed));
        for changed in bodies {
            let mut put_back = changed.clone();
            if let Some(text) = put_back.pointer_mut(place) {
                *text = json!("hi");
            }
            let only_the_text = put_back == body;
            let Some(question) = question_of(path, &changed.to_string()) else {
                assert!(!only_the_text, "{path} {changed}");
                continue;
            };
            if only_the_text {
                same += 1;
                assert_eq!((question.context, &*question.text), (own.context.clone(), "hi!"));
            } else {
                other += 1;
                assert!(contexts.insert(question.context), "{path} {changed}");
            }
        }
        assert!(same == 1 && other > 3, "{path}: {same} {other}");
    }
}

#[test]
fn nobody_else_shares_a_context_nor_another_version_of_the_model() {
    let context = |policy: proto::KeyPolicy, cache: proto::Cache| {
        asked(&mut host_of(policy, cache), PATH, CHAT).unwrap().context
    };
    let mine = context(of_tenant("team:t"), similar());
    assert_eq!(context(of_tenant("team:t"), similar()), mine);
    assert_ne!(context(of_tenant("team:u"), similar()), mine);
    assert_ne!(context(of_tenant(""), similar()), mine);
    assert_ne!(context(of_tenant("team:t"), proto::Cache { per_key: true, ..similar() }), mine);

    let mut host = host();
    let mut snapshot = snapshot();
    snapshot.cache = Some(similar());
    snapshot.models[0].targets[0].model = "newer".into();
    host.update(Event::Snapshot(snapshot));
    assert_ne!(asked(&mut host, PATH, CHAT).unwrap().context, mine);
}

// proves: config.cache.semantic.{models,max_text_bytes}
#[test]
fn nothing_is_compared_where_it_is_not_meant_or_the_text_is_long() {
    let semantic = similar().semantic.unwrap();
    let others = proto::SemanticCache { models: vec!["same".into()], ..semantic.clone() };
    let own = proto::SemanticCache { models: vec!["gpt".into()], ..semantic.clone() };
    let short = proto::SemanticCache { max_text_bytes: 1, ..semantic };
    for (semantic, compared) in
        [(None, false), (Some(others), false), (Some(short), false), (Some(own), true)]
    {
        let mut host = host_of(of_tenant("t"), proto::Cache { semantic, ..similar() });
        assert_eq!(asked(&mut host, PATH, CHAT).is_some(), compared);
    }
}

/// The control plane finds an answer to a similar question.
fn found(host: &mut Host, similarity: u32) {
    let mut run = host.begin();
    assert_eq!(run.client_sends(PATH, &[], CHAT), Flow::Pause);
    let body = ANSWER.as_bytes().to_vec();
    let kept =
        proto::Kept { body, expires_at_us: i64::MAX, cost_nanos: 7, ..proto::Kept::default() };
    let response = proto::RecallResponse { kept: Some(kept), similarity, asked: Vec::new() };

    let _ = run.hand(Input::KeyResolved(Ok(&response.encode_to_vec())));

    let reply = run.reply.clone().unwrap();
    run.ends();
    assert_eq!((reply.status, &*reply.body), (200, ANSWER.as_bytes()));
    assert!(reply.headers.contains(&("x-omniroute-cache", "HIT".to_owned())));
    assert!(reply.headers.contains(&("x-tollgate-cache-similarity", "0.9731".to_owned())));
}

#[test]
fn an_answer_to_a_similar_question_is_marked_recorded_and_remembered() {
    let mut host = host();
    found(&mut host, 9_731);

    assert!(hits(&mut host, PATH, &[], CHAT));
    let records = host.records();
    for record in &records {
        assert_eq!((record.served(), record.similarity), (proto::Served::Cache, 9_731));
        assert_eq!((record.cost_nanos, record.provider.clone()), (0, None));
    }
    assert_eq!(records.len(), 2);
}

// proves: config.cache.semantic.threshold
#[test]
fn what_is_remembered_serves_only_while_it_is_similar_enough() {
    let semantic = similar().semantic.unwrap();
    let stricter = proto::SemanticCache { threshold: 9_800, ..semantic.clone() };
    let others = proto::SemanticCache { models: vec!["same".into()], ..semantic };
    for semantic in [None, Some(stricter), Some(others)] {
        let mut host = host();
        found(&mut host, 9_731);
        told(&mut host, proto::Cache { semantic, ..similar() });
        assert!(!hits(&mut host, PATH, &[], CHAT));
    }
}

#[test]
fn an_answer_is_kept_with_what_the_control_plane_knows_the_question_by() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], CHAT);
    let none = proto::RecallResponse { asked: vec![5; 32], ..Default::default() };
    let _ = run.hand(Input::KeyResolved(Ok(&none.encode_to_vec())));
    run.reaches_provider();
    run.provider_answers(&JSON, ANSWER.as_bytes(), 10);
    run.ends();

    let keep = host.gateway.replays.take_keepings().pop().unwrap();
    assert_eq!(proto::KeepRequest::decode(&*keep).unwrap().asked, [5; 32]);
}
