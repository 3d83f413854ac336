//! Limits, from the reservation to the debit, against a ledger that is a few lines.

use std::collections::BTreeMap;

use prost::Message;
use tollgate_core::exchange::{Flow, Input};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::{Dimension, MeterGrant, Outlook};

use crate::book::{Book, CHAT, JSON, answer, limited, one};
use crate::driver::{GATEWAY, Host, STANDALONE};

/// Tokens that are reserved for the input of [`CHAT`].
const PROMPT: i64 = 0;
const EVENTS: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/event-stream")];

#[test]
fn a_limit_on_requests_is_reached_and_not_passed() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Requests));
    let mut book = Book::of(3);

    let served = (0..6).filter(|_| one(&mut host, &mut book, CHAT, &answer(1, 1)).is_ok()).count();

    assert_eq!(served, 3);
    assert_eq!((book.used, book.held), (3, 0));
}

#[test]
fn requests_of_a_generous_limit_do_not_ask_one_by_one() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Requests));
    let mut book = Book::of(1_000_000);
    let asked = |host: &mut Host, book: &mut Book| {
        let mut run = host.begin();
        let waits = run.client_sends("/v1/chat/completions", &[], CHAT) == Flow::Pause;
        if waits {
            let exchange = run.park();
            book.answer(host);
            let _ = host.resume(exchange).hand(Input::UnitsMoved);
        }
        waits
    };

    let mut waited = 0;
    for _ in 0..20 {
        for _ in 0..50 {
            waited += u32::from(asked(&mut host, &mut book));
        }
        // A tick.
        book.answer(&mut host);
    }

    assert!(waited <= 10, "{waited} of 1000 requests waited");
}

#[test]
fn money_is_reserved_at_worst_and_settled_by_the_truth() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Money));
    let mut book = Book::of(10_000_000);
    let body = r#"{"model":"gpt","messages":[],"max_tokens":100}"#;

    let sent = one(&mut host, &mut book, body, &answer(10, 20)).unwrap();

    assert_eq!(sent, body.replace("\"gpt\"", "\"gpt-4o-2024\""));
    assert_eq!(book.used, 10 * 1000 + 20 * 2000);
}

// proves: config.limits.output_floor_tokens
#[test]
fn what_is_left_becomes_the_cap_down_to_the_floor() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Money));
    let input = PROMPT * 1000;
    let mut book = Book::of(input + 20 * 2000);

    let sent = one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap();
    assert!(sent.contains(r#""max_tokens":20,"#), "{sent}");

    // This pays for fewer than 16 tokens.
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Money));
    let mut book = Book::of(input + 15 * 2000);
    let refused = one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap_err();
    let error: serde_json::Value = serde_json::from_str(&refused).unwrap();
    assert_eq!(error["error"]["code"], "budget_exceeded");
    assert_eq!(error["error"]["limit"]["scope"], "key");
    assert_eq!(error["error"]["limit"]["dimension"], "money");
}

// proves: config.limits.on_low_budget
#[test]
fn a_policy_can_say_to_refuse_rather_than_to_cap() {
    let low_budget = Some(proto::LowBudget { refuse: true, floor_tokens: 16 });
    let policy = proto::KeyPolicy { low_budget, ..limited(Dimension::Money) };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut book = Book::of(PROMPT * 1000 + 2_000_000);

    assert!(one(&mut host, &mut book, CHAT, &answer(1, 1)).is_err());
}

#[test]
fn a_request_that_is_refused_uses_nothing() {
    let mut policy = limited(Dimension::Requests);
    let money = proto::Meter { id: 10, limit: 1, ..limited(Dimension::Money).meters.remove(0) };
    policy.meters.push(money);
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], CHAT), Flow::Pause);
    let exchange = run.park();
    let report = host.gateway.next_report(host.now).unwrap();
    let asked = proto::ReportRequest::decode(&*report).unwrap();
    let grants = asked.meters.iter().map(|state| MeterGrant {
        meter: state.meter,
        granted: i64::from(state.meter == 9),
        outlook: if state.meter == 9 { Outlook::Tight } else { Outlook::Exhausted }.into(),
        ..MeterGrant::default()
    });
    let answer = proto::ReportResponse { acknowledged: 0, grants: grants.collect() };
    host.gateway.report_answered(&answer.encode_to_vec(), host.now);
    let mut run = host.resume(exchange);
    let _ = run.hand(Input::UnitsMoved);

    assert_eq!(run.refusal().0, 429);
    run.ends();
    assert_eq!(host.gateway.leases.lease(9).unwrap().idle(host.now), 1);
}

#[test]
fn silence_of_the_control_plane_is_no_reached_limit() {
    let low_budget = Some(proto::LowBudget { refuse: true, floor_tokens: 16 });
    let policy = proto::KeyPolicy { low_budget, ..limited(Dimension::Money) };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut book = Book::of(1_000_000_000);
    one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap();
    let asks_for_all = r#"{"model":"gpt","messages":[],"max_tokens":400000}"#;
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], asks_for_all), Flow::Pause);
    let exchange = run.park();
    assert!(host.gateway.next_report(host.now).is_some());

    host.now += 2_000_000;
    let mut run = host.resume(exchange);
    let _ = run.hand(Input::UnitsMoved);

    let reply = run.reply.as_ref().unwrap();
    assert_eq!(reply.status, 503, "{}", String::from_utf8_lossy(&reply.body));
    // Others do not wait for the same, until there is an answer.
    let mut next = host.begin();
    let _ = next.client_sends("/v1/chat/completions", &[], asks_for_all);
    assert_eq!(next.reply.as_ref().map(|reply| reply.status), Some(503));
    host.gateway.report_failed();
    book.answer(&mut host).unwrap();
    let mut last = host.begin();
    assert_eq!(last.client_sends("/v1/chat/completions", &[], asks_for_all), Flow::Pause);
    assert!(last.reply.is_none());
}

// proves: config.models[].targets[].free
#[test]
fn a_model_without_a_price_is_refused_under_a_budget() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Money));
    host.update(proto::update::Event::Snapshot(proto::Snapshot {
        providers: vec![proto::Provider { id: "p".into(), ..proto::Provider::default() }],
        models: ["gpt", "gratis"]
            .map(|name| proto::Model {
                name: name.into(),
                targets: vec![proto::Target {
                    provider: "p".into(),
                    model: name.into(),
                    free: name == "gratis",
                    ..proto::Target::default()
                }],
                ..proto::Model::default()
            })
            .into(),
        ..proto::Snapshot::default()
    }));
    let mut book = Book::of(1_000_000);

    let refused = one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap_err();
    assert!(refused.contains("model_not_priced"), "{refused}");
    one(&mut host, &mut book, r#"{"model":"gratis","messages":[]}"#, &answer(1, 1)).unwrap();
}

#[test]
fn a_stream_that_outruns_its_reservation_ends_properly() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::OutputTokens));
    let mut book = Book::of(16);
    let body =
        r#"{"model":"gpt","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], body), Flow::Pause);
    let exchange = run.park();
    book.answer(&mut host);
    let mut run = host.resume(exchange);
    assert_eq!(run.hand(Input::UnitsMoved), Flow::Continue);
    run.reaches_provider();
    run.provider_begins(EVENTS);
    let chunk = |text: &str| {
        format!(
            r#"data: {{"id":"c7","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
        ) + "\n\n"
    };
    for _ in 0..40 {
        run.provider_sends(chunk("four of them for sure").as_bytes(), false);
        if run.ended_here {
            break;
        }
    }
    run.ends();

    assert!(run.ended_here);
    let text = run.answer.text().to_owned();
    let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    let [.., last, usage, done] = &events[..] else { panic!("{text}") };
    assert_eq!(*done, "data: [DONE]");
    let last: serde_json::Value = serde_json::from_str(&last[6..]).unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
    assert_eq!((&last["id"], &last["model"]), (&"c7".into(), &"gpt".into()));
    assert_eq!(last["tollgate"]["code"], "budget_exceeded");
    let usage: serde_json::Value = serde_json::from_str(&usage[6..]).unwrap();
    assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 16);
}

#[test]
fn parallel_requests_free_their_place_when_they_end() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Parallel));
    let mut book = Book::of(1);

    for _ in 0..3 {
        one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap();
    }

    assert_eq!(book.used, 0);
}

#[test]
fn a_report_without_answer_is_repeated_and_counts_once() {
    let mut host = Host::knowing(GATEWAY, limited(Dimension::Requests));
    let mut book = Book::of(100);
    one(&mut host, &mut book, CHAT, &answer(1, 1)).unwrap();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
    let _ = run.park();

    let mut sent = BTreeMap::new();
    for _ in 0..2 {
        let report = host.gateway.next_report(host.now).unwrap();
        let report = proto::ReportRequest::decode(&*report).unwrap();
        assert!(host.gateway.next_report(host.now).is_none());
        host.gateway.report_failed();
        *sent.entry(report.sequence).or_insert(0) += 1;
    }

    assert_eq!(sent.len(), 1);
}

#[test]
fn clients_see_what_remains_fall() {
    let mut policy = limited(Dimension::Requests);
    policy.max_budget_nanos = Some(5_000_000_000);
    let mut host = Host::knowing(GATEWAY, policy);
    let mut book = Book { resets_in_ms: 30_000, ..Book::of(3) };
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut run = host.begin();
        let mut flow = run.client_sends("/v1/chat/completions", &[], CHAT);
        if flow == Flow::Pause && run.reply.is_none() {
            let exchange = run.park();
            book.answer(&mut host);
            run = host.resume(exchange);
            flow = run.hand(Input::UnitsMoved);
        }
        if flow == Flow::Continue {
            run.reaches_provider();
            run.provider_answers(JSON, answer(1, 1).as_bytes(), 1000);
            let header = |name| run.answer.header(name).unwrap_or_default().to_owned();
            assert_eq!(header("x-litellm-key-max-budget"), "5");
            assert_eq!(header("x-ratelimit-reset-requests"), "30s");
            assert_eq!(header("x-litellm-response-cost"), "");
            seen.push(header("x-ratelimit-remaining-requests"));
        } else {
            let reply = run.reply.clone().unwrap();
            let header = |name| {
                let found = reply.headers.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            assert_eq!((reply.status, &*header("retry-after")), (429, "31"));
            seen.push(header("x-ratelimit-api_key-remaining-requests"));
        }
        run.ends();
        book.answer(&mut host);
    }

    assert_eq!(seen, ["2", "1", "0", "0"]);
}

#[test]
fn a_customer_is_asked_for_once_and_may_be_blocked() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    host.update(proto::update::Event::Snapshot(proto::Snapshot {
        customers: true,
        ..crate::configured::snapshot()
    }));
    let body = r#"{"model":"gpt","messages":[],"user":"acme"}"#;
    let mut run = host.begin();
    assert_eq!(run.client_sends("/v1/chat/completions", &[], body), Flow::Pause);
    assert_eq!(run.asked.len(), 1);
    let policy = proto::CustomerPolicy { blocked: true, meters: Vec::new() };
    let answer = proto::ResolveCustomerResponse { policy: Some(policy), revision: 1 };
    let _ = run.hand(Input::KeyResolved(Ok(&answer.encode_to_vec())));
    assert_eq!(run.refusal().0, 403);
    run.ends();

    let mut again = host.begin();
    let _ = again.client_sends("/v1/chat/completions", &[], body);
    assert_eq!((again.asked.len(), again.refusal().0), (0, 403));
    again.ends();

    let mut other = host.begin();
    let named = [("x-litellm-end-user-id", "other")];
    assert_eq!(other.client_sends("/v1/chat/completions", &named, body), Flow::Pause);
    let nobody = proto::ResolveCustomerResponse { policy: None, revision: 1 };
    assert_eq!(other.hand(Input::KeyResolved(Ok(&nobody.encode_to_vec()))), Flow::Continue);
    assert_eq!(other.resumed, 1);
    other.ends();
    assert_eq!(host.records()[0].end_user.as_deref(), Some("other"));
}

#[test]
fn an_answer_says_what_it_cost_unless_it_is_streamed() {
    for (settings, role) in [(GATEWAY, "gateway"), (STANDALONE, "standalone")] {
        let mut host = Host::knowing(settings, proto::KeyPolicy::default());
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], CHAT);
        let body = answer(10, 20);
        let length = body.len().to_string();
        let headers = [
            (":status", "200"),
            ("content-type", "application/json"),
            ("content-length", &*length),
        ];

        let held = run.provider_headers(&headers);
        assert_eq!(held, Flow::Pause, "{role}");
        if settings == STANDALONE {
            run.listener_headers();
        }
        run.provider_sends(body.as_bytes(), true);
        if settings == GATEWAY {
            run.listener_headers();
        }

        assert_eq!(run.answer.header("x-litellm-response-cost"), Some("0.00005"), "{role}");
        run.ends();
    }
}
