//! OpenAI's chat completions and legacy completions.

use tollgate_core::dialect::Dialect;
use tollgate_core::headers::Headers;
use tollgate_core::routing::content::{Seen, Watch};
use tollgate_core::routing::failure::{Failure, classify};

use super::{check, events, whole};
use crate::stand::NOW_US;

const ROLE: &str = r#"{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

fn chunk(delta: &str) -> String {
    format!(r#"{{"id":"1","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

#[test]
fn a_chat_stream_has_content_with_its_first_words_thoughts_or_calls() {
    for delta in [
        r#"{"content":"Hi"}"#,
        r#"{"content":" "}"#,
        r#"{"content":"\u00e9"}"#,
        r#"{"role":"assistant","content":null,"reasoning_content":"We"}"#,
        r#"{"reasoning":"We"}"#,
        r#"{"content":"","reasoning_details":[{"type":"reasoning.text","text":"We","index":0}]}"#,
        r#"{"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"We"}]}]}"#,
        r#"{"refusal":"I cannot"}"#,
        r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}"#,
        r#"{"function_call":{"name":"f","arguments":""}}"#,
        r#"{"audio":{"id":"a","data":"AAAA"}}"#,
        r#"{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}"#,
    ] {
        events(Dialect::OpenAi, &[ROLE, &chunk(delta)], Seen::Content);
    }
}

#[test]
fn a_chat_stream_has_none_with_its_role_and_empty_members() {
    for delta in [
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":""}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[],"refusal":null,"annotations":[]}"#,
        r#"{"content":[],"reasoning_content":"","function_call":null}"#,
        r#"{"reasoning_details":[{"type":"reasoning.text","text":"","format":"x","index":0}]}"#,
        r#"{"content":[{"type":"text","text":""}]}"#,
        "{}",
        "null",
    ] {
        events(Dialect::OpenAi, &[ROLE, &chunk(delta)], Seen::Waiting);
    }
    let filtered = r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    events(Dialect::OpenAi, &[filtered, ROLE], Seen::Waiting);
    events(Dialect::OpenAi, &["not json", ROLE], Seen::Waiting);
}

#[test]
fn a_chat_stream_that_says_nothing_is_empty() {
    events(Dialect::OpenAi, &[ROLE, STOP, "[DONE]"], Seen::Empty);
    events(Dialect::OpenAi, &["[DONE]"], Seen::Empty);
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":0}}}"#;
    events(Dialect::OpenAi, &[ROLE, STOP, usage, "[DONE]"], Seen::Empty);
    events(Dialect::OpenAi, &[&finish("tool_calls"), "[DONE]"], Seen::Empty);
    events(Dialect::OpenAi, &[&finish("insufficient_system_resource"), "[DONE]"], Seen::Empty);
}

#[test]
fn a_stream_that_breaks_off_before_content_is_empty() {
    let mut watch = Watch::new(Dialect::OpenAi);
    watch.push(format!("data: {ROLE}\n\ndata: {{\"choi").as_bytes());
    assert_eq!(watch.end(), Seen::Empty);
    assert_eq!(Watch::new(Dialect::Anthropic).end(), Seen::Empty);
    let mut watch = Watch::new(Dialect::Gemini);
    assert_eq!(watch.push(b" \n"), Seen::Waiting);
    assert_eq!(watch.end(), Seen::Empty);
}

#[test]
fn the_last_event_counts_without_an_empty_line() {
    let mut watch = Watch::new(Dialect::OpenAi);
    let content = chunk(r#"{"content":"Hi"}"#);
    assert_eq!(watch.push(format!("data: {content}").as_bytes()), Seen::Waiting);
    assert_eq!(watch.end(), Seen::Content);
}

#[test]
fn a_stop_with_a_reason_is_an_answer() {
    for reason in ["length", "content_filter", "max_tokens", "some_new_reason"] {
        events(Dialect::OpenAi, &[ROLE, &finish(reason)], Seen::Content);
    }
}

#[test]
fn tokens_spent_on_hidden_thoughts_are_an_answer() {
    for usage in [
        r#"{"choices":[],"usage":{"completion_tokens":64,"completion_tokens_details":{"reasoning_tokens":64}}}"#,
        r#"{"choices":[],"usage":{"completion_tokens":5}}"#,
        r#"{"choices":[],"usage":{"completion_tokens":2,"reasoning_tokens":1}}"#,
    ] {
        events(Dialect::OpenAi, &[ROLE, STOP, usage, "[DONE]"], Seen::Content);
    }
}

#[test]
fn an_error_before_content_is_an_error() {
    for error in [
        r#"{"error":{"message":"overloaded","type":"server_error"}}"#,
        r#"{"error":"boom"}"#,
        r#"{"id":"1","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502}}"#,
        r#"{"id":"1","choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
        r#"{"id":"1","choices":[{"delta":{},"error":{"code":502}}]}"#,
        r#"{"object":"error","message":"boom","code":500}"#,
        r#"{"message":"charge api failed"}"#,
    ] {
        events(Dialect::OpenAi, &[ROLE, error], Seen::Error);
        whole(Dialect::OpenAi, error, Seen::Error);
    }
    check(Dialect::OpenAi, &["event: error\ndata: \"boom\"\n\n"], Seen::Error);
    check(Dialect::OpenAi, &["data: {\"code\":500}\r\nevent: error\r\n\r\n"], Seen::Error);
    for none in [r#"{"error":null,"choices":[]}"#, r#"{"error":{}}"#, r#"{"error":""}"#] {
        events(Dialect::OpenAi, &[none], Seen::Waiting);
    }
}

#[test]
fn an_error_after_content_is_not_ours_to_judge() {
    let content = chunk(r#"{"content":"Hi"}"#);
    let mut watch = Watch::new(Dialect::OpenAi);
    watch.push(format!("data: {content}\n\n").as_bytes());
    assert_eq!(watch.push(b"data: {\"error\":\"boom\"}\n\n"), Seen::Content);
    assert_eq!(watch.end(), Seen::Content);
    assert_eq!(watch.seen(), Seen::Content);
    assert!(watch.error().is_empty());
}

#[test]
fn the_error_of_a_stream_can_be_classified() {
    let mut watch = Watch::new(Dialect::Anthropic);
    watch.push(
        b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
    );

    let failure = classify(200, Headers(&[]), watch.error(), NOW_US);
    assert_eq!(failure, Failure::Overloaded { retry_after_us: None });
}

#[test]
fn whole_chats_have_content_or_not() {
    let answer = |message: &str, reason: &str| {
        format!(
            r#"{{"id":"1","object":"chat.completion","choices":[{{"index":0,"message":{message},"finish_reason":"{reason}"}}],"usage":{{"completion_tokens":1}}}}"#
        )
    };
    for (message, reason, expected) in [
        (r#"{"role":"assistant","content":"Hi"}"#, "stop", Seen::Content),
        (r#"{"role":"assistant","content":""}"#, "stop", Seen::Empty),
        (r#"{"role":"assistant","content":null}"#, "stop", Seen::Empty),
        (r#"{"role":"assistant","content":null}"#, "length", Seen::Content),
        (r#"{"role":"assistant","content":null}"#, "content_filter", Seen::Content),
        (r#"{"role":"assistant","content":null,"tool_calls":[]}"#, "tool_calls", Seen::Empty),
        (
            r#"{"content":null,"tool_calls":[{"id":"c","function":{"name":"f"}}]}"#,
            "tool_calls",
            Seen::Content,
        ),
        (r#"{"content":null,"refusal":"no"}"#, "stop", Seen::Content),
    ] {
        whole(Dialect::OpenAi, &answer(message, reason), expected);
    }
    for (body, expected) in [
        (r#"{"id":"1","choices":[]}"#, Seen::Empty),
        (r#"{"id":"1"}"#, Seen::Empty),
        ("{}", Seen::Empty),
        ("", Seen::Empty),
        ("[]", Seen::Empty),
        ("<html>hello</html>", Seen::Empty),
        (r#"{"choices":[{"message":{"content":"Hi"#, Seen::Empty),
        (r#"{"id":"1","choices":[],"message":"ok"}"#, Seen::Empty),
    ] {
        whole(Dialect::OpenAi, body, expected);
    }
}

#[test]
fn a_whole_answer_to_a_request_for_a_stream_is_judged_too() {
    let answer = r#"{"choices":[{"message":{"content":"Hi"}}]}"#;
    check(Dialect::OpenAi, &[answer], Seen::Content);
}

#[test]
fn legacy_completions_have_texts() {
    let text = |text: &str| format!(r#"{{"choices":[{{"text":"{text}","finish_reason":null}}]}}"#);
    events(Dialect::Completions, &[&text(""), &text("Hi")], Seen::Content);
    events(Dialect::Completions, &[&text(""), "[DONE]"], Seen::Empty);
    whole(Dialect::Completions, &text("Hi"), Seen::Content);
    whole(Dialect::Completions, &text(""), Seen::Empty);
    let length = r#"{"choices":[{"text":"","finish_reason":"length"}]}"#;
    whole(Dialect::Completions, length, Seen::Content);
}
