//! Recorded traffic with Gemini and Vertex.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_core::dialect::chat::{Conversation, Format, ToolKind};
use tollgate_core::dialect::gemini::{count, error, request, schema, stream};

use super::{answered, events, frames, passed, rewritten, to};
use crate::recordings::{Exchange, exchanges, lost};

const PATHS: [&str; 2] = [":generateContent", ":streamGenerateContent"];

fn generated() -> impl Iterator<Item = Exchange> {
    PATHS.into_iter().flat_map(exchanges)
}

#[test]
fn requests_come_back_whole() {
    for Exchange { id, request: mut body, .. } in generated() {
        in_the_usual_alphabet(&mut body);
        let written = rewritten(&body);
        assert_eq!(lost(&body, &written), Vec::<String>::new(), "{id}");
        assert_eq!(rewritten(&written), written, "{id}");
        let (text, again) = (body.to_string(), written.to_string());
        let before = request::read(text.as_bytes()).unwrap();
        let after = request::read(again.as_bytes()).unwrap();
        assert_eq!(meaning(before), meaning(after), "{id}");
    }
}

/// Media are written in the usual alphabet of base64, which clients of Gemini need not use.
fn in_the_usual_alphabet(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.pointer_mut("/data") {
                    Some(Value::String(data)) if name == "inlineData" || name == "inline_data" => {
                        *data = data.replace('-', "+").replace('_', "/");
                    }
                    _ => in_the_usual_alphabet(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_the_usual_alphabet),
        _ => {}
    }
}

#[test]
fn schemas_reach_other_dialects_as_json_schemas() {
    for Exchange { id, request: body, .. } in generated() {
        let text = body.to_string();
        let plain = schema::plain(text.as_bytes());
        let conversation = request::read(&plain).unwrap();
        let tools = conversation.tools.iter().filter_map(|tool| match &tool.kind {
            ToolKind::Function { parameters, .. } => *parameters,
            ToolKind::Other(..) => None,
        });
        let format = match &conversation.format {
            Some(Format::Schema { schema, .. }) => Some(*schema),
            Some(Format::Json) | None => None,
        };
        for schema in tools.chain(format) {
            let schema: Value = serde_json::from_slice(schema.raw()).unwrap();
            let kind = schema["type"].as_str().unwrap_or("object");
            assert_eq!(kind, kind.to_ascii_lowercase(), "{id}");
        }
    }
}

#[test]
fn answers_come_back_whole() {
    for exchange in generated().filter(|it| !it.is_stream() && it.status == 200) {
        let id = &exchange.id;
        let mut body: Value = serde_json::from_str(&exchange.answer).unwrap();
        let mut written = answered(&body);
        assert_eq!(answered(&written), written, "{id}");
        for name in
            ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"]
        {
            let before = body["usageMetadata"][name].as_u64();
            assert_eq!(
                before,
                written["usageMetadata"][name].as_u64().filter(|_| before.is_some())
            );
        }
        // How text and images were counted apart has no price.
        body["modelVersion"] = json!("mine");
        (body["usageMetadata"], written["usageMetadata"]) = (Value::Null, Value::Null);
        assert_eq!(lost(&body, &written), Vec::<String>::new(), "{id}");
    }
}

#[test]
fn streams_say_the_same_in_any_pieces() {
    for Exchange { id, answer, .. } in generated().filter(Exchange::is_stream) {
        let stream = answer.as_bytes();
        let whole = events(stream, stream.len());
        assert_eq!(whole.last().map(String::as_str), Some("End"), "{id}");
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(events(stream, size), whole, "{id} in pieces of {size}");
        }
    }
}

#[test]
fn streams_reach_clients_as_they_were_meant() {
    for Exchange { id, answer, .. } in generated().filter(Exchange::is_stream) {
        let stream = answer.as_bytes();
        let sse = passed(stream, 5, stream::Writer::new(to()));
        let array: Value =
            serde_json::from_str(&passed(stream, 64, stream::Writer::array(to()))).unwrap();
        assert_eq!(json!(frames(&sse)), array, "{id}");
        assert_eq!(facts(&frames(&sse)), facts(&frames(&answer)), "{id}");
        assert_eq!(events(sse.as_bytes(), 9).last().unwrap(), "End", "{id}");
    }
}

#[test]
fn questions_for_counts_are_read() {
    for Exchange { id, request, status, answer, .. } in exchanges(":countTokens") {
        count::read(request.to_string().as_bytes()).unwrap();
        let counted = count::read_answer(answer.as_bytes());
        assert_eq!(counted.is_some(), status == 200, "{id}");
    }
}

#[test]
fn errors_are_read() {
    for Exchange { id, status, answer, .. } in generated().filter(|it| it.status != 200) {
        let failure = error::read(status, answer.as_bytes());
        assert_eq!(failure.status, status, "{id}");
        assert!(failure.message.contains("is not found"), "{id}: {failure:?}");
        let again = error::read(status, &error::write(&failure));
        assert_eq!(again.kind, failure.kind, "{id}");
    }
}

/// What a stream says in all: text, thoughts, calls, reason, tokens.
fn facts(frames: &[Value]) -> BTreeMap<&'static str, Vec<Value>> {
    let mut facts = BTreeMap::<_, Vec<Value>>::new();
    let (mut text, mut thought) = (String::new(), String::new());
    for frame in frames {
        for candidate in frame["candidates"].as_array().into_iter().flatten() {
            for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                let said = if part["thought"] == json!(true) { &mut thought } else { &mut text };
                said.push_str(part["text"].as_str().unwrap_or_default());
                for name in ["functionCall", "thoughtSignature", "executableCode"] {
                    facts.entry(name).or_default().extend(part.get(name).cloned());
                }
            }
            for name in ["finishReason", "groundingMetadata"] {
                facts.entry(name).or_default().extend(candidate.get(name).cloned());
            }
        }
        let usage = &frame["usageMetadata"];
        if usage.is_object() {
            let counts = ["promptTokenCount", "totalTokenCount", "thoughtsTokenCount"]
                .map(|name| usage[name].clone());
            facts.insert("usage", counts.to_vec());
        }
    }
    facts.insert("text", vec![text.into(), thought.into()]);
    facts
}

/// Takes away how it was written.
fn meaning(mut conversation: Conversation<'_>) -> String {
    conversation.reasoning.written = None;
    conversation.extras.sort_by(|a, b| a.0.cmp(&b.0));
    format!("{conversation:?}")
}
