//! What the writer of streams does with events that come in any order.

use serde_json::{Value, json};
use tollgate_core::dialect::chat::answer::{Finish, FinishReason};
use tollgate_core::dialect::chat::event::{Delta, Event, Writer as _};
use tollgate_core::dialect::chat::failure::{Failure, FailureKind};
use tollgate_core::dialect::responses::stream::{MEMORY, Writer};
use tollgate_core::json::node::Text;

use super::{reply_to, well_formed};

fn write(deltas: Vec<Delta<'_>>, last: &Event<'_>) -> String {
    let (mut writer, mut out) = (Writer::new(reply_to()), Vec::new());
    for delta in deltas {
        writer.event(&Event::Choice { choice: 0, delta }, &mut out);
    }
    writer.event(last, &mut out);
    String::from_utf8(out).unwrap()
}

fn ends(deltas: Vec<Delta<'_>>) -> Value {
    well_formed::check(&write(deltas, &Event::End)).unwrap()
}

fn text(text: &str) -> Delta<'static> {
    Delta::Text(Text::of(text))
}

fn call(index: u32, name: &str) -> Delta<'static> {
    let id = Text::of(&format!("call_{index}"));
    Delta::ToolCall { index, id, name: Text::of(name), signature: None, custom: false }
}

fn arguments(index: u32, piece: &str) -> Delta<'static> {
    Delta::Arguments { index, piece: Text::of(piece) }
}

fn finish(reason: FinishReason) -> Delta<'static> {
    Delta::Finish(Finish { reason, stop_sequence: None })
}

#[test]
fn an_empty_answer_is_complete() {
    let response = ends(Vec::new());

    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"], json!([]));
}

#[test]
fn calls_in_turns_keep_their_places() {
    let response = ends(vec![
        text("Both."),
        call(0, "a"),
        call(1, "b"),
        arguments(1, "{\"y\""),
        arguments(0, "{\"x\":1}"),
        text("Wait."),
        arguments(1, ":2}"),
        arguments(7, "nobody's"),
    ]);

    let said: Vec<_> = response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            [&item["arguments"], &item["content"][0]["text"]]
                .into_iter()
                .find_map(Value::as_str)
                .unwrap()
        })
        .collect();
    assert_eq!(said, ["Both.", "{\"x\":1}", "{\"y\":2}", "Wait."]);
}

#[test]
fn a_function_that_stands_for_a_custom_tool_is_called_as_one() {
    let stream = write(
        vec![
            call(0, "apply_patch"),
            arguments(0, "{\"arguments\":\"*** Begin"),
            arguments(0, " Patch\\n\"}"),
        ],
        &Event::End,
    );

    let response = well_formed::check(&stream).unwrap();
    let item = &response["output"][0];
    assert_eq!(item["type"], "custom_tool_call");
    assert_eq!(item["input"], "*** Begin Patch\n");
    assert!(stream.contains("event: response.custom_tool_call_input.delta\n"));
    assert!(!stream.contains("function_call"));
}

#[test]
fn thoughts_texts_and_refusals_are_items_of_their_own_kind() {
    let response = ends(vec![
        Delta::Reasoning(Text::of("Hm.")),
        text("I"),
        text(" "),
        Delta::Refusal(Text::of("No.")),
        Delta::Reasoning(Text::of("So.")),
        text("Yes."),
    ]);

    let kinds: Vec<_> =
        response["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message", "reasoning", "message"]);
    let contents = response["output"][1]["content"].as_array().unwrap();
    assert_eq!((&contents[0]["text"], &contents[1]["refusal"]), (&json!("I "), &json!("No.")));
}

#[test]
fn other_answers_than_the_first_are_left_out() {
    let (mut writer, mut out) = (Writer::new(reply_to()), Vec::new());
    writer.event(&Event::Choice { choice: 1, delta: text("no") }, &mut out);
    writer.event(&Event::Choice { choice: 0, delta: text("yes") }, &mut out);
    writer.event(&Event::Ping, &mut out);
    writer.event(&Event::End, &mut out);
    writer.event(&Event::End, &mut out);

    let response = well_formed::check(std::str::from_utf8(&out).unwrap()).unwrap();
    assert_eq!(response["output"].as_array().unwrap().len(), 1);
}

#[test]
fn a_cut_answer_is_incomplete() {
    for (reason, name) in [
        (FinishReason::Length, "max_output_tokens"),
        (FinishReason::ContentFilter, "content_filter"),
        (FinishReason::Refusal, "content_filter"),
    ] {
        let response = ends(vec![text("Once"), finish(reason)]);

        assert_eq!(response["status"], "incomplete");
        assert_eq!(response["incomplete_details"]["reason"], name);
        assert_eq!(response["output"][0]["status"], "incomplete");
    }
}

#[test]
fn a_failure_in_mid_stream_closes_what_is_open() {
    let failure = Failure {
        status: 429,
        kind: FailureKind::RateLimit,
        message: "Try again in 2s.".to_owned(),
        code: None,
        param: None,
        retry_after: Some(2),
    };

    let stream = write(vec![text("Once"), call(0, "a")], &Event::Failed(failure));

    let response = well_formed::check(&stream).unwrap();
    assert_eq!(response["error"]["code"], "rate_limit_exceeded");
    let error = &well_formed::events(&stream).into_iter().find(|it| it["type"] == "error").unwrap();
    assert_eq!(error["message"], "Try again in 2s.");
    assert_eq!(error["error"]["type"], "rate_limit_error");
}

#[test]
fn a_stream_that_just_stops_is_not_completed() {
    let (mut writer, mut out) = (Writer::new(reply_to()), Vec::new());
    writer.event(&Event::Choice { choice: 0, delta: text("Once") }, &mut out);

    assert_eq!(well_formed::check(std::str::from_utf8(&out).unwrap()), None);
}

#[test]
fn an_answer_that_never_ends_is_cut() {
    let (mut writer, mut written) = (Writer::new(reply_to()), 0);
    let piece = "x".repeat(MEMORY / 8);
    let mut last = Vec::new();
    for _ in 0..20 {
        let mut out = Vec::new();
        writer.event(&Event::Choice { choice: 0, delta: text(&piece) }, &mut out);
        written += out.len();
        if !out.is_empty() {
            last = out;
        }
    }

    assert!(written < 6 * MEMORY, "{written} bytes");
    let tail = String::from_utf8(last).unwrap();
    assert!(tail.contains("event: response.incomplete\n"));
}
