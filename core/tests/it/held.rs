//! Stories of answers that are held while another target could still take over.

use tollgate_core::exchange::{Flow, Input};
use tollgate_proto::v1 as proto;

use crate::driver::counts;
use crate::fallback::{answers, host, host_with, sends};

const STREAM: &str =
    r#"{"model":"many","stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const SSE: (&str, &str) = ("content-type", "text/event-stream");

#[test]
fn a_stream_is_held_until_its_first_content() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, STREAM);
    let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";

    assert_eq!(run.provider_headers(&[(":status", "200"), SSE]), Flow::Pause);
    run.provider_sends(role.as_bytes(), false);
    assert_eq!(run.answer.text(), "");
    run.provider_sends(text.as_bytes(), false);

    assert!(run.answer.text().contains("assistant"), "{}", run.answer.text());
    assert!(run.answer.text().contains("\"hi\""), "{}", run.answer.text());
    assert_eq!(run.answer.header("x-tollgate-retry"), None);
}

#[test]
fn a_stream_without_content_is_replaced_and_what_it_cost_is_billed() {
    let policy = proto::KeyPolicy { max_budget_nanos: Some(5_000), ..Default::default() };
    let mut host = host_with(policy, |_| {});
    let mut run = host.begin();
    sends(&mut run, STREAM);
    let empty = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
                 \"usage\":{\"prompt_tokens\":5,\"completion_tokens\":0,\"total_tokens\":5}}\n\n\
                 data: [DONE]\n\n";
    assert!(answers(&mut run, "200", SSE, empty));
    run.is_tried_again();
    assert_eq!(run.sent().0, "/v1/messages");
    run.ends();

    let records = host.records();
    assert_eq!(records[0].error_code(), "content_missing");
    assert_eq!((counts(&records[0])["input"], records[0].cost_nanos), (5, 5_000));
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], STREAM);
    assert_eq!(run.refusal().2, "budget_exceeded");
}

#[test]
fn a_stream_that_begins_with_an_error_is_replaced() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, STREAM);

    let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
    assert!(answers(&mut run, "200", SSE, error));
}

// proves: config.{models[],combos[]}.hold_seconds
#[test]
fn an_answer_is_not_held_for_ever() {
    let mut host = host(|_| {});
    let mut run = host.begin();
    sends(&mut run, STREAM);
    assert_eq!(run.provider_headers(&[(":status", "200"), SSE]), Flow::Pause);
    run.provider_sends(b": waiting\n\n", false);
    assert_eq!(run.answer.text(), "");

    run.passes(10_000_000);
    let due = run.due();
    assert_eq!(due, [5]);
    let _ = run.hand(Input::HeldLongEnough);
    assert!(run.answer_resumed);
    run.listener_headers();
    run.provider_sends(b": still\n\n", false);

    assert_eq!(run.answer.text(), ": waiting\n\n: still\n\n");
}

// proves: config.{models[],combos[]}.hold_bytes
#[test]
fn not_more_than_so_much_is_held() {
    let mut host =
        host(|many| many.routing = Some(proto::Routing { hold_bytes: 10, ..Default::default() }));
    let mut run = host.begin();
    sends(&mut run, STREAM);
    let _ = run.provider_headers(&[(":status", "200"), SSE]);
    run.provider_sends(b": waiting\n\n", false);

    assert_eq!(run.answer.text(), ": waiting\n\n");
}

#[test]
fn an_answer_that_breaks_off_while_it_is_held_is_no_answer() {
    let mut host = host(|many| many.targets.truncate(2));
    let mut run = host.begin();
    sends(&mut run, STREAM);
    let _ = run.provider_headers(&[(":status", "200"), SSE]);
    run.provider_sends(b": waiting\n\n", false);
    run.is_tried_again();
    assert_eq!(run.sent().0, "/v1/messages");
    run.envoy_answers("503");
    assert_eq!(run.answer.header(":status"), Some("502"));
    run.ends();
    let records = host.records();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].provider(), records[0].status), ("openai", 200));
}
