//! Stories of requests whose first provider fails them.

use tollgate_core::exchange::{Flow, Input};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, Run, STANDALONE, counts, error_in};

pub(crate) const CHAT: &str = r#"{"model":"many","messages":[{"role":"user","content":"hello"}]}"#;
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
pub(crate) const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-real",
    "content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",
    "usage":{"input_tokens":7,"output_tokens":2}}"#;

/// A host with a model of several targets: openai first, then anthropic, then plain.
pub(crate) fn host(change: impl FnOnce(&mut proto::Model)) -> Host {
    host_with(proto::KeyPolicy::default(), change)
}

/// The same, for a key that may not do everything.
pub(crate) fn host_with(policy: proto::KeyPolicy, change: impl FnOnce(&mut proto::Model)) -> Host {
    let mut host = Host::knowing(GATEWAY, policy);
    host.update(Event::Snapshot(with_many(change)));
    host
}

fn with_many(change: impl FnOnce(&mut proto::Model)) -> proto::Snapshot {
    let mut snapshot = snapshot();
    let price = snapshot.models[0].targets[0].price.clone();
    let target = |entry: u32, provider: &str, model: &str| proto::Target {
        provider: provider.into(),
        model: model.into(),
        price: price.clone(),
        entry,
        ..proto::Target::default()
    };
    let mut many = proto::Model {
        name: "many".into(),
        targets: vec![
            target(0, "openai", "gpt-real"),
            target(1, "anthropic", "claude-real"),
            target(2, "plain", "m"),
        ],
        ..proto::Model::default()
    };
    change(&mut many);
    snapshot.revision += 1;
    snapshot.models.push(many);
    snapshot
}

pub(crate) fn sends(run: &mut Run<'_>, body: &str) {
    assert_eq!(run.client_sends("/v1/chat/completions", &[], body), Flow::Continue);
    run.reaches_provider();
}

/// The whole answer comes; tells whether Envoy is to try again.
pub(crate) fn answers(run: &mut Run<'_>, status: &str, kind: (&str, &str), body: &str) -> bool {
    let flow = run.provider_headers(&[(":status", status), kind]);
    assert_eq!(flow, Flow::Pause);
    run.provider_sends(body.as_bytes(), true);
    run.answer.header("x-tollgate-retry").is_some()
}

#[test]
fn envoy_is_told_how_often_and_where() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);

    assert_eq!(run.request.header("x-tollgate-cluster"), Some("tollgate/openai"));
    assert_eq!(run.cluster.as_deref(), Some("tollgate/openai"));
    assert_eq!(run.request.header("x-envoy-max-retries"), Some("2"));
    assert_eq!(
        run.request.header("x-envoy-retry-on"),
        Some("connect-failure,reset,retriable-headers")
    );
    run.reaches_provider();
    assert_eq!(run.cluster.as_deref(), Some("tollgate/anthropic"));
}

#[test]
fn a_model_with_one_target_is_not_tried_again() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], &CHAT.replace("many", "gpt"));

    assert_eq!(run.cluster, None);
    assert_eq!(run.request.header("x-envoy-retry-on"), None);
}

#[test]
fn a_failing_provider_is_replaced_by_one_of_another_dialect() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));

    assert!(answers(&mut run, "500", JSON, r#"{"error":{"message":"broken"}}"#));
    run.is_tried_again();

    let (path, body) = run.sent();
    assert_eq!(path, "/v1/messages");
    assert_eq!(body["model"], "claude-real");
    assert_eq!(run.request.header("x-api-key"), Some("secret-of-anthropic"));
    assert_eq!(run.request.header("authorization"), None);
    assert_eq!(run.request.header("anthropic-version"), Some("2023-06-01"));
    let length = run.request.body.len().to_string();
    assert_eq!(run.request.header("content-length"), Some(length.as_str()));
    assert!(!answers(&mut run, "200", JSON, CLAUDE));
    run.listener_headers();
    let answer: serde_json::Value = serde_json::from_slice(&run.answer.body).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "hi");
    assert_eq!(answer["model"], "many");
    assert_eq!(
        run.answer.header("x-tollgate-attempts"),
        Some("openai/gpt-real=500 server_error, anthropic/claude-real=200")
    );
    run.ends();

    let records = host.records();
    let [failed, served] = &records[..] else { panic!("{records:?}") };
    assert_eq!((failed.provider(), failed.status, failed.attempt), ("openai", 500, 0));
    assert_eq!(failed.error_code(), "server_error");
    assert_eq!((served.provider(), served.status, served.attempt), ("anthropic", 200, 2));
    assert_eq!(served.first_attempt, failed.id);
    assert_eq!(counts(failed)["total"], 0);
    assert_eq!((counts(served)["input"], counts(served)["output"]), (7, 2));
}

#[test]
fn headers_of_one_attempt_are_gone_in_the_next() {
    let mut host = host(|many| many.targets.swap(0, 1));
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert_eq!(run.request.header("x-api-key"), Some("secret-of-anthropic"));

    assert!(answers(
        &mut run,
        "529",
        JSON,
        r#"{"type":"error","error":{"type":"overloaded_error"}}"#
    ));
    run.is_tried_again();

    assert_eq!(run.request.header("x-api-key"), None);
    assert_eq!(run.request.header("anthropic-version"), None);
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
    let (path, body) = run.sent();
    assert_eq!((path, &body["model"]), ("/v1/chat/completions", &"gpt-real".into()));
}

#[test]
fn a_connection_that_fails_is_heard_of_with_the_next_attempt() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    run.is_tried_again();
    assert_eq!(run.sent().0, "/v1/messages");
    run.is_tried_again();
    assert_eq!(run.sent().0, "/v1/chat/completions");
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-plain"));
    run.envoy_answers("503");

    assert_eq!(run.answer.header(":status"), Some("502"));
    let (kind, code) = error_in(&run.answer.body);
    assert_eq!((kind.as_str(), code.as_str()), ("api_error", "provider_error"));
    assert!(run.answer.text().contains("All providers failed for model 'many'"));
    run.ends();

    let records = host.records();
    let told: Vec<_> = records.iter().map(|it| (it.provider(), it.status, it.attempt)).collect();
    assert_eq!(told, [("openai", 502, 0), ("anthropic", 502, 2), ("plain", 502, 3)]);
}

// proves: config.{models[],combos[]}.{first_byte_timeout_seconds,attempts_within_seconds}
#[test]
fn an_attempt_that_takes_too_long_has_timed_out_and_may_have_cost() {
    let mut host = host(|many| {
        let routing = proto::Routing { first_byte_timeout_ms: 2_000, ..proto::Routing::default() };
        many.routing = Some(routing);
    });
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    assert_eq!(run.request.header("x-envoy-upstream-rq-per-try-timeout-ms"), Some("2000"));
    run.reaches_provider();
    run.passes(2_000_000);
    run.is_tried_again();
    let _ = answers(&mut run, "200", JSON, CLAUDE);
    run.listener_headers();

    let told = run.answer.header("x-tollgate-attempts").unwrap();
    assert!(told.starts_with("openai/gpt-real=timeout, "), "{told}");
    run.ends();
    let records = host.records();
    assert_eq!((records[0].status, records[0].error_code()), (504, "timeout"));
    assert!(counts(&records[0])["input"] > 0);
    assert_eq!(counts(&records[0])["output"], 0);
}

#[test]
fn errors_of_the_client_are_the_answer() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);

    let error = r#"{"error":{"message":"bad temperature","code":"invalid_value"}}"#;
    assert!(!answers(&mut run, "400", JSON, error));
    run.listener_headers();

    assert_eq!(run.answer.text(), error);
    assert_eq!(run.answer.header("x-tollgate-attempts"), None);
    run.ends();
    assert_eq!(host.records().len(), 1);
}

// proves: config.models[].targets[].max_input_tokens
#[test]
fn a_prompt_that_is_too_long_goes_to_who_can_hold_it() {
    let mut host = host(|many| {
        for (target, most) in many.targets.iter_mut().zip([1_000, 500, 200_000]) {
            target.max_input_tokens = Some(most);
        }
    });
    let mut run = host.begin();
    sends(&mut run, CHAT);

    let error =
        r#"{"error":{"message":"maximum context length","code":"context_length_exceeded"}}"#;
    assert!(answers(&mut run, "400", JSON, error));
    run.is_tried_again();

    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-plain"));
}

#[test]
fn when_all_fail_the_last_status_is_kept() {
    let mut host = host(|many| many.targets.truncate(2));
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert!(answers(&mut run, "500", JSON, "{}"));
    run.is_tried_again();

    let error = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
    let headers = [(":status", "429"), JSON, ("retry-after", "7"), ("content-length", "99")];
    assert_eq!(run.provider_headers(&headers), Flow::Pause);
    run.provider_sends(error.as_bytes(), true);
    run.listener_headers();

    assert_eq!(run.answer.header(":status"), Some("429"));
    assert_eq!(run.answer.header("retry-after"), Some("7"));
    assert_eq!(run.answer.header("content-length"), None);
    let (kind, code) = error_in(&run.answer.body);
    assert_eq!((kind.as_str(), code.as_str()), ("api_error", "provider_error"));
    assert_eq!(
        run.answer.header("x-tollgate-attempts"),
        Some("openai/gpt-real=500 server_error, anthropic/claude-real=429")
    );
}

#[test]
fn the_only_failure_speaks_for_itself() {
    let mut host =
        host(|many| many.routing = Some(proto::Routing { max_attempts: 1, ..Default::default() }));
    let mut run = host.begin();
    sends(&mut run, CHAT);
    let error = r#"{"error":{"message":"busy"}}"#;
    assert!(!answers(&mut run, "503", JSON, error));

    assert_eq!(run.answer.text(), error);
    assert_eq!(run.request.header("x-envoy-max-retries"), None);
}

#[test]
fn an_account_that_failed_is_not_asked_first_again() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert!(answers(&mut run, "401", JSON, r#"{"error":{"message":"bad key"}}"#));
    run.is_tried_again();
    let _ = answers(&mut run, "200", JSON, CLAUDE);
    run.ends();

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    assert_eq!(run.cluster.as_deref(), Some("tollgate/anthropic"));
    assert_eq!(run.request.header("x-envoy-max-retries"), Some("1"));
    drop(run);
    assert!(host.gateway.has_health_news());
}

#[test]
fn what_others_learned_counts_here() {
    let mut host = host(|_| {});
    let mark = proto::HealthMark {
        provider: "openai".into(),
        state: proto::HealthState::Cooling.into(),
        until_us: host.now + 60_000_000,
        level: 1,
        ..proto::HealthMark::default()
    };
    host.update(Event::HealthChanged(proto::HealthChanged { marks: vec![mark] }));

    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    assert_eq!(run.cluster.as_deref(), Some("tollgate/anthropic"));
}

#[test]
fn an_attempt_at_another_cluster_than_was_meant_gets_no_credential() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert!(answers(&mut run, "500", JSON, "{}"));
    run.cluster = Some("tollgate/openai".into());
    let flow = run.hand(Input::AttemptHeaders { cluster: Some(b"tollgate/openai") });

    assert_eq!(flow, Flow::Pause);
    assert_eq!(run.refusal().0, 500);
    assert_eq!(run.request.header("x-api-key"), None);
}

#[test]
fn a_client_that_leaves_between_two_attempts_leaves_one_record() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert!(answers(&mut run, "500", JSON, "{}"));
    run.ends();

    let records = host.records();
    let [failed] = &records[..] else { panic!("{records:?}") };
    assert_eq!((failed.status, failed.id.len()), (500, 24));
}

#[test]
fn an_answer_that_envoy_does_not_replace_is_no_answer() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, CHAT);
    assert!(answers(&mut run, "500", JSON, "{}"));
    run.listener_headers();
    let _ = run.hand(Input::ResponseBody { piece: b"", end: true });

    assert_eq!(run.answer.header(":status"), Some("502"));
    assert_eq!(run.answer.header("x-tollgate-retry"), None);
}

// proves: config.models[].strict
#[test]
fn a_strict_model_is_not_tried_where_something_would_be_left_out() {
    let mut host = host(|many| many.strict = true);
    let mut run = host.begin();
    sends(&mut run, &CHAT.replace("\"model\"", "\"logit_bias\":{\"1\":2},\"model\""));
    assert!(answers(&mut run, "500", JSON, "{}"));
    run.is_tried_again();

    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-plain"));
}

#[test]
fn an_attempt_that_cannot_begin_is_not_billed_for_the_one_before() {
    let mut host = host(|many| many.targets.truncate(2));
    let mut run = host.begin();
    let body = r#"{"model":"many","messages":[{"role":"nobody","content":"hello"}]}"#;
    sends(&mut run, body);
    let empty = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":5,"completion_tokens":0,"total_tokens":5}}"#;
    assert!(answers(&mut run, "200", JSON, empty));
    let cluster = run.cluster.clone().unwrap();
    let _ = run.hand(Input::AttemptHeaders { cluster: Some(cluster.as_bytes()) });
    assert_eq!(run.refusal().0, 400);
    run.ends();

    let records = host.records();
    let told: Vec<_> = records.iter().map(|it| (it.provider(), it.cost_nanos)).collect();
    assert_eq!(told, [("openai", 5_000), ("anthropic", 0)]);
    assert_eq!(counts(&records[1])["total"], 0);
}

#[test]
fn one_filter_alone_asks_only_the_first() {
    let mut host = Host::knowing(STANDALONE, proto::KeyPolicy::default());
    host.update(Event::Snapshot(with_many(|_| {})));
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);

    assert_eq!(run.request.header("x-envoy-retry-on"), None);
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
    let error = r#"{"error":{"message":"busy"}}"#;
    let _ = run.provider_headers(&[(":status", "503"), JSON]);
    run.provider_sends(error.as_bytes(), true);
    assert_eq!(run.answer.text(), error);
    assert_eq!(run.answer.header("x-tollgate-retry"), None);
}
