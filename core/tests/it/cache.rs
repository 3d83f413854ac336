//! Answers that are kept, as one worker serves them.

use prost::Message;
use tollgate_core::exchange::{CallFailed, Flow, Input};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::book::{Book, limited};
use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, KEY, Run};
use crate::scripts::JSON;

pub(crate) const PATH: &str = "/v1/chat/completions";
pub(crate) const CHAT: &str =
    r#"{"model":"gpt","temperature":0,"messages":[{"role":"user","content":"hi"}]}"#;
pub(crate) const ANSWER: &str = r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"message":{"content":"ho"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}"#;

pub(crate) fn settings() -> proto::Cache {
    proto::Cache {
        ttl_ms: 1000,
        max_entry_bytes: 2000,
        memory_bytes: 1 << 20,
        generation: 1,
        ..proto::Cache::default()
    }
}

pub(crate) fn told(host: &mut Host, cache: proto::Cache) {
    let mut snapshot = snapshot();
    snapshot.cache = Some(cache);
    host.update(Event::Snapshot(snapshot));
}

pub(crate) fn host_of(policy: proto::KeyPolicy, cache: proto::Cache) -> Host {
    let mut host = Host::knowing(GATEWAY, policy);
    told(&mut host, cache);
    host
}

pub(crate) fn host() -> Host {
    host_of(of_tenant("team:t"), settings())
}

pub(crate) fn of_tenant(tenant: &str) -> proto::KeyPolicy {
    proto::KeyPolicy { tenant: tenant.into(), ..proto::KeyPolicy::default() }
}

/// Nothing is kept by the control plane: the request is made.
fn misses(run: &mut Run<'_>) {
    assert_eq!(run.recalls.len(), 1);
    let none = proto::RecallResponse::default().encode_to_vec();
    assert_eq!(run.hand(Input::KeyResolved(Ok(&none))), Flow::Continue);
    run.reaches_provider();
}

/// Makes a request whose answer is kept, and returns the record of what the control plane keeps.
fn made(host: &mut Host, body: &str) -> Option<proto::KeepRequest> {
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], body);
    misses(&mut run);
    run.provider_answers(&JSON, ANSWER.as_bytes(), 10);
    assert_eq!(run.answer.header("x-omniroute-cache"), Some("MISS"));
    run.ends();
    let kept = host.gateway.replays.take_keepings().pop();
    kept.map(|bytes| proto::KeepRequest::decode(&*bytes).unwrap())
}

/// Tells whether a request is answered from memory.
pub(crate) fn hits(host: &mut Host, path: &str, headers: &[(&str, &str)], body: &str) -> bool {
    let mut run = host.begin();
    let _ = run.client_sends(path, headers, body);
    let hit = run
        .reply
        .as_ref()
        .is_some_and(|reply| reply.headers.contains(&("x-omniroute-cache", "HIT".to_owned())));
    run.ends();
    hit
}

#[test]
fn an_answer_is_kept_and_served_to_who_asks_the_same() {
    let mut host = host();
    let kept = made(&mut host, CHAT).unwrap();
    assert_eq!((&*kept.tenant, &*kept.model, kept.generation), ("team:t", "gpt", 1));

    let mut run = host.begin();
    let again = r#" {"messages": [{"content":"hi","role":"user"}], "temperature":0,"model":"gpt"}"#;
    assert_eq!(run.client_sends(PATH, &[], again), Flow::Pause);
    let reply = run.reply.clone().unwrap();
    run.ends();

    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, ANSWER.replace("gpt-4o-2024", "gpt").into_bytes());
    assert!(reply.headers.contains(&("content-type", "application/json".to_owned())));
    let records = host.records();
    let record = &records[1];
    assert_eq!((records.len(), record.served()), (2, proto::Served::Cache));
    assert_eq!((record.cost_nanos, record.provider.clone()), (0, None));
    assert_eq!(record.tokens.unwrap().total, 8);
    let id = tollgate_core::key::hex(&record.id);
    assert!(reply.headers.contains(&("x-litellm-call-id", id)));
}

#[test]
fn what_the_control_plane_has_kept_is_served_and_remembered() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], CHAT);
    let kept = proto::Kept {
        content_type: "text/event-stream".into(),
        body: b"data: [DONE]\n\n".to_vec(),
        expires_at_us: i64::MAX,
        ..proto::Kept::default()
    };
    let response = proto::RecallResponse { kept: Some(kept), ..Default::default() }.encode_to_vec();

    let _ = run.hand(Input::KeyResolved(Ok(&response)));

    assert_eq!(run.reply.as_ref().unwrap().body, b"data: [DONE]\n\n");
    run.ends();
    assert!(hits(&mut host, PATH, &[], CHAT));
}

#[test]
fn without_the_control_plane_requests_are_made_and_kept_in_memory() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], CHAT);
    assert_eq!(run.hand(Input::KeyResolved(Err(CallFailed(14)))), Flow::Continue);
    run.reaches_provider();
    run.provider_answers(&JSON, ANSWER.as_bytes(), 1000);
    run.ends();

    assert!(hits(&mut host, PATH, &[], CHAT));
}

// proves: config.cache.ttl_seconds
#[test]
fn a_kept_answer_gets_old_and_is_purged() {
    let mut host = host();
    made(&mut host, CHAT).unwrap();
    assert!(hits(&mut host, PATH, &[], CHAT));
    told(&mut host, proto::Cache { generation: 2, ..settings() });
    assert!(!hits(&mut host, PATH, &[], CHAT));

    made(&mut host, CHAT).unwrap();
    assert!(hits(&mut host, PATH, &[], CHAT));
    host.now += 1_000_000;
    assert!(!hits(&mut host, PATH, &[], CHAT));
}

#[test]
fn a_client_may_refuse_kept_answers_and_to_have_its_own_kept() {
    let mut host = host();
    made(&mut host, CHAT).unwrap();
    let refusals = [
        ("x-omniroute-no-cache", "TRUE"),
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0, No-Store"),
    ];
    for header in refusals {
        let mut run = host.begin();
        assert_eq!(run.client_sends(PATH, &[header], CHAT), Flow::Continue, "{header:?}");
        assert!(run.recalls.is_empty());
        run.reaches_provider();
        run.provider_answers(&JSON, ANSWER.as_bytes(), 1000);
        assert_eq!(run.answer.header("x-omniroute-cache"), None);
        run.ends();
        assert!(host.gateway.replays.take_keepings().is_empty());
    }
    assert!(hits(&mut host, PATH, &[("x-omniroute-no-cache", "no")], CHAT));
}

// proves: config.cache.{eligibility,models}
#[test]
fn only_requests_that_want_one_answer_are_kept_unless_all_are() {
    let warm = CHAT.replace("\"temperature\":0", "\"temperature\":0.5");
    let unsaid = CHAT.replace("\"temperature\":0,", "");
    for body in [&warm, &unsaid] {
        let mut host = host();
        let mut run = host.begin();
        assert_eq!(run.client_sends(PATH, &[], body), Flow::Continue);
        assert!(run.recalls.is_empty());
        let mut host = host_of(of_tenant("t"), proto::Cache { everything: true, ..settings() });
        made(&mut host, body).unwrap();
        assert!(hits(&mut host, PATH, &[], body));
    }
    let others = proto::Cache { models: vec!["same".into()], ..settings() };
    let mut host = host_of(of_tenant("t"), others);
    let mut run = host.begin();
    assert_eq!(run.client_sends(PATH, &[], CHAT), Flow::Continue);
}

// proves: config.cache.max_entry_bytes
#[test]
fn what_failed_broke_off_or_said_nothing_is_not_kept() {
    let empty = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#;
    let error = r#"{"error":{"message":"x"}}"#;
    let long = ANSWER.replace("ho", &"x".repeat(3000));
    for (status, body, end) in [
        ("200", empty, true),
        ("400", error, true),
        ("200", &ANSWER[..50], false),
        ("200", &long, true),
    ] {
        let mut host = host();
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[], CHAT);
        misses(&mut run);
        run.provider_begins(&[(":status", status), ("content-type", "application/json")]);
        run.provider_sends(body.as_bytes(), end);
        run.ends();

        assert!(host.gateway.replays.take_keepings().is_empty(), "{status} {body}");
        assert!(host.gateway.cache.is_empty());
    }
}

// proves: config.cache.scope
#[test]
fn nobody_else_gets_it() {
    let kept_by = |policy: proto::KeyPolicy, cache: proto::Cache| {
        let mut host = host_of(policy, cache);
        made(&mut host, CHAT).unwrap().key
    };
    let mine = kept_by(of_tenant("team:t"), settings());
    assert_eq!(kept_by(of_tenant("team:t"), settings()), mine);
    assert_ne!(kept_by(of_tenant("team:u"), settings()), mine);
    assert_ne!(kept_by(of_tenant(""), settings()), mine, "it shares nothing");
    let alone = proto::Cache { per_key: true, ..settings() };
    assert_ne!(kept_by(of_tenant("team:t"), alone), mine);
}

#[test]
fn a_key_that_may_nothing_gets_nothing() {
    let mut host = host();
    made(&mut host, CHAT).unwrap();
    let hash = tollgate_core::key::KeyHash::of(KEY.as_bytes());
    let now = host.now;
    let policies = [
        proto::KeyPolicy { blocked: true, ..of_tenant("team:t") },
        proto::KeyPolicy { expires_at_us: Some(1), ..of_tenant("team:t") },
        proto::KeyPolicy { models: vec!["other".into()], ..of_tenant("team:t") },
    ];
    for (revision, policy) in (2..).zip(policies) {
        let key_hash = hash.as_bytes().to_vec();
        host.update(Event::KeyChanged(proto::KeyChanged { key_hash, revision }));
        host.gateway.keys.answered(hash, Some(std::rc::Rc::new(policy.into())), revision, now);

        assert!(!hits(&mut host, PATH, &[], CHAT));
    }
}

#[test]
fn limits_on_requests_hold_for_kept_answers_and_those_on_tokens_do_not() {
    for (dimension, counted, served) in [
        (proto::Dimension::Requests, false, 1),
        (proto::Dimension::Tokens, false, 3),
        (proto::Dimension::Tokens, true, 0),
    ] {
        let mut host = host();
        let keep = made(&mut host, CHAT).unwrap();
        let policy = proto::KeyPolicy { tenant: "team:t".into(), ..limited(dimension) };
        let cache = proto::Cache { counted, ..settings() };
        let mut host = host_of(policy, cache);
        let mut book = Book::of(1);
        let mut got = 0;
        for _ in 0..3 {
            let mut run = host.begin();
            let _ = run.client_sends(PATH, &[], CHAT);
            if !run.recalls.is_empty() {
                let kept = keep.kept.clone();
                let response = proto::RecallResponse { kept, ..Default::default() };
                let _ = run.hand(Input::KeyResolved(Ok(&response.encode_to_vec())));
            }
            if run.reply.is_none() {
                let parked = run.park();
                book.answer(&mut host);
                run = host.resume(parked);
                let _ = run.hand(Input::UnitsMoved);
            }
            got += usize::from(run.reply.as_ref().is_some_and(|reply| reply.status == 200));
            run.ends();
            book.answer(&mut host);
        }
        assert_eq!(got, served, "{dimension:?} {counted}");
    }
}

#[test]
fn a_request_that_leads_delivers_the_kept_answer() {
    let mut host = host();
    let mut snapshot = snapshot();
    snapshot.cache = Some(settings());
    snapshot.idempotency =
        Some(proto::Idempotency { window_ms: 5, max_answer_bytes: 5000, request_id: true });
    host.update(Event::Snapshot(snapshot));
    made(&mut host, CHAT).unwrap();

    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[("idempotency-key", "a")], CHAT);
    let lead = proto::claim_response::Outcome::Lead(proto::Lead {});
    let lead = proto::ClaimResponse { outcome: Some(lead) }.encode_to_vec();
    let _ = run.hand(Input::KeyResolved(Ok(&lead)));
    assert_eq!(run.reply.as_ref().unwrap().status, 200);
    run.ends();

    let delivery = host.gateway.replays.take_deliveries().pop().unwrap();
    let delivery = proto::DeliverRequest::decode(&*delivery).unwrap();
    assert!(matches!(delivery.outcome, Some(proto::deliver_request::Outcome::Answer(_))));
}
