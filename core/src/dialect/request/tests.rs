//! Facts and edits of bodies.

use super::*;
use crate::path::{Named, Route};

fn call(endpoint: Endpoint) -> Call {
    Call { endpoint, named: None, route: Route::default() }
}

fn chat(body: &str) -> Result<Request, Refusal> {
    read(&call(Endpoint::ChatCompletions), body.as_bytes())
}

#[track_caller]
fn check_edit(body: &str, expected: &str) {
    let request = chat(body).unwrap();
    let edited = request.edits(body.as_bytes(), "real", true, None).apply(body.as_bytes());
    assert_eq!(String::from_utf8(edited).unwrap(), expected);
}

#[test]
fn reads_the_facts() {
    let request = chat(
        r#"{"messages":[], "mod\u0065l":"a/b", "stream":true, "user":"u\n1", "max_tokens":5,
        "max_completion_tokens":7, "metadata":{"tags":["x","y",3]}, "stream_options":
        {"include_usage":true}, "unknown":{"model":"no"}}"#,
    )
    .unwrap();

    assert_eq!(request.model, "a/b");
    assert!(request.stream && request.include_usage);
    assert_eq!(request.max_tokens, Some(7));
    assert_eq!(request.user.as_deref(), Some("u\n1"));
    assert_eq!(request.tags, ["x", "y"]);
}

#[test]
fn replaces_the_model_and_no_other_byte() {
    check_edit(
        "{ \"temperature\": 1.0e0,\n\t\"model\" : \"a\\u0062\" ,\"messages\":[ ] , \"é\":\"\\/\" } ",
        "{ \"temperature\": 1.0e0,\n\t\"model\" : \"real\" ,\"messages\":[ ] , \"é\":\"\\/\" } ",
    );
    check_edit(
        r#"{"model":"a","messages":[{"model":"a"}],"model":"b"}"#,
        r#"{"model":"real","messages":[{"model":"a"}],"model":"real"}"#,
    );
    check_edit(
        r#"{"model":"forbidden","messages":[],"model":"real"}"#,
        r#"{"model":"real","messages":[],"model":"real"}"#,
    );
}

#[test]
fn asks_for_usage_once() {
    check_edit(
        r#"{"messages":[],"model":"a","stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
    );
    check_edit(
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check_edit(
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":false}}"#,
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
    );
    check_edit(
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{ "x":1}}"#,
        r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true, "x":1}}"#,
    );
    check_edit(
        r#"{"stream_options":{},"messages":[],"model":"real","stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
    );
    check_edit(
        r#"{"stream_options":null,"messages":[],"model":"a","stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
    );
}

#[test]
fn does_not_ask_when_nothing_is_streamed() {
    check_edit(r#"{"messages":[],"model":"real"}"#, r#"{"messages":[],"model":"real"}"#);
}

#[test]
fn names_the_field_that_is_wrong() {
    let wrong = |field, expected| Err(Refusal::InvalidField { field, expected });
    assert_eq!(chat(r#"{"messages":[]}"#), Err(Refusal::MissingField("model")));
    assert_eq!(chat(r#"{"model":"a"}"#), Err(Refusal::MissingField("messages")));
    assert_eq!(chat(r#"{"model":1,"messages":[]}"#), wrong("model", "a model's name"));
    assert_eq!(chat(r#"{"model":"a","messages":"x"}"#), wrong("messages", "an array"));
    assert_eq!(
        chat(r#"{"model":"a","messages":[],"stream":"yes"}"#),
        wrong("stream", "true or false")
    );
    assert_eq!(
        read(&call(Endpoint::Embeddings), br#"{"model":"a"}"#),
        Err(Refusal::MissingField("input"))
    );
    assert!(read(&call(Endpoint::Completions), br#"{"model":"a"}"#).is_ok());
}

#[test]
fn a_model_is_supplied_when_the_client_names_none() {
    let cases = [
        (r#"{"messages":[]}"#, r#"{"model":"d/\"","messages":[]}"#),
        ("{ \n\"messages\" : [ ] }", "{\"model\":\"d/\\\"\", \n\"messages\" : [ ] }"),
        (r#"{"messages":[],"model":null}"#, r#"{"messages":[],"model":"d/\""}"#),
        (r#"{"model": "" ,"messages":[]}"#, r#"{"model": "d/\"" ,"messages":[]}"#),
    ];
    for (body, expected) in cases {
        let call = call(Endpoint::ChatCompletions);
        let (request, read) = read_or_supply(&call, body.as_bytes().into(), "d/\"").unwrap();
        assert_eq!(std::str::from_utf8(&read).unwrap(), expected);
        assert_eq!(request.model, "d/\"");
    }
}

#[test]
fn no_model_is_supplied_in_the_place_of_another() {
    let chat = call(Endpoint::ChatCompletions);
    let unnamed = &br#"{"messages":[]}"#[..];
    let missing = Err(Refusal::MissingField("model"));
    assert_eq!(read_or_supply(&chat, unnamed.into(), "").map(|it| it.0), missing);
    assert_eq!(read_or_supply(&chat, b"{}"[..].into(), "d").map(|it| it.0), missing);
    let wrong = Refusal::InvalidField { field: "model", expected: "a model's name" };
    for body in [r#"{"model":1,"messages":[]}"#, r#"{"model":["a"],"messages":[]}"#] {
        assert_eq!(
            read_or_supply(&chat, body.as_bytes().into(), "d").map(|it| it.0),
            Err(wrong.clone())
        );
    }
    let named = &br#"{"model":"a","messages":[]}"#[..];
    let (request, body) = read_or_supply(&chat, named.into(), "d").unwrap();
    assert!(request.model == "a" && matches!(body, Cow::Borrowed(_)));
}

#[test]
fn geminis_clients_name_no_model_in_the_path() {
    let named = Some(Named { model: String::new(), stream: true, sse: true });
    let call = Call { named, ..call(Endpoint::GenerateContent) };
    let body = &br#"{"contents":[]}"#[..];

    let (request, read) = read_or_supply(&call, body.into(), "d").unwrap();

    assert_eq!((&*request.model, request.stream, &*read), ("d", true, body));
}

#[test]
fn tells_what_is_not_json() {
    for body in ["", "[]", "{", "{\"model\":\"a\",}", "null"] {
        assert!(matches!(chat(body), Err(Refusal::InvalidJson(_))), "{body}");
    }
    let not_utf8 = read(&call(Endpoint::ChatCompletions), b"{\"model\":\"\xff\"}");
    assert!(matches!(not_utf8, Err(Refusal::InvalidJson(_))));
}

#[track_caller]
fn check_cap(call: &Call, body: &str, expected: &str) {
    let request = read(call, body.as_bytes()).unwrap();
    let cap = Cap { field: "max_tokens", tokens: 9 };
    let edited = request.edits(body.as_bytes(), "real", true, Some(cap)).apply(body.as_bytes());
    assert_eq!(String::from_utf8(edited).unwrap(), expected);
}

#[test]
fn caps_answers_where_each_dialect_has_its_cap() {
    let messages = call(Endpoint::Messages);
    check_cap(
        &messages,
        r#"{"model":"a","max_tokens":70,"messages":[],"stream":true}"#,
        r#"{"model":"real","max_tokens":9,"messages":[],"stream":true}"#,
    );
    check_cap(
        &call(Endpoint::Responses),
        r#"{"model":"a","stream":true}"#,
        r#"{"max_output_tokens":9,"model":"real","stream":true}"#,
    );
    let named = Some(Named { model: "a".into(), stream: true, sse: true });
    let gemini = Call { named, ..call(Endpoint::GenerateContent) };
    check_cap(
        &gemini,
        r#"{"contents":[]}"#,
        r#"{"generationConfig":{"maxOutputTokens":9},"contents":[]}"#,
    );
    check_cap(
        &gemini,
        r#"{"contents":[],"generationConfig":{"topK":1}}"#,
        r#"{"contents":[],"generationConfig":{"maxOutputTokens":9,"topK":1}}"#,
    );
    check_cap(
        &call(Endpoint::OllamaChat),
        r#"{"model":"a","messages":[],"options":{"num_predict":-1}}"#,
        r#"{"model":"real","messages":[],"options":{"num_predict":9}}"#,
    );
}

#[test]
fn reads_what_each_dialect_says_in_its_own_way() {
    let body = br#"{"model":"m","messages":[],"max_tokens":5,"metadata":{"user_id":"u"}}"#;
    let request = read(&call(Endpoint::Messages), body).unwrap();
    assert_eq!((request.user.as_deref(), request.max_tokens), (Some("u"), Some(5)));
    assert!(request.include_usage && !request.stream);

    let request = read(&call(Endpoint::OllamaChat), br#"{"model":"m","messages":[]}"#).unwrap();
    assert!(request.stream, "Ollama streams unless it is told not to");

    let named = Some(Named { model: "m".into(), stream: false, sse: false });
    let gemini = Call { named, ..call(Endpoint::GenerateContent) };
    let body = br#"{"contents":[],"generation_config":{"candidate_count":2,"maxOutputTokens":7}}"#;
    let request = read(&gemini, body).unwrap();
    assert_eq!((&*request.model, request.choices, request.max_tokens), ("m", 2, Some(7)));
    assert_eq!(read(&gemini, b"{}"), Err(Refusal::MissingField("contents")));
}
