use serde_json::json;

use super::*;

#[test]
fn a_whole_chat_answer_has_the_fields_of_the_api_in_their_order() {
    let text = whole(&ask("/v1/chat/completions", &chat(&json!({}))));

    in_order(
        &text,
        &[
            "\"id\": \"chatcmpl-",
            "\"object\": \"chat.completion\"",
            "\"created\": 1700000000",
            "\"model\": \"gpt-4o-mini-2024-07-18\"",
            "\"choices\"",
            "\"role\": \"assistant\"",
            "\"refusal\": null",
            "\"annotations\": []",
            "\"logprobs\": null",
            "\"finish_reason\": \"stop\"",
            "\"usage\"",
            "\"prompt_tokens_details\"",
            "\"completion_tokens_details\"",
            "\"service_tier\"",
            "\"system_fingerprint\"",
        ],
    );
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["usage"]["prompt_tokens"], 3 + 3 + 2);
    assert_eq!(answer["usage"]["completion_tokens"], 16);
    assert_eq!(answer["usage"]["total_tokens"], 24);
}

#[test]
fn a_stream_begins_with_the_role_and_ends_with_done() {
    let chunks = stream_of(&chat(&json!({ "stream": true, "max_tokens": 2 })));

    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({ "content": "Hello" }));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks.len(), 4);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn usage_comes_in_a_chunk_of_its_own_when_asked_for() {
    let asked = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let chunks = stream_of(&chat(&asked));

    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 16);
}

#[test]
fn usage_can_be_volunteered_or_withheld() {
    let streamed = chat(&json!({ "stream": true }));
    let volunteered = script(|script| script.usage = Usage::Always);
    let withheld = script(|script| script.usage = Usage::Never);

    let chunks = events(&scripted(&streamed, &volunteered));
    assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 24);
    assert!(!whole(&scripted(&chat(&json!({})), &withheld)).contains("usage"));
}

#[test]
fn calls_the_tool_when_told_to() {
    let tools = json!([{ "type": "function", "function": { "name": "get_weather", "parameters": {
        "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"],
    } } }]);
    let request = json!({ "tools": tools, "tool_choice": "required" });

    let answer: Value =
        serde_json::from_str(&whole(&ask("/v1/chat/completions", &chat(&request)))).unwrap();
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_weather");
    assert_eq!(call["function"]["arguments"], r#"{"city":"Paris"}"#);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");

    let mut streamed = request;
    streamed["stream"] = json!(true);
    let arguments: String = stream_of(&chat(&streamed))
        .iter()
        .filter_map(|chunk| {
            chunk.pointer("/choices/0/delta/tool_calls/0/function/arguments")?.as_str()
        })
        .collect();
    assert_eq!(arguments, r#"{"city":"Paris"}"#);
}

#[test]
fn legacy_completions_are_answered_whole_and_streamed() {
    let mut request =
        json!({ "model": "gpt-3.5-turbo-instruct", "prompt": "Say hi", "max_tokens": 3 });
    let answer: Value = serde_json::from_str(&whole(&ask("/v1/completions", &request))).unwrap();
    assert_eq!(answer["choices"][0]["text"], "Hello! I");
    assert_eq!(
        answer["usage"],
        json!({ "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5 })
    );

    request["stream"] = json!(true);
    let chunks = events(&ask("/v1/completions", &request));
    assert_eq!(chunks[0]["choices"][0]["text"], "Hello");
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "length");
}

#[test]
fn embeddings_are_the_same_in_both_encodings() {
    let input = json!(["one", "two words"]);
    let mut request = json!({ "model": "text-embedding-3-small", "input": input, "dimensions": 3 });
    let floats: Value = serde_json::from_str(&whole(&ask("/v1/embeddings", &request))).unwrap();
    request["encoding_format"] = json!("base64");
    let packed: Value = serde_json::from_str(&whole(&ask("/v1/embeddings", &request))).unwrap();

    assert_eq!(floats["usage"], json!({ "prompt_tokens": 3, "total_tokens": 3 }));
    assert_eq!(floats["data"].as_array().unwrap().len(), 2);
    let first: Vec<f64> = floats["data"][1]["embedding"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        packed["data"][1]["embedding"].as_str().unwrap(),
    )
    .unwrap();
    let same = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    assert!(same.zip(&first).all(|(packed, listed)| (f64::from(packed) - listed).abs() < 1e-6));
}

#[test]
fn texts_with_an_angle_are_as_similar_as_they_say() {
    let input = json!(["@0 what is it?", "@60 something else", "@0 tell me what it is"]);
    let request = json!({ "model": "text-embedding-3-small", "input": input });
    let answer: Value = serde_json::from_str(&whole(&ask("/v1/embeddings", &request))).unwrap();
    let vector = |index: usize| -> Vec<f64> {
        let numbers = answer["data"][index]["embedding"].as_array().unwrap();
        numbers.iter().filter_map(Value::as_f64).collect()
    };
    let similarity = |one: usize, other: usize| -> f64 {
        vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum()
    };

    assert!((similarity(0, 1) - 0.5).abs() < 1e-6);
    assert!((similarity(0, 2) - 1.0).abs() < 1e-6);
}

#[test]
fn refuses_like_the_api() {
    let cases = [
        (post("/v1/chat/completions", "{\"model\":"), 400, "could not parse the JSON"),
        (post("/v1/chat/completions", "{}"), 400, "you must provide a model parameter"),
        (post("/v1/chat/completions", r#"{"model":"gpt-4o"}"#), 400, "'messages'"),
        (post("/v1/chat/completions", r#"{"model":"x"}"#), 404, "model_not_found"),
        (post("/v1/elsewhere", "{}"), 404, "Invalid URL (POST /v1/elsewhere)"),
    ];
    for (request, status, message) in cases {
        let answer = answer(&request, &Script::default(), &provider(None));
        assert_eq!(answer.status, status);
        assert!(whole(&answer).contains(message), "{}", whole(&answer));
    }
}

#[test]
fn demands_its_key() {
    let mut request = post("/v1/models", "");
    request.method = "GET".to_owned();
    let status =
        |request: &Request| answer(request, &Script::default(), &provider(Some("secret"))).status;

    assert_eq!(status(&request), 401);
    request.headers = vec![("Authorization".to_owned(), Bytes::from_static(b"Bearer wrong"))];
    assert_eq!(status(&request), 401);
    request.headers = vec![("authorization".to_owned(), Bytes::from_static(b"Bearer secret"))];
    assert_eq!(status(&request), 200);
}

#[test]
fn ids_never_come_again() {
    let ids: std::collections::BTreeSet<String> =
        (0..10_000).map(|seed| id("chatcmpl-", seed, 29)).collect();

    assert_eq!(ids.len(), 10_000);
}

fn chat(more: &Value) -> Value {
    let mut request = json!({
        "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "Hello!" }],
    });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn ask(path: &str, body: &Value) -> Answer {
    answer(&post(path, &body.to_string()), &Script::default(), &provider(None))
}

fn scripted(body: &Value, script: &Script) -> Answer {
    answer(&post("/v1/chat/completions", &body.to_string()), script, &provider(None))
}

fn script(edit: impl FnOnce(&mut Script)) -> Script {
    let mut script = Script::default();
    edit(&mut script);
    script
}

fn post(path: &str, body: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        target: path.to_owned(),
        headers: Vec::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        trailers: Vec::new(),
    }
}

fn provider(api_key: Option<&str>) -> Provider<'_> {
    static MODELS: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| crate::DEMO_MODELS.map(str::to_owned).to_vec());
    Provider { api_key, models: &MODELS, now: 1_700_000_000, seed: 7 }
}

fn whole(answer: &Answer) -> String {
    let Body::Whole(body) = &answer.body else { panic!("a stream") };
    String::from_utf8(body.to_vec()).unwrap()
}

fn stream_of(request: &Value) -> Vec<Value> {
    events(&ask("/v1/chat/completions", request))
}

/// Parses the chunks of a stream and takes the closing `[DONE]` off.
fn events(answer: &Answer) -> Vec<Value> {
    let Body::Events(events) = &answer.body else { panic!("not a stream: {answer:?}") };
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done.bytes, "data: [DONE]\n\n");
    chunks
        .iter()
        .map(|event| {
            let data = event.bytes.strip_prefix(b"data: ").unwrap();
            serde_json::from_slice(data.strip_suffix(b"\n\n").unwrap()).unwrap()
        })
        .collect()
}

#[track_caller]
fn in_order(text: &str, needles: &[&str]) {
    let mut rest = text;
    for needle in needles {
        let place = rest.find(needle).unwrap_or_else(|| panic!("no {needle} in {rest}"));
        rest = &rest[place + needle.len()..];
    }
}
