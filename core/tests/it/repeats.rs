//! Requests that come more than once, as one worker sees them.

use prost::Message;
use tollgate_core::exchange::{CallFailed, Flow, Input};
use tollgate_core::gateway::Gateway;
use tollgate_proto::v1::update::Event;
use tollgate_proto::v1::{self as proto, claim_response::Outcome, deliver_request};

use crate::configured::snapshot;
use crate::driver::{Host, Run};
use crate::scripts::{ANSWER, CHAT, JSON, refused};

const PATH: &str = "/v1/chat/completions";
const ID: [(&str, &str); 1] = [("idempotency-key", "a")];
const SSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];

const SETTINGS: &str = r#"{"role":"gateway","control_cluster":"control","client_request_id":true}"#;

fn host() -> Host {
    host_of(SETTINGS, "team:t")
}

fn host_of(settings: &str, tenant: &str) -> Host {
    let policy = proto::KeyPolicy { tenant: tenant.into(), ..proto::KeyPolicy::default() };
    let mut host = Host::knowing(settings, policy);
    let mut snapshot = snapshot();
    snapshot.idempotency =
        Some(proto::Idempotency { window_ms: 5, max_answer_bytes: 500, request_id: true });
    host.update(Event::Snapshot(snapshot));
    host
}

fn says(run: &mut Run<'_>, outcome: Outcome) -> Flow {
    let response = proto::ClaimResponse { outcome: Some(outcome) };
    run.hand(Input::KeyResolved(Ok(&response.encode_to_vec())))
}

fn leads(run: &mut Run<'_>) {
    assert_eq!(says(run, Outcome::Lead(proto::Lead {})), Flow::Continue);
    assert_eq!(run.resumed, 1);
    run.reaches_provider();
}

fn delivered(gateway: &mut Gateway) -> Option<proto::DeliverRequest> {
    let mut all = gateway.replays.take_deliveries();
    assert!(all.len() < 2);
    all.pop().map(|bytes| proto::DeliverRequest::decode(&*bytes).unwrap())
}

/// The id and the content that are claimed for a request.
fn claimed(host: &mut Host, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<Vec<u8>> {
    let mut run = host.begin();
    let _ = run.client_sends(path, headers, body);
    run.claims.iter().flat_map(|claim| [claim.id.clone(), claim.content.clone()]).collect()
}

#[test]
fn the_one_that_leads_is_made_and_its_answer_delivered_as_the_client_got_it() {
    let mut host = host();
    let mut run = host.begin();
    assert_eq!(run.client_sends(PATH, &ID, CHAT), Flow::Pause);
    let claim = run.claims.remove(0);
    leads(&mut run);
    assert_eq!(run.request.header("idempotency-key"), None);
    run.provider_answers(&JSON, ANSWER.as_bytes(), 10);
    let got = run.answer.body.clone();
    run.ends();

    let delivery = delivered(&mut host.gateway).unwrap();
    assert_eq!((delivery.id, delivery.content), (claim.id, claim.content));
    assert_eq!(delivery.claimant, claim.claimant);
    let content_type = "application/json".to_owned();
    let answer = proto::Answer { status: 200, content_type, body: got };
    assert_eq!(delivery.outcome, Some(deliver_request::Outcome::Answer(answer)));
    assert_eq!(host.records().len(), 1);
}

#[test]
fn one_that_gets_an_answer_makes_no_request_and_no_record() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &ID, CHAT);
    let answer = proto::Answer {
        status: 200,
        content_type: "text/event-stream".into(),
        body: b"data: [DONE]\n\n".to_vec(),
    };

    assert_eq!(says(&mut run, Outcome::Answer(answer)), Flow::Pause);
    run.ends();

    let reply = run.reply.as_ref().unwrap();
    assert_eq!((reply.status, &*reply.body), (200, &b"data: [DONE]\n\n"[..]));
    assert!(reply.headers.contains(&("x-omniroute-idempotent", "true".to_owned())));
    assert!(reply.headers.contains(&("content-type", "text/event-stream".to_owned())));
    assert!(delivered(&mut host.gateway).is_none());
    assert!(host.records().is_empty());
}

#[test]
fn something_else_under_the_same_id_is_a_conflict() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &ID, CHAT);

    let _ = says(&mut run, Outcome::Conflict(proto::Conflict {}));

    refused(&run, 409, "invalid_request_error", "idempotency_conflict");
}

#[test]
fn without_the_control_plane_a_promise_is_refused_and_a_mere_name_is_not() {
    for (header, served) in [("idempotency-key", false), ("x-request-id", true)] {
        let mut host = host();
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[(header, "a")], CHAT);

        let flow = run.hand(Input::KeyResolved(Err(CallFailed(14))));

        assert_eq!(flow == Flow::Continue, served, "{header}");
        if !served {
            refused(&run, 503, "service_unavailable_error", "policy_unavailable");
        }
    }
}

/// Headers of the provider's answer, its body, and whether that comes to its end.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], bool);

#[test]
fn no_answer_is_delivered_for_what_failed_broke_off_or_was_left() {
    let broken = b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
    let failed = b"{\"error\":{\"message\":\"x\"}}";
    let cases: [Case<'_>; 5] = [
        (&[(":status", "500"), ("content-type", "application/json")], failed, true),
        (&[(":status", "429"), ("content-type", "application/json")], failed, true),
        (&[(":status", "401"), ("content-type", "application/json")], failed, true),
        (&SSE, broken, false),
        (&JSON, b"{\"id\":", false),
    ];
    for (headers, body, end) in cases {
        let mut host = host();
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &ID, CHAT);
        leads(&mut run);
        run.provider_begins(headers);
        run.provider_sends(body, end);
        run.ends();

        assert_eq!(delivered(&mut host.gateway).unwrap().outcome, None, "{headers:?}");
    }
}

#[test]
fn an_error_of_the_clients_own_is_delivered() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &ID, CHAT);
    leads(&mut run);
    let headers = [(":status", "400"), ("content-type", "application/json")];
    run.provider_answers(&headers, b"{\"error\":{\"message\":\"bad\"}}", 5);

    let outcome = delivered(&mut host.gateway).unwrap().outcome;
    let Some(deliver_request::Outcome::Answer(answer)) = outcome else { panic!() };
    assert_eq!(answer.status, 400);
}

#[test]
fn an_answer_that_is_too_long_is_not_kept() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &ID, CHAT);
    leads(&mut run);
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(600));
    run.provider_answers(&JSON, long.as_bytes(), 100);

    let outcome = delivered(&mut host.gateway).unwrap().outcome;
    assert_eq!(outcome, Some(deliver_request::Outcome::Unkept(proto::Unkept {})));
}

#[test]
fn a_client_that_leaves_while_it_waits_or_leads_gives_up_its_claim() {
    for leading in [false, true] {
        let mut host = host();
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &ID, CHAT);
        if leading {
            leads(&mut run);
        }
        run.ends();

        assert_eq!(delivered(&mut host.gateway).unwrap().outcome, None);
        assert_eq!(host.gateway.replays.renewal(i64::MAX), None);
    }
}

#[test]
fn a_request_under_way_is_heard_of_every_second() {
    let mut host = host();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &ID, CHAT);
    let claimant = run.claims[0].claimant.clone();
    leads(&mut run);
    let parked = run.park();

    let renewal = host.gateway.replays.renewal(5_000_000).unwrap();

    let renewal = proto::RenewRequest::decode(&*renewal).unwrap();
    assert_eq!(renewal.claimants, [claimant]);
    assert_eq!(host.gateway.replays.renewal(5_900_000), None);
    assert!(host.gateway.replays.renewal(6_000_000).is_some());
    host.resume(parked).ends();
}

#[test]
fn the_id_is_the_tenants_the_paths_and_the_clients() {
    let first = claimed(&mut host(), PATH, &ID, CHAT);
    let (id, content) = (&first[0], &first[1]);

    let again = claimed(&mut host(), &format!("{PATH}?key=x"), &ID, CHAT);
    assert_eq!((&again[0], &again[1]), (id, content), "a query is no other path");
    let others = [
        claimed(&mut host_of(SETTINGS, "team:u"), PATH, &ID, CHAT),
        claimed(&mut host_of(SETTINGS, ""), PATH, &ID, CHAT),
        claimed(&mut host(), "/chat/completions", &ID, CHAT),
        claimed(&mut host(), PATH, &[("idempotency-key", "b")], CHAT),
    ];
    for other in others {
        assert_ne!(&other[0], id);
    }
    let other = claimed(&mut host(), PATH, &ID, &CHAT.replace("hi", "ho"));
    assert_eq!(&other[0], id);
    assert_ne!(&other[1], content);
}

// proves: config.idempotency.request_id
#[test]
fn a_request_id_counts_where_envoy_makes_none_and_nothing_else_is_said() {
    let named = [("x-request-id", "a")];
    let both = [("x-request-id", "a"), ("idempotency-key", "b")];
    let alone = [("idempotency-key", "b")];
    let elsewhere = r#"{"role":"gateway","control_cluster":"control"}"#;

    assert_eq!(claimed(&mut host(), PATH, &named, CHAT).len(), 2);
    assert_eq!(claimed(&mut host_of(elsewhere, "team:t"), PATH, &named, CHAT).len(), 0);
    let of = |headers: &[(&str, &str)]| claimed(&mut host(), PATH, headers, CHAT);
    assert_eq!(of(&both), of(&alone));
    assert_eq!(of(&[("idempotency-key", "")]).len(), 0);
    assert_eq!(of(&[]).len(), 0);
}
