//! WebSocket sessions: who may begin one, what is charged while it lasts, and how it ends.

use tollgate_core::exchange::{Flow, Input};
use tollgate_core::key::KeyHash;
use tollgate_core::websocket;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::Dimension;
use tollgate_proto::v1::update::Event;

use crate::book::{Book, limited};
use crate::driver::{GATEWAY, Host, KEY, Run, STANDALONE, counts};

const PATH: &str = "/v1/realtime?model=gpt";
const UPGRADE: &[(&str, &str)] = &[
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-extensions", "permessage-deflate"),
];
const SWITCHING: &[(&str, &str)] = &[(":status", "101"), ("upgrade", "websocket")];
const DONE: &str = r#"{"type":"response.done","response":{"id":"resp_1","usage":{"total_tokens":30,
    "input_tokens":10,"output_tokens":20}}}"#;

fn begin<'a>(host: &'a mut Host, more: &[(&str, &str)]) -> Run<'a> {
    let mut run = host.begin();
    let flow = run.client_sends(PATH, &[UPGRADE, more].concat(), "");
    assert_eq!((flow, &run.reply), (Flow::Continue, &None));
    run
}

fn event(text: &str) -> Vec<u8> {
    websocket::text(text.as_bytes())
}

#[test]
fn a_session_reaches_its_provider_with_our_credential_and_no_compression() {
    for settings in [GATEWAY, STANDALONE] {
        let mut host = Host::knowing(settings, proto::KeyPolicy::default());
        let mut run = begin(&mut host, &[]);
        if settings == GATEWAY {
            assert_eq!(run.request.header("x-tollgate-cluster"), Some("tollgate/openai/realtime"));
            run.reaches_provider();
        }

        assert_eq!(run.request.header(":path"), Some("/v1/realtime?model=gpt-4o-2024"));
        assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
        assert_eq!(run.request.header("upgrade"), Some("websocket"));
        assert_eq!(run.request.header("sec-websocket-extensions"), None);
        assert_eq!(run.request.header("content-length"), None);
    }
}

#[test]
fn a_browsers_key_stays_here() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let offered = format!("realtime, openai-insecure-api-key.{KEY}, openai-beta.realtime-v1");
    let browser = [("sec-websocket-protocol", &*offered), ("authorization", "")];
    let mut run = begin(&mut host, &browser);
    run.reaches_provider();

    let left = run.request.header("sec-websocket-protocol");
    assert_eq!(left, Some("realtime, openai-beta.realtime-v1"));
}

#[test]
fn what_is_no_session_is_refused() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    for (path, headers, expected) in [
        (PATH, &UPGRADE[1..], (400, "invalid_field")),
        ("/v1/realtime", UPGRADE, (400, "missing_field")),
        ("/v1/realtime?model=no-such", UPGRADE, (404, "model_not_found")),
        ("/v1/realtime?model=claude", UPGRADE, (400, "unsupported_endpoint")),
    ] {
        let mut run = host.begin();
        let _ = run.client_sends(path, headers, "");
        let (status, _, code) = run.refusal();
        assert_eq!((status, &*code), expected, "{path}");
    }
}

#[test]
fn a_client_that_sends_at_once_is_held_until_its_key_is_known() {
    let mut host = Host::new(GATEWAY);
    let mut run = host.begin();
    assert_eq!(run.client_sends(PATH, UPGRADE, ""), Flow::Pause);

    assert!(run.exchange.holds_body() && !run.exchange.awaits_body());
    let early = Input::RequestBodyPart { size: 10 };
    assert_eq!(run.hand(early), Flow::Pause);
    let policy = Some(proto::KeyPolicy::default());
    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy, revision: 1 }));

    assert_eq!((run.resumed, run.exchange.holds_body()), (1, false));
}

#[test]
fn every_answer_has_its_record_and_the_session_has_one() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut run = begin(&mut host, &[]);
    run.reaches_provider();
    run.provider_begins(SWITCHING);
    let created = r#"{"type":"session.created","session":{"model":"gpt-4o-2024"}}"#;
    for sent in [created, DONE, DONE] {
        run.provider_sends(&event(sent), false);
    }
    run.ends();

    let passed = [event(&created.replace("gpt-4o-2024", "gpt")), event(DONE), event(DONE)];
    assert_eq!(run.answer.body, passed.concat());
    let records = host.records();
    let billed: Vec<_> = records.iter().map(|it| (counts(it)["total"], it.cost_nanos)).collect();
    assert_eq!(billed, [(30, 50_000), (30, 50_000), (0, 0)]);
    assert!(records.iter().all(|it| it.status == 101 && !it.aborted && it.streamed));
    let ids: Vec<_> = records.iter().map(|it| it.provider_response_id.as_deref()).collect();
    assert_eq!(ids, [Some("resp_1"), Some("resp_1"), None]);
}

#[test]
fn a_session_ends_with_its_budget() {
    let budget = proto::KeyPolicy { max_budget_nanos: Some(90_000), ..Default::default() };
    let mut host = Host::knowing(GATEWAY, budget);
    let mut run = begin(&mut host, &[]);
    run.reaches_provider();
    run.provider_begins(SWITCHING);

    run.provider_sends(&event(DONE), false);
    assert_eq!(run.answer.body, event(DONE));
    run.provider_sends(&event(DONE), false);
    run.provider_sends(&event(DONE), false);
    run.ends();

    let told = String::from_utf8_lossy(&run.answer.body).into_owned();
    assert_eq!(told.matches("response.done").count(), 2, "{told}");
    assert!(told.contains(r#""code":"budget_exceeded""#), "{told}");
    assert!(run.answer.body.ends_with(&websocket::close(1008, "budget_exceeded")));
    assert!(run.ended_here);
    let records = host.records();
    assert_eq!(records.last().unwrap().error_code.as_deref(), Some("budget_exceeded"));
}

#[test]
fn a_limit_writes_nothing_into_a_session() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Money));
    let mut book = Book::of(100_000_000);
    let mut run = host.begin();
    assert_eq!(run.client_sends(PATH, UPGRADE, ""), Flow::Pause);
    let parked = run.park();
    book.answer(&mut host);
    let mut run = host.resume(parked);
    let _ = run.hand(Input::UnitsMoved);
    run.reaches_provider();

    assert_eq!((run.request.header("content-length"), &*run.request.body), (None, &b""[..]));
    run.provider_begins(SWITCHING);
    run.provider_sends(&event(DONE), false);
    run.provider_sends(&event(DONE), false);
    run.ends();
    book.answer(&mut host);

    assert_eq!(book.used, 100_000);
}

#[test]
fn a_session_ends_with_its_key() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut run = begin(&mut host, &[]);
    run.reaches_provider();
    run.provider_begins(SWITCHING);
    let key_hash = KeyHash::of(KEY.as_bytes()).as_bytes().to_vec();
    run.hears(Event::KeyChanged(proto::KeyChanged { key_hash, revision: 2 }));

    run.provider_sends(&event("{}"), false);
    assert_eq!((run.asked.len(), run.answer.body.len()), (1, event("{}").len()));
    let blocked = Some(proto::KeyPolicy { blocked: true, ..proto::KeyPolicy::default() });
    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy: blocked, revision: 2 }));
    run.provider_sends(&event("{}"), false);

    assert!(run.answer.body.ends_with(&websocket::close(1008, "key_blocked")));
}
