//! Stories of one request each.

use tollgate_core::exchange::{Flow, Input};
use tollgate_core::headers::Headers;
use tollgate_core::key::KeyHash;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;
use tollgate_proto::v1::update::Event;

use crate::driver::{GATEWAY, Host, KEY, Run, STANDALONE, counts, error_in};

pub(crate) const CHAT: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"gpt","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
pub(crate) const JSON: [(&str, &str); 3] =
    [(":status", "200"), ("content-type", "application/json"), ("content-length", "99")];
const SSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "text/event-stream")];
pub(crate) const ANSWER: &str = r#"{"id":"c1","model":"gpt-4o-2024","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}"#;

pub(crate) fn open() -> Host {
    Host::knowing(GATEWAY, proto::KeyPolicy::default())
}

#[track_caller]
pub(crate) fn refused(run: &Run<'_>, status: u16, kind: &str, code: &str) {
    assert_eq!(run.refusal(), (status, kind.to_owned(), code.to_owned()));
}

#[test]
fn a_known_key_is_served_and_billed() {
    let mut host = open();
    let mut run = host.begin();

    assert_eq!(run.client_sends("/v1/chat/completions", &[], CHAT), Flow::Continue);
    assert_eq!(run.request.header("x-tollgate-cluster"), Some("tollgate/openai"));
    run.reaches_provider();
    assert_eq!(run.request.text(), CHAT.replace("\"gpt\"", "\"gpt-4o-2024\""));
    let length = run.request.body.len().to_string();
    assert_eq!(run.request.header("content-length"), Some(&*length));
    assert_eq!(run.request.header(":path"), Some("/v1/chat/completions"));
    assert_eq!(run.request.header(":authority"), Some("openai.example"));
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
    assert_eq!(run.request.header("x-tollgate-cluster"), None);
    assert_eq!(run.led_to, Some(5));
    run.provider_answers(&JSON, ANSWER.as_bytes(), 10);
    assert_eq!(run.answer.text(), ANSWER.replace("gpt-4o-2024", "gpt"));
    assert_eq!(run.answer.header("content-length"), None);
    let call_id = run.answer.header("x-litellm-call-id").unwrap().to_owned();
    run.ends();

    let records = host.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(counts(record), [("input", 3), ("output", 5), ("total", 8)].into());
    assert_eq!(record.usage_source(), UsageSource::Provider);
    assert_eq!(record.cost_nanos, 3 * 1000 + 5 * 2000);
    assert_eq!(record.status, 200);
    assert_eq!(record.provider_response_id.as_deref(), Some("c1"));
    assert_eq!(tollgate_core::key::hex(&record.id), call_id);
    assert!(!record.aborted && !record.unpriced);
}

#[test]
fn a_stream_without_include_usage_is_asked_for_it_and_does_not_show_it() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], STREAM);
    run.reaches_provider();
    assert!(run.request.text().contains(r#""stream_options":{"include_usage":true}"#));

    let chunk = r#"data: {"id":"c","model":"gpt-4o-2024","choices":[{"delta":{"content":"x"}}],"usage":null}"#;
    let usage = r#"data: {"id":"c","model":"gpt-4o-2024","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    let stream = format!("{chunk}\n\n{usage}\n\ndata: [DONE]\n\n");
    run.provider_answers(&SSE, stream.as_bytes(), 17);
    run.ends();

    let shown = chunk.replace("gpt-4o-2024", "gpt").replace(r#","usage":null"#, "");
    assert_eq!(run.answer.text(), format!("{shown}\n\ndata: [DONE]\n\n"));
    let record = &host.records()[0];
    assert_eq!(counts(record), [("input", 3), ("output", 1), ("total", 4)].into());
    assert!(record.streamed && !record.aborted);
}

#[test]
fn a_provider_that_refuses_stream_options_is_not_asked() {
    let mut host = open();
    let mut run = host.begin();
    let body = r#"{"model":"plain/m","stream":true,"messages":[]}"#;
    let _ = run.client_sends("/v1/chat/completions", &[], body);
    run.reaches_provider();

    assert_eq!(run.request.text(), body.replace("plain/m", "m"));
}

#[test]
fn an_unknown_key_is_asked_for_once_and_the_request_resumes() {
    let mut host = Host::new(GATEWAY);
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], CHAT), Flow::Pause);
    assert_eq!(run.asked, [KeyHash::of(KEY.as_bytes())]);

    let policy = Some(proto::KeyPolicy::default());
    let flow = run.key_resolves(Ok(proto::ResolveKeyResponse { policy, revision: 1 }));

    assert_eq!((flow, run.resumed), (Flow::Continue, 1));
    let mut second = host.begin();
    assert_eq!(second.client_sends("/v1/chat/completions", &[], CHAT), Flow::Continue);
    assert!(second.asked.is_empty());
}

#[test]
fn a_change_during_the_question_makes_it_ask_again() {
    let mut host = Host::new(GATEWAY);
    let hash = KeyHash::of(KEY.as_bytes());
    let now = host.now;
    host.gateway.keys.asking(hash);
    let changed = proto::KeyChanged { key_hash: hash.as_bytes().to_vec(), revision: 9 };
    host.update(Event::KeyChanged(changed));
    assert!(!host.gateway.keys.answered(hash, None, 8, now));

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    assert_eq!(run.asked.len(), 1);
}

#[test]
fn without_the_control_plane_unknown_keys_wait_and_known_keys_go_on() {
    let mut host = open();
    host.gateway.connection_was_lost();
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], CHAT), Flow::Pause);
    assert_eq!((run.key_resolves(Err(14)), run.resumed), (Flow::Continue, 1));

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[("x-api-key", "sk-other")], CHAT);
    let _ = run.key_resolves(Err(14));
    refused(&run, 503, "service_unavailable_error", "policy_unavailable");
}

#[test]
fn without_the_control_plane_a_key_is_known_to_all_workers_that_one_has_seen_it() {
    let mut host = Host::new(GATEWAY);
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    let policy = Some(proto::KeyPolicy::default());
    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy, revision: 1 }));
    let mut other = host.other_worker(GATEWAY);
    let mut run = other.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], CHAT), Flow::Pause);

    let _ = run.key_resolves(Err(14));

    assert_eq!((run.resumed, run.reply), (1, None));
}

#[test]
fn what_was_spent_counts_at_once() {
    let policy = proto::KeyPolicy { max_budget_nanos: Some(13_000), ..Default::default() };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    run.provider_answers(&JSON, ANSWER.as_bytes(), 1000);
    run.ends();

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);

    refused(&run, 429, "insufficient_quota", "budget_exceeded");
    let reply = run.reply.as_ref().unwrap();
    assert!(reply.headers.contains(&("x-should-retry", "false".to_owned())));
}

#[test]
fn clients_cannot_steer_the_gateway_nor_providers_see_it() {
    let mut host = open();
    let mut run = host.begin();
    let smuggled = [
        ("x-tollgate-cluster", "evil"),
        ("x-tollgate-else", "1"),
        ("x-envoy-max-retries", "9"),
        ("x-api-key", KEY),
        ("authorization", "Bearer dummy"),
        ("cookie", "a=b"),
        ("openai-organization", "org-x"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-stainless-lang", "python"),
    ];
    let _ = run.client_sends("/v1/chat/completions", &smuggled, CHAT);
    assert_eq!(run.request.header("x-tollgate-cluster"), Some("tollgate/openai"));
    assert_eq!(run.request.header("x-envoy-max-retries"), None);
    run.reaches_provider();

    let mut names: Vec<_> = run.request.headers.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    let expected =
        [":authority", ":method", ":path", "authorization", "content-length", "x-stainless-lang"];
    assert_eq!(names, expected);
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
}

#[test]
fn a_client_that_leaves_mid_stream_pays_for_what_it_got() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], STREAM);
    run.reaches_provider();
    run.provider_begins(&SSE);
    let chunk = r#"data: {"model":"gpt-4o-2024","choices":[{"delta":{"content":"twelve bytes"}}]}"#;
    run.provider_sends(format!("{chunk}\n\n").as_bytes(), false);
    run.ends();

    let record = &host.records()[0];
    assert_eq!(record.usage_source(), UsageSource::Counted);
    assert_eq!(record.tokens.unwrap().output, 3);
    assert!(record.tokens.unwrap().input > 0 && record.cost_nanos > 0);
    assert!(record.aborted);
}

#[test]
fn management_passes_with_its_own_credential() {
    let mut host = open();
    let mut run = host.begin();

    let flow = run.client_sends("/key/info", &[("x-tollgate-cluster", "evil")], "");

    assert_eq!(flow, Flow::Continue);
    assert_eq!(run.request.header("x-tollgate-cluster"), Some("admin"));
    assert_eq!(run.request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    run.envoy_answers("503");
    assert_eq!(error_in(&run.answer.body).1, "policy_unavailable");
}

#[test]
fn models_are_answered_here_and_filtered() {
    let policy = proto::KeyPolicy { models: vec!["plain/*".into()], ..Default::default() };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    let _ = run.client_sends("/v1/models", &[], "");
    let reply = run.reply.take().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    assert_eq!(body["data"][0]["id"], "plain/m");

    let mut run = host.begin();
    let _ = run.client_sends("/v1/models/plain%2Fm", &[], "");
    assert_eq!(run.reply.unwrap().status, 200);
    let mut run = host.begin();
    let _ = run.client_sends("/v1/models/gpt", &[], "");
    refused(&run, 404, "invalid_request_error", "model_not_found");
}

#[test]
fn an_alias_of_the_key_stands_for_its_model() {
    let policy = proto::KeyPolicy {
        aliases: [("mine".to_owned(), "gpt".to_owned())].into(),
        models: vec!["gpt".into()],
        tags: vec!["team".into(), "t1".into()],
        ..Default::default()
    };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    let body = r#"{"model":"mine","messages":[],"user":"u","metadata":{"tags":["t1","t2"]}}"#;
    let _ = run.client_sends("/v1/chat/completions", &[], body);
    run.reaches_provider();
    run.provider_answers(&JSON, ANSWER.as_bytes(), 1000);
    run.ends();

    assert_eq!(run.answer.text(), ANSWER.replace("gpt-4o-2024", "mine"));
    let record = &host.records()[0];
    assert_eq!(record.model, "mine");
    assert_eq!(record.tags, ["team", "t1", "t2"]);
    assert_eq!(record.end_user.as_deref(), Some("u"));
}

#[test]
fn standalone_does_both_jobs_in_the_listener() {
    let mut host = Host::knowing(STANDALONE, proto::KeyPolicy::default());
    let mut run = host.begin();
    let extra = [("cookie", "a=b"), ("x-forwarded-for", "::1"), ("x-forwarded-proto", "http")];
    let flow = run.client_sends("/v1/chat/completions", &extra, CHAT);

    assert_eq!(flow, Flow::Continue);
    assert_eq!(run.request.text(), CHAT.replace("\"gpt\"", "\"gpt-4o-2024\""));
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
    assert_eq!(run.request.header("cookie"), None);
    assert_eq!(run.request.header("x-forwarded-for"), None);
    assert_eq!(run.request.header("x-forwarded-proto"), Some("http"), "Envoy routes by it");
    assert_eq!(run.led_to, None);
    run.provider_answers(&JSON, ANSWER.as_bytes(), 7);
    run.ends();
    assert_eq!(run.answer.text(), ANSWER.replace("gpt-4o-2024", "gpt"));
    assert_eq!(host.records().len(), 1);
}

#[test]
fn an_answer_that_is_compressed_all_the_same_is_read_and_shown_plain() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(ANSWER.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    let mut headers = JSON.to_vec();
    headers.push(("content-encoding", "gzip"));
    run.provider_answers(&headers, &packed, 11);
    run.ends();

    assert_eq!(run.answer.text(), ANSWER.replace("gpt-4o-2024", "gpt"));
    assert_eq!(run.answer.header("content-encoding"), None);
    assert_eq!(counts(&host.records()[0])["total"], 8);
}

#[test]
fn an_answer_whose_compression_breaks_is_cut_short_and_recorded_as_such() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&ANSWER.as_bytes()[..40]).unwrap();
    let mut packed = encoder.finish().unwrap();
    packed.extend(b"this is not gzip any more");
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    let mut headers = JSON.to_vec();
    headers.push(("content-encoding", "gzip"));
    run.provider_answers(&headers, &packed, 11);
    run.ends();

    assert!(host.records()[0].aborted);
}

#[test]
fn a_key_that_is_revoked_while_its_body_comes_is_refused() {
    let mut host = open();
    let hash = KeyHash::of(KEY.as_bytes());
    let mut run = host.begin();
    let headers = [
        (":method", &b"POST"[..]),
        (":path", b"/v1/chat/completions"),
        ("x-api-key", KEY.as_bytes()),
    ];
    let _ = run.hand(Input::RequestHeaders { headers: Headers(&headers), end: false });
    run.hears(Event::KeyChanged(proto::KeyChanged {
        key_hash: hash.as_bytes().to_vec(),
        revision: 9,
    }));

    let flow = run.hand(Input::RequestBody(CHAT.as_bytes().to_vec()));
    assert_eq!((flow, &*run.asked), (Flow::Pause, &[hash][..]));
    let blocked = proto::KeyPolicy { blocked: true, ..proto::KeyPolicy::default() };
    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy: Some(blocked), revision: 9 }));

    assert_eq!(run.refusal().0, 403);
}

#[test]
fn account_headers_of_the_provider_stay_here() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    run.reaches_provider();
    let mut headers = JSON.to_vec();
    headers.extend([("openai-organization", "org"), ("set-cookie", "x"), ("x-ratelimit-a", "1")]);
    run.provider_begins(&headers);

    assert_eq!(run.answer.header("openai-organization"), None);
    assert_eq!(run.answer.header("set-cookie"), None);
    assert_eq!(run.answer.header("x-ratelimit-a"), Some("1"));
}
