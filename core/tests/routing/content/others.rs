//! All other dialects.

use tollgate_core::dialect::Dialect;
use tollgate_core::routing::content::Seen;

use super::{check, events, lines, whole};

#[test]
fn vectors_are_content() {
    for (dialect, body, expected) in [
        (Dialect::OpenAi, r#"{"object":"list","data":[{"embedding":[0.1]}]}"#, Seen::Content),
        (Dialect::OpenAi, r#"{"object":"list","data":[]}"#, Seen::Empty),
        (Dialect::Responses, r#"{"object":"list","data":[{"embedding":[0.1]}]}"#, Seen::Content),
        (Dialect::Gemini, r#"{"embeddings":[{"values":[0.1]}]}"#, Seen::Content),
        (Dialect::Gemini, r#"{"embedding":{"values":[0.1]}}"#, Seen::Content),
        (Dialect::Gemini, r#"{"embeddings":[]}"#, Seen::Empty),
        (Dialect::Ollama, r#"{"embeddings":[[0.1]]}"#, Seen::Content),
        (Dialect::Ollama, r#"{"embedding":[]}"#, Seen::Empty),
    ] {
        whole(dialect, body, expected);
    }
}

#[test]
fn responses_streams_have_content_with_their_first_delta_or_call() {
    let created = r#"{"type":"response.created","response":{"status":"in_progress","output":[]}}"#;
    let item = |item: &str| format!(r#"{{"type":"response.output_item.added","item":{item}}}"#);
    let message = item(r#"{"type":"message","content":[]}"#);
    let reasoning = item(r#"{"type":"reasoning","summary":[]}"#);
    let before = [created, &reasoning, &message];
    events(Dialect::Responses, &before, Seen::Waiting);
    for (event, expected) in [
        (r#"{"type":"response.output_text.delta","delta":"Hi"}"#, Seen::Content),
        (r#"{"type":"response.output_text.delta","delta":""}"#, Seen::Waiting),
        (r#"{"type":"response.refusal.delta","delta":"no"}"#, Seen::Content),
        (r#"{"type":"response.reasoning_summary_text.delta","delta":"We"}"#, Seen::Content),
        (r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#, Seen::Content),
        (r#"{"type":"response.image_generation_call.partial_image"}"#, Seen::Content),
        (
            r#"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#,
            Seen::Waiting,
        ),
        (r#"{"type":"response.incomplete","response":{"output":[]}}"#, Seen::Content),
        (r#"{"type":"response.failed","response":{"error":{"code":"server_error"}}}"#, Seen::Error),
        (r#"{"type":"error","code":"rate_limit_exceeded","message":"x"}"#, Seen::Error),
        (r#"{"type":"response.completed","response":{"output":[]}}"#, Seen::Empty),
        (
            r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]}}"#,
            Seen::Content,
        ),
        (
            r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[]}],"usage":{"output_tokens":70,"output_tokens_details":{"reasoning_tokens":64}}}}"#,
            Seen::Content,
        ),
    ] {
        events(Dialect::Responses, &[created, &reasoning, &message, event], expected);
    }
    let call = item(r#"{"type":"function_call","name":"f","arguments":""}"#);
    events(Dialect::Responses, &[created, &call], Seen::Content);
}

#[test]
fn whole_responses_have_content_or_not() {
    let answer = |status: &str, output: &str| {
        format!(r#"{{"object":"response","status":"{status}","error":null,"output":{output}}}"#)
    };
    let said = r#"[{"type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}]"#;
    let empty = r#"[{"type":"reasoning","id":"rs","summary":[]},{"type":"message","status":"completed","content":[{"type":"output_text","text":"","annotations":[]}]}]"#;
    for (status, output, expected) in [
        ("completed", said, Seen::Content),
        ("completed", empty, Seen::Empty),
        ("completed", "[]", Seen::Empty),
        ("completed", r#"[{"type":"function_call","name":"f"}]"#, Seen::Content),
        ("incomplete", "[]", Seen::Content),
        ("queued", "[]", Seen::Content),
        ("failed", "[]", Seen::Error),
    ] {
        whole(Dialect::Responses, &answer(status, output), expected);
    }
    whole(Dialect::Responses, r#"{"error":{"message":"x"}}"#, Seen::Error);
}

const START: &str =
    r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"output_tokens":1}}}"#;

#[test]
fn messages_have_content_with_their_first_delta_or_call() {
    let text =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let thinking = r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#;
    let delta =
        |delta: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
    let ping = r#"{"type": "ping"}"#;
    events(Dialect::Anthropic, &[START, text, ping], Seen::Waiting);
    for (event, expected) in [
        (r#"{"type":"text_delta","text":"Hi"}"#, Seen::Content),
        (r#"{"type":"text_delta","text":""}"#, Seen::Waiting),
        (r#"{"type":"thinking_delta","thinking":"We"}"#, Seen::Content),
        (r#"{"type":"signature_delta","signature":"Eq"}"#, Seen::Waiting),
        (r#"{"type":"input_json_delta","partial_json":"{"}"#, Seen::Content),
    ] {
        events(Dialect::Anthropic, &[START, thinking, &delta(event)], expected);
    }
    for block in [
        r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#,
        r#"{"type":"redacted_thinking","data":"Em"}"#,
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
    ] {
        let start =
            format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#);
        events(Dialect::Anthropic, &[START, &start], Seen::Content);
    }
}

#[test]
fn messages_that_stop_are_judged_by_their_reason() {
    let stop = |reason: &str, tokens: u64| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"output_tokens":{tokens}}}}}"#
        )
    };
    let end = r#"{"type":"message_stop"}"#;
    events(Dialect::Anthropic, &[START, &stop("end_turn", 3), end], Seen::Empty);
    events(Dialect::Anthropic, &[START, &stop("end_turn", 90), end], Seen::Content);
    events(Dialect::Anthropic, &[START, end], Seen::Empty);
    for reason in ["max_tokens", "refusal", "pause_turn", "stop_sequence"] {
        events(Dialect::Anthropic, &[START, &stop(reason, 1)], Seen::Content);
    }
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    events(Dialect::Anthropic, &[START, error], Seen::Error);
}

#[test]
fn whole_messages_have_content_or_not() {
    let answer = |content: &str, stop: &str| {
        format!(
            r#"{{"type":"message","role":"assistant","content":{content},"stop_reason":"{stop}","usage":{{"output_tokens":2}}}}"#
        )
    };
    for (content, stop, expected) in [
        (r#"[{"type":"text","text":"Hi"}]"#, "end_turn", Seen::Content),
        ("[]", "end_turn", Seen::Empty),
        (r#"[{"type":"text","text":""}]"#, "end_turn", Seen::Empty),
        ("[]", "max_tokens", Seen::Content),
        ("[]", "refusal", Seen::Content),
        (r#"[{"type":"tool_use","id":"t","name":"f","input":{}}]"#, "tool_use", Seen::Content),
    ] {
        whole(Dialect::Anthropic, &answer(content, stop), expected);
    }
    whole(Dialect::Anthropic, r#"{"type":"error","error":{"type":"api_error"}}"#, Seen::Error);
    whole(Dialect::Anthropic, r#"{"message":"no Route matched"}"#, Seen::Error);
    whole(Dialect::Anthropic, "{}", Seen::Empty);
}

#[test]
fn gemini_has_content_with_its_first_part() {
    let part = |part: &str| {
        format!(r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":0}}]}}"#)
    };
    for (of, expected) in [
        (r#"{"text":"Hi"}"#, Seen::Content),
        (r#"{"text":""}"#, Seen::Waiting),
        (r#"{"text":"We","thought":true}"#, Seen::Content),
        (r#"{"text":"","thoughtSignature":"Eq"}"#, Seen::Waiting),
        (r#"{"functionCall":{"name":"f","args":{}}}"#, Seen::Content),
        (r#"{"inlineData":{"mimeType":"image/png","data":"AA"}}"#, Seen::Content),
        (r#"{"executableCode":{"language":"PYTHON","code":"1"}}"#, Seen::Content),
    ] {
        events(Dialect::Gemini, &[&part(of)], expected);
        let array = [&format!("[{}", part(r#"{"text":""}"#)), &format!(",\r\n{}", part(of))]
            .map(String::clone);
        check(Dialect::Gemini, &[&array[0], &array[1]], expected);
    }
}

#[test]
fn gemini_that_stops_is_judged_by_its_reason() {
    let stop = |reason: &str, thoughts: u64| {
        format!(
            r#"{{"candidates":[{{"content":{{"role":"model"}},"finishReason":"{reason}"}}],"usageMetadata":{{"promptTokenCount":4,"thoughtsTokenCount":{thoughts}}}}}"#
        )
    };
    for reason in ["MAX_TOKENS", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"] {
        whole(Dialect::Gemini, &stop(reason, 0), Seen::Content);
        events(Dialect::Gemini, &[&stop(reason, 0)], Seen::Content);
    }
    for reason in ["STOP", "MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"] {
        whole(Dialect::Gemini, &stop(reason, 0), Seen::Empty);
    }
    whole(Dialect::Gemini, &stop("STOP", 120), Seen::Content);
    whole(Dialect::Gemini, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, Seen::Content);
    whole(Dialect::Gemini, r#"{"promptFeedback":{},"candidates":[]}"#, Seen::Empty);
    whole(Dialect::Gemini, "[]", Seen::Empty);
    let error = r#"{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}"#;
    events(Dialect::Gemini, &[error], Seen::Error);
    whole(Dialect::Gemini, &format!("[{error}]"), Seen::Error);
}

#[test]
fn ollama_has_content_with_its_first_line_that_says_something() {
    let role = r#"{"model":"m","message":{"role":"assistant","content":""},"done":false}"#;
    for (line, expected) in [
        (r#"{"message":{"role":"assistant","content":"Hi"},"done":false}"#, Seen::Content),
        (r#"{"message":{"content":"","thinking":"We"},"done":false}"#, Seen::Content),
        (r#"{"message":{"content":"","tool_calls":[{"function":{"name":"f"}}]}}"#, Seen::Content),
        (
            r#"{"message":{"content":""},"done":true,"done_reason":"stop","eval_count":1}"#,
            Seen::Empty,
        ),
        (
            r#"{"message":{"content":""},"done":true,"done_reason":"stop","eval_count":40}"#,
            Seen::Content,
        ),
        (r#"{"message":{"content":""},"done":true,"done_reason":"length"}"#, Seen::Content),
        (r#"{"message":{"content":""},"done":true,"done_reason":"load"}"#, Seen::Content),
        (r#"{"error":"unexpected EOF"}"#, Seen::Error),
        (r#"{"message":"API rate limit exceeded"}"#, Seen::Error),
    ] {
        lines(&[role, line], expected);
    }
    whole(Dialect::OllamaGenerate, r#"{"response":"Hi","done":true}"#, Seen::Content);
    whole(Dialect::OllamaGenerate, r#"{"response":"","done":true}"#, Seen::Empty);
    whole(Dialect::OllamaGenerate, r#"{"response":"","thinking":"We","done":true}"#, Seen::Content);
}
