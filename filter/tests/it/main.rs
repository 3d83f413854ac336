//! Ring 2: the whole filter on a fake host, natively: does it hand in every event, and do every
//! effect?
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod crossings;
mod fake_host;

use fake_host::{Action, Call, Filter, Map};
use prost::Message;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

const GATEWAY: &str =
    r#"{"role":"gateway","control_cluster":"control","management_cluster":"admin"}"#;
const STANDALONE: &str = r#"{"role":"standalone","control_cluster":"control"}"#;
const CHAT: &[u8] = br#"{"model":"gpt","messages":[]}"#;
const ANSWER: &[u8] =
    br#"{"id":"x","model":"real","usage":{"prompt_tokens":2,"completion_tokens":3}}"#;

fn chat_headers() -> Vec<(&'static str, &'static [u8])> {
    vec![
        (":method", b"POST"),
        (":path", b"/v1/chat/completions"),
        ("authorization", b"Bearer sk-1"),
        ("x-odd", b"\xff\xfe"),
    ]
}

/// A filter with a listener plugin that the control plane has told what it must know.
fn connected(settings: &str) -> (Filter, u32) {
    let filter = Filter::start();
    let root = filter.configure(settings).unwrap();
    filter.tick(root);
    let stream = filter.take_calls().into_iter().find_map(|call| match call {
        Call::OpenStream { token, target, method } => {
            assert_eq!(target, b"\n\x09\n\x07control");
            assert_eq!(method, "tollgate.v1.Policy/Watch");
            Some(token)
        }
        Call::Reply { .. } | Call::Resume | Call::Grpc { .. } => None,
    });
    let update = |event| proto::Update { event: Some(event) }.encode_to_vec();
    let welcome = proto::Welcome { instance_id: vec![1; 16] };
    let provider = proto::Provider {
        id: "p".into(),
        cluster: "tollgate/p".into(),
        authority: "p.example".into(),
        base_path: "/v1".into(),
        credential: Some("secret".into()),
        stream_usage: true,
        ..Default::default()
    };
    let target = proto::Target { provider: "p".into(), model: "real".into(), ..Default::default() };
    let model = proto::Model { name: "gpt".into(), targets: vec![target], ..Default::default() };
    let snapshot = proto::Snapshot {
        revision: 1,
        providers: vec![provider],
        models: vec![model],
        ..Default::default()
    };
    for event in [Event::Welcome(welcome), Event::Snapshot(snapshot)] {
        filter.grpc_message(stream.unwrap(), &update(event));
    }
    (filter, root)
}

/// Answers the question about the key, which must have been asked.
fn resolve(filter: &Filter, policy: Option<proto::KeyPolicy>) {
    let calls = filter.take_calls();
    let Some(Call::Grpc { token, method, .. }) = calls.first() else { panic!("{calls:?}") };
    assert_eq!(method, "tollgate.v1.Policy/ResolveKey");
    let answer = proto::ResolveKeyResponse { policy, revision: 1 };
    filter.grpc_message(*token, &answer.encode_to_vec());
}

#[test]
fn refuses_a_configuration_it_does_not_understand() {
    let filter = Filter::start();

    assert_eq!(filter.configure(r#"{"role":"gateway","controll_cluster":"x"}"#), None);
    assert!(filter.log().contains("unknown field `controll_cluster`"), "{}", filter.log());
}

#[test]
fn both_roles_carry_a_request_to_its_record() {
    let (filter, root) = connected(GATEWAY);
    let upstream = filter.configure(r#"{"role":"upstream"}"#).unwrap();
    let listener = filter.open(root);
    filter.set(Map::Request, &chat_headers());
    assert_eq!(filter.request_headers(listener, false), Action::Pause);
    assert_eq!(filter.request_body(listener, CHAT, true), Action::Pause);
    resolve(&filter, Some(proto::KeyPolicy::default()));
    assert!(filter.take_calls().contains(&Call::Resume));
    assert_eq!(filter.header(Map::Request, "x-tollgate-cluster").unwrap(), b"tollgate/p");

    let attempt = filter.open(upstream);
    assert_eq!(filter.request_headers(attempt, false), Action::Continue);
    assert_eq!(filter.header(Map::Request, "authorization").unwrap(), b"Bearer secret");
    assert_eq!(filter.header(Map::Request, "x-odd").unwrap(), b"\xff\xfe");
    assert_eq!(filter.request_body(attempt, CHAT, true), Action::Continue);
    assert_eq!(filter.body(), br#"{"model":"real","messages":[]}"#);

    filter.set(Map::Response, &[(":status", b"200"), ("content-length", b"9")]);
    // The headers wait for the body, which says what it cost.
    assert_eq!(filter.response_headers(attempt, false), Action::Pause);
    assert_eq!(filter.header(Map::Response, "content-length"), None);
    filter.response_body(attempt, ANSWER, true);
    assert_eq!(filter.response_headers(listener, false), Action::Continue);
    assert!(filter.header(Map::Response, "x-litellm-response-cost").is_some());
    assert_eq!(filter.body(), String::from_utf8_lossy(ANSWER).replace("real", "gpt").as_bytes());
    filter.close(attempt);
    filter.close(listener);
    filter.take_calls();

    filter.tick(root);
    let calls = filter.take_calls();
    let Some(Call::Grpc { method, message, .. }) = calls.first() else { panic!("{calls:?}") };
    assert_eq!(method, "tollgate.v1.Usage/Report");
    let report = proto::ReportRequest::decode(&**message).unwrap();
    assert_eq!(report.records.len(), 1);
    assert_eq!(report.records[0].tokens.unwrap().total, 5);
}

#[test]
fn a_report_that_fails_is_sent_again() {
    let (filter, root) = connected(STANDALONE);
    let stream = filter.open(root);
    filter.set(Map::Request, &chat_headers());
    let _ = filter.request_headers(stream, false);
    let _ = filter.request_body(stream, CHAT, true);
    resolve(&filter, Some(proto::KeyPolicy::default()));
    filter.close(stream);
    filter.take_calls();

    let mut sent = Vec::new();
    for status in [14, 0] {
        filter.tick(root);
        let calls = filter.take_calls();
        let Some(Call::Grpc { token, message, .. }) = calls.first() else { panic!("{calls:?}") };
        sent.push(message.clone());
        filter.grpc_ends(*token, status);
    }
    filter.tick(root);

    assert_eq!(sent[0], sent[1]);
    assert_eq!(filter.take_calls(), []);
}

#[test]
fn without_a_control_plane_it_says_so() {
    let filter = Filter::start();
    filter.control_plane_is_away();
    let root = filter.configure(GATEWAY).unwrap();
    filter.tick(root);
    let stream = filter.open(root);
    filter.set(Map::Request, &chat_headers());

    assert_eq!(filter.request_headers(stream, false), Action::Pause);

    let calls = filter.take_calls();
    assert!(matches!(&calls[..], [Call::Reply { status: 503, .. }]), "{calls:?}");
}

#[test]
fn a_host_that_withholds_bodies_is_found_out() {
    let (filter, root) = connected(GATEWAY);
    let stream = filter.open(root);
    filter.set(Map::Request, &chat_headers());
    assert_eq!(filter.request_headers(stream, false), Action::Pause);
    resolve(&filter, Some(proto::KeyPolicy::default()));
    filter.tick(root);
    assert_eq!(filter.take_calls(), []);

    filter.advance_seconds(6);
    filter.tick(root);

    let calls = filter.take_calls();
    let [Call::Reply { status: 500, context, body }] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(*context, stream);
    let body = String::from_utf8_lossy(body);
    assert!(body.contains("allow_on_headers_stop_iteration"), "{body}");
}

#[test]
fn an_attempt_without_a_listener_is_refused() {
    let filter = Filter::start();
    let upstream = filter.configure(r#"{"role":"upstream"}"#).unwrap();
    let attempt = filter.open(upstream);
    filter.set(Map::Request, &[("x-tollgate-exchange", b"77")]);
    assert_eq!(filter.request_headers(attempt, false), Action::Pause);
    filter.set_property(b"tollgate_exchange", &77_u64.to_le_bytes());
    assert_eq!(filter.request_headers(attempt, false), Action::Pause);

    let calls = filter.take_calls();
    let refused = |call: &Call| matches!(call, Call::Reply { status: 500, .. });
    assert!(calls.len() == 2 && calls.iter().all(refused), "{calls:?}");
}
