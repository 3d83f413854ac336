//! Stories of requests that end badly: refused here, failed there, or answered by Envoy.

use std::rc::Rc;

use tollgate_core::exchange::{Flow, Input};
use tollgate_core::headers::Headers;
use tollgate_core::key::KeyHash;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;

use crate::driver::{GATEWAY, Host, KEY, error_in};
use crate::scripts::{CHAT, open, refused};

#[track_caller]
fn check_refused(policy: proto::KeyPolicy, body: &str, status: u16, kind: &str, code: &str) {
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], body), Flow::Pause);
    refused(&run, status, kind, code);
    run.ends();
    assert!(host.records().is_empty());
}

#[test]
fn a_key_that_does_not_exist_is_refused() {
    let mut host = Host::new(GATEWAY);
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);

    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse::default()));

    refused(&run, 401, "authentication_error", "invalid_api_key");
}

#[test]
fn an_answer_without_body_announces_none() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    let headers = [(":status", &b"503"[..])];
    let headers = Headers(&headers);
    let _ = run.hand(Input::ResponseHeaders { headers, from_upstream: false, end: true });

    assert_eq!(run.answer.header(":status"), Some("502"));
    assert_eq!(run.answer.header("content-length"), Some("0"));
    assert!(!run.exchange.watches_response_body());
}

#[test]
fn a_gateway_that_knows_nothing_yet_refuses() {
    let settings = tollgate_core::settings::Settings::parse(GATEWAY.as_bytes()).unwrap();
    let mut gateway = tollgate_core::gateway::Gateway::default();
    let hash = KeyHash::of(KEY.as_bytes());
    gateway.keys.answered(hash, Some(Rc::new(proto::KeyPolicy::default().into())), 1, 0);
    let mut exchange = tollgate_core::exchange::Exchange::new(1, std::rc::Rc::new(settings));
    let headers =
        [(":method", &b"GET"[..]), (":path", &b"/v1/models"[..]), ("x-api-key", KEY.as_bytes())];

    let input = Input::RequestHeaders { headers: Headers(&headers), end: true };
    let _ = exchange.handle(input, &mut gateway, 0);

    let Some(tollgate_core::exchange::Effect::Reply(reply)) = exchange.next_effect() else {
        panic!("no reply")
    };
    assert_eq!(reply.status, 503);
}

#[test]
fn refuses_by_the_error_table() {
    let any = proto::KeyPolicy::default;
    let (auth, permission) = ("authentication_error", "permission_error");
    let invalid = "invalid_request_error";
    let blocked = proto::KeyPolicy { blocked: true, ..any() };
    check_refused(blocked, CHAT, 403, permission, "key_blocked");
    let expired = proto::KeyPolicy { expires_at_us: Some(1), ..any() };
    check_refused(expired, CHAT, 401, auth, "expired_api_key");
    let narrow = proto::KeyPolicy { models: vec!["other".into()], ..any() };
    check_refused(narrow, CHAT, 403, permission, "model_not_allowed");
    let spent = proto::KeyPolicy { max_budget_nanos: Some(5), spend_nanos: 5, ..any() };
    check_refused(spent, CHAT, 429, "insufficient_quota", "budget_exceeded");
    check_refused(any(), "{\"model\":", 400, invalid, "invalid_json");
    check_refused(any(), "{\"messages\":[]}", 400, invalid, "missing_field");
    let unknown = CHAT.replace("gpt", "no-such-model");
    check_refused(any(), &unknown, 404, invalid, "model_not_found");
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(1000));
    check_refused(any(), &long, 413, invalid, "payload_too_large");
}

#[test]
fn refuses_before_the_body_where_it_can() {
    let mut host = open();
    let mut run = host.begin();
    let long = [("content-length", "1001")];
    let _ = run.client_sends("/v1/chat/completions", &long, CHAT);
    refused(&run, 413, "invalid_request_error", "payload_too_large");

    let mut run = host.begin();
    let none = [("authorization", "")];
    let _ = run.client_sends("/v1/chat/completions", &none, CHAT);
    refused(&run, 401, "authentication_error", "invalid_api_key");

    let mut run = host.begin();
    let _ = run.client_sends("/v1/nothing", &[], CHAT);
    refused(&run, 404, "invalid_request_error", "not_found");

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], "");
    refused(&run, 405, "invalid_request_error", "method_not_allowed");
}

#[test]
fn an_attempt_that_no_listener_let_through_is_refused() {
    let mut host = open();
    let mut run = host.begin();

    let flow = run.hand(Input::AttemptHeaders { cluster: None });

    assert_eq!(flow, Flow::Pause);
    refused(&run, 500, "server_error", "internal_error");
}

#[test]
fn a_provider_error_passes_and_costs_nothing() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    let error = br#"{"error":{"message":"slow down","type":"requests","code":"rate_limit"}}"#;
    let headers = [(":status", "429"), ("content-length", "70"), ("retry-after", "3")];
    run.provider_answers(&headers, error, 9);
    run.ends();

    assert_eq!(run.answer.body, error);
    assert_eq!(run.answer.header("retry-after"), Some("3"));
    assert_eq!(run.answer.header("content-length"), Some("70"));
    let record = &host.records()[0];
    assert_eq!((record.status, record.cost_nanos), (429, 0));
    assert_eq!(record.error_code.as_deref(), Some("rate_limit"));
    assert_eq!(record.usage_source(), UsageSource::Unspecified);
}

#[test]
fn a_refused_credential_of_ours_is_not_shown_to_the_client() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    let error = br#"{"error":{"message":"Incorrect API key provided: secret-of-o***","code":"x"}}"#;
    run.provider_answers(&[(":status", "401"), ("content-length", "70")], error, 9);

    let (kind, code) = error_in(&run.answer.body);
    assert_eq!((&*kind, &*code), ("api_error", "provider_error"));
    assert!(!run.answer.text().contains("secret"));
    assert_eq!(run.answer.header("content-length"), None);
}

#[test]
fn what_envoy_answers_becomes_an_error_of_the_dialect() {
    for (status, expected, kind, code) in [
        ("503", "502", "api_error", "provider_error"),
        ("504", "504", "api_error", "provider_error"),
        ("413", "413", "invalid_request_error", "payload_too_large"),
    ] {
        let mut host = open();
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
        run.reaches_provider();
        run.envoy_answers(status);
        run.ends();

        assert_eq!(run.answer.header(":status"), Some(expected));
        assert_eq!(error_in(&run.answer.body), (kind.to_owned(), code.to_owned()));
        let length = run.answer.body.len().to_string();
        assert_eq!(run.answer.header("content-length"), Some(&*length));
        assert_eq!(host.records()[0].status.to_string(), expected);
    }
}

#[test]
fn a_client_too_slow_to_send_is_told_so() {
    let mut host = open();
    let mut run = host.begin();
    let headers = [
        (":method", &b"POST"[..]),
        (":path", &b"/v1/chat/completions"[..]),
        ("x-api-key", KEY.as_bytes()),
    ];
    let _ = run.hand(Input::RequestHeaders { headers: Headers(&headers), end: false });
    run.envoy_answers("408");

    let expected = ("invalid_request_error".to_owned(), "request_timeout".to_owned());
    assert_eq!(error_in(&run.answer.body), expected);
}

#[test]
fn a_profile_changes_what_clients_see_and_not_what_is_recorded() {
    let settings = r#"{"role":"gateway","control_cluster":"control","error_profile":"litellm"}"#;
    for (status, expected, recorded) in [("503", "500", 502), ("504", "408", 504)] {
        let mut host = Host::knowing(settings, proto::KeyPolicy::default());
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
        run.reaches_provider();
        run.envoy_answers(status);
        run.ends();

        assert_eq!(run.answer.header(":status"), Some(expected));
        assert_eq!(error_in(&run.answer.body).1, expected);
        let record = &host.records()[0];
        assert_eq!(record.status, recorded);
        assert_eq!(record.error_code.as_deref(), Some("provider_error"));
    }
    let mut host = Host::knowing(settings, proto::KeyPolicy::default());
    let mut run = host.begin();
    let _ = run.client_sends("/v1/messages", &[], &CHAT.replace("gpt", "no-such-model"));
    let reply = run.reply.as_ref().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &body["type"]), (404, &serde_json::json!("error")));
}
