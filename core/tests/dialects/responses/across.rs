//! A client that keeps its own history, as Codex does, goes on with models behind other dialects.

use serde_json::{Value, json};
use tollgate_core::dialect::chat::event::{Reader, Writer as _};
use tollgate_core::dialect::chat::{Conversation, Dropped, Towards};
use tollgate_core::dialect::responses::request;
use tollgate_core::dialect::responses::stream::Writer;
use tollgate_core::dialect::{anthropic, gemini, openai};

use super::{TOWARDS, reply_to, well_formed};
use crate::recordings::exchanges;
use crate::shown;

type Write = fn(&Conversation<'_>, Towards<'_>, &mut Dropped) -> Vec<u8>;

/// Lets a provider's stream be the first turn of a client, answers its calls, and returns what the
/// provider is told in the second turn.
fn next_turn(stream: &[Value], reader: &mut dyn Reader, write: Write, model: &str) -> Value {
    let (mut writer, mut out) = (Writer::new(reply_to()), Vec::new());
    for event in stream {
        let event = format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("x"));
        reader.push(event.as_bytes(), &mut |event| writer.event(&event, &mut out));
    }
    reader.end(&mut |event| writer.event(&event, &mut out));
    let response = well_formed::check(std::str::from_utf8(&out).unwrap()).unwrap();
    assert_eq!(response["status"], "completed");

    let body = serde_json::to_vec(&second_turn(&response)).unwrap();
    let conversation = request::read(&body).unwrap();
    let towards = Towards { model, max_output_tokens: Some(64_000), ..TOWARDS };
    let written = write(&conversation, towards, &mut Dropped::default());
    serde_json::from_slice(&written).unwrap()
}

fn second_turn(response: &Value) -> Value {
    let mut input = vec![json!({"role": "user", "content": "Fix the typo."})];
    let mut results = Vec::new();
    for item in response["output"].as_array().unwrap() {
        let mut item = item.clone();
        // Codex drops the ids of items.
        item.as_object_mut().unwrap().remove("id");
        let result = match item["type"].as_str().unwrap() {
            "function_call" => Some("function_call_output"),
            "custom_tool_call" => Some("custom_tool_call_output"),
            _ => None,
        };
        let call_id = item["call_id"].clone();
        input.push(item);
        results
            .extend(result.map(|kind| json!({"type": kind, "call_id": call_id, "output": "ok"})));
    }
    input.extend(results);
    json!({
        "model": "m",
        "input": input,
        "tools": [
            {"type": "function", "name": "shell", "parameters": {"type": "object"}},
            {"type": "custom", "name": "apply_patch"},
        ],
        "reasoning": {"effort": "high", "summary": "auto"},
        "store": false,
        "include": ["reasoning.encrypted_content"],
    })
}

#[test]
fn anthropic_gets_its_thoughts_and_calls_back() {
    let start = |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    let call =
        |id: &str, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {}});
    let patch = json!({"arguments": "*** Begin \"Patch\"\n"}).to_string();
    let stream = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
            "role": "assistant", "model": "claude", "content": [],
            "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "Where"})),
        delta(0, json!({"type": "thinking_delta", "thinking": " is it?"})),
        delta(0, json!({"type": "signature_delta", "signature": "EqQB+/=="})),
        stop(0),
        start(1, json!({"type": "redacted_thinking", "data": "EmwK"})),
        stop(1),
        start(2, json!({"type": "text", "text": ""})),
        delta(2, json!({"type": "text_delta", "text": "Here."})),
        stop(2),
        start(3, call("toolu_1", "shell")),
        delta(3, json!({"type": "input_json_delta", "partial_json": "{\"command\":[]}"})),
        stop(3),
        start(4, call("toolu_2", "apply_patch")),
        delta(4, json!({"type": "input_json_delta", "partial_json": patch[..9]})),
        delta(4, json!({"type": "input_json_delta", "partial_json": patch[9..]})),
        stop(4),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 30}}),
        json!({"type": "message_stop"}),
    ];

    let mut reader = anthropic::stream::Reader::default();
    let write = anthropic::request::write;
    let body = next_turn(&stream, &mut reader, write, "claude-sonnet-4-5");

    let said = &body["messages"][1]["content"];
    assert_eq!(
        said[0],
        json!({"type": "thinking", "thinking": "Where is it?", "signature": "EqQB+/=="})
    );
    assert_eq!(said[1], json!({"type": "redacted_thinking", "data": "EmwK"}));
    assert_eq!(said[2]["text"], "Here.");
    assert_eq!((&said[3]["id"], &said[3]["name"]), (&json!("toolu_1"), &json!("shell")));
    assert!(body["thinking"]["budget_tokens"].is_u64(), "{body}");
    assert_eq!(said[4]["input"]["arguments"], "*** Begin \"Patch\"\n");
}

#[test]
fn gemini_gets_the_proofs_of_its_calls_back() {
    let parts = json!([
        {"text": "Where is it?", "thought": true},
        {"functionCall": {"name": "shell", "args": {"command": ["ls"]}},
         "thoughtSignature": "AY89a1=="},
        {"functionCall": {"name": "shell", "args": {"command": ["pwd"]}}},
    ]);
    let stream = [json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
        "modelVersion": "gemini-3-pro", "responseId": "r1",
    })];

    let mut reader = gemini::stream::Reader::default();
    let write = gemini::request::write;
    let body = next_turn(&stream, &mut reader, write, "gemini-3-pro-preview");

    let parts = body["contents"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|content| content["parts"].as_array().cloned().unwrap_or_default());
    let calls: Vec<Value> = parts.filter(|part| part["functionCall"].is_object()).collect();
    assert_eq!(calls.len(), 2, "{body}");
    assert_eq!(calls[0]["functionCall"]["args"]["command"], json!(["ls"]));
    assert_eq!(calls[0]["thoughtSignature"], "AY89a1==", "{body}");
}

#[test]
fn recorded_streams_of_others_are_well_formed_and_complete() {
    type Make = fn() -> Box<dyn Reader>;
    let others: [(&str, Make); 3] = [
        ("/chat/completions", || Box::new(openai::chat::stream::Reader::default())),
        ("/messages", || Box::new(anthropic::stream::Reader::default())),
        (":streamGenerateContent", || Box::new(gemini::stream::Reader::default())),
    ];
    for (path_end, reader) in others {
        let answered = exchanges(path_end).into_iter().filter(|exchange| exchange.status == 200);
        for exchange in answered.filter(crate::recordings::Exchange::is_stream) {
            let (mut reader, mut writer) = (reader(), Writer::new(reply_to()));
            let stream = exchange.answer.as_bytes();
            let (events, out) = shown::replay(&mut *reader, &mut writer, stream, 50);
            let response = well_formed::check(&out).unwrap();
            let failed = events.iter().any(|event| event.starts_with("failed"));
            assert_eq!(response["status"] == "failed", failed, "{}", exchange.id);
        }
    }
}
