//! `/v1/chat/completions`.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::{Generation, arguments};
use super::{
    Answer, Bill, Error, Event, Provider, StreamUsage, dated, event, id, is_streamed, json, model,
    stream,
};
use crate::counts::Tokens;
use crate::script::{Script, Usage};
use crate::tokens;

/// Answers a conversation, whole or streamed.
pub(super) fn answer(
    body: &Value,
    script: &Script,
    provider: &Provider<'_>,
) -> Result<Answer, Error> {
    let model = model(body, provider)?;
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| Error::missing("messages"))?;
    let choices = body.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, 8);
    let speech = match chosen_tool(body, messages, script) {
        Some(function) => Speech::Tool(Call::of(function, provider.seed)),
        None => Speech::Text(Generation::of(body, script)),
    };
    let tokens = Tokens {
        answers: 1,
        prompt: tokens::chat_prompt(messages, body.get("tools")),
        completion: speech.count() * choices,
    };
    let bill = Bill { model: model.to_owned(), tokens };
    let envelope = Envelope {
        id: id("chatcmpl-", provider.seed, 29),
        created: provider.now,
        model: Value::from(dated(model)).to_string(),
        choices,
    };
    Ok(if is_streamed(body) {
        let usage = StreamUsage::of(body, script);
        stream(events(&envelope, &speech, &bill.tokens, usage), bill)
    } else {
        json(whole(&envelope, &speech, &bill.tokens, script.usage), Some(bill))
    })
}

struct Envelope {
    id: String,
    created: u64,
    /// As JSON.
    model: String,
    choices: u64,
}

enum Speech {
    Text(Generation),
    Tool(Call),
}

struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Call {
    fn of(function: &Value, seed: u64) -> Self {
        Self {
            id: id("call_", seed ^ 1, 24),
            name: function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            arguments: arguments(function),
        }
    }
}

impl Speech {
    fn count(&self) -> u64 {
        match self {
            Self::Text(generation) => generation.count(),
            Self::Tool(call) => tokens::text(&call.name) + tokens::text(&call.arguments),
        }
    }

    fn finish_reason(&self) -> &'static str {
        match self {
            Self::Text(generation) => generation.finish_reason,
            Self::Tool(_) => "tool_calls",
        }
    }
}

/// Finds the function to call: the one that `tool_choice` names, or the first when a call is
/// required, scripted, or asked for in words.
fn chosen_tool<'a>(body: &'a Value, messages: &[Value], script: &Script) -> Option<&'a Value> {
    let tools = body.get("tools")?.as_array()?;
    let mut functions = tools.iter().filter_map(|tool| tool.get("function"));
    let choice = body.get("tool_choice");
    if let Some(name) = choice.and_then(|choice| choice.pointer("/function/name")) {
        return functions.find(|function| function.get("name") == Some(name));
    }
    let required = choice.and_then(Value::as_str) == Some("required");
    let forbidden = choice.and_then(Value::as_str) == Some("none");
    let asked = messages.last().is_some_and(|message| {
        let content = message.get("content").map(ToString::to_string).unwrap_or_default();
        message.get("role").and_then(Value::as_str) == Some("user")
            && content.to_lowercase().contains("use the tool")
    });
    if !forbidden && (required || script.tool || asked) { functions.next() } else { None }
}

fn whole(envelope: &Envelope, speech: &Speech, tokens: &Tokens, usage: Usage) -> String {
    let Envelope { id, created, model, choices } = envelope;
    let message = match speech {
        Speech::Text(generation) => format!(
            "\"role\": \"assistant\",\n        \"content\": {},\n        \"refusal\": null,\n        \
             \"annotations\": []",
            Value::from(generation.text())
        ),
        Speech::Tool(Call { id, name, arguments }) => format!(
            "\"role\": \"assistant\",\n        \"content\": null,\n        \"tool_calls\": [\n          \
             {{\n            \"id\": \"{id}\",\n            \"type\": \"function\",\n            \
             \"function\": {{\n              \"name\": {},\n              \"arguments\": {}\n            \
             }}\n          }}\n        ],\n        \"refusal\": null,\n        \"annotations\": []",
            Value::from(name.as_str()),
            Value::from(arguments.as_str()),
        ),
    };
    let mut json = format!(
        "{{\n  \"id\": \"{id}\",\n  \"object\": \"chat.completion\",\n  \"created\": {created},\n  \
         \"model\": {model},\n  \"choices\": ["
    );
    for index in 0..*choices {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            json,
            "{comma}\n    {{\n      \"index\": {index},\n      \"message\": {{\n        {message}\n      \
             }},\n      \"logprobs\": null,\n      \"finish_reason\": \"{}\"\n    }}",
            speech.finish_reason()
        );
    }
    json.push_str("\n  ]");
    if usage != Usage::Never {
        let (prompt, completion) = (tokens.prompt, tokens.completion);
        let total = tokens.total();
        let _ = write!(
            json,
            ",\n  \"usage\": {{\n    \"prompt_tokens\": {prompt},\n    \
             \"completion_tokens\": {completion},\n    \"total_tokens\": {total},\n    \
             \"prompt_tokens_details\": {{\n      \"cached_tokens\": 0,\n      \
             \"audio_tokens\": 0\n    }},\n    \"completion_tokens_details\": {{\n      \
             \"reasoning_tokens\": 0,\n      \"audio_tokens\": 0,\n      \
             \"accepted_prediction_tokens\": 0,\n      \"rejected_prediction_tokens\": 0\n    }}\n  }}"
        );
    }
    let _ = write!(
        json,
        ",\n  \"service_tier\": \"default\",\n  \"system_fingerprint\": \"{FINGERPRINT}\"\n}}\n"
    );
    json
}

fn events(envelope: &Envelope, speech: &Speech, tokens: &Tokens, usage: StreamUsage) -> Vec<Event> {
    let chunks = Chunks { envelope, usage, report: report(tokens) };
    let mut events = Vec::new();
    for index in 0..envelope.choices {
        match speech {
            Speech::Text(generation) => {
                events.push(chunks.delta(
                    index,
                    "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null",
                    0,
                ));
                events.extend(generation.tokens.iter().map(|token| {
                    chunks.delta(index, &format!("\"content\":{}", Value::from(*token)), 1)
                }));
            }
            Speech::Tool(call) => chunks.tool(index, call, speech.count(), &mut events),
        }
        let last = index + 1 == envelope.choices;
        events.push(chunks.finish(index, speech.finish_reason(), last));
    }
    if usage == StreamUsage::OwnChunk {
        events.push(chunks.render("", &format!(",\"usage\":{}", chunks.report), 0));
    }
    events.push(event("[DONE]", 0));
    events
}

/// Writes the chunks of one stream.
struct Chunks<'a> {
    envelope: &'a Envelope,
    usage: StreamUsage,
    report: String,
}

impl Chunks<'_> {
    fn delta(&self, index: u64, delta: &str, tokens: u64) -> Event {
        let choice = format!(
            "{{\"index\":{index},\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":null}}"
        );
        self.render(&choice, self.each(), tokens)
    }

    fn finish(&self, index: u64, reason: &str, last: bool) -> Event {
        let choice = format!(
            "{{\"index\":{index},\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{reason}\"}}"
        );
        if last && self.usage == StreamUsage::LastChunk {
            self.render(&choice, &format!(",\"usage\":{}", self.report), 0)
        } else {
            self.render(&choice, self.each(), 0)
        }
    }

    fn tool(&self, index: u64, call: &Call, tokens: u64, events: &mut Vec<Event>) {
        let name = Value::from(call.name.as_str());
        events.push(self.delta(
            index,
            &format!(
                "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{{\"index\":0,\
                 \"id\":\"{}\",\"type\":\"function\",\"function\":{{\"name\":{name},\
                 \"arguments\":\"\"}}}}],\"refusal\":null",
                call.id
            ),
            0,
        ));
        let pieces: Vec<&str> = call.arguments.split_inclusive('"').collect();
        for (place, piece) in pieces.iter().enumerate() {
            let delta = format!(
                "\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{}}}}}]",
                Value::from(*piece)
            );
            events.push(self.delta(index, &delta, if place == 0 { tokens } else { 0 }));
        }
    }

    fn each(&self) -> &'static str {
        if self.usage == StreamUsage::OwnChunk { ",\"usage\":null" } else { "" }
    }

    fn render(&self, choices: &str, usage: &str, tokens: u64) -> Event {
        let Envelope { id, created, model, .. } = self.envelope;
        // Real providers pad chunks so that their size does not tell the text.
        let padding = PADDING.get(..choices.len() % PADDING.len()).unwrap_or_default();
        let data = format!(
            "{{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\
             \"model\":{model},\"service_tier\":\"default\",\
             \"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[{choices}]{usage},\
             \"obfuscation\":\"{padding}\"}}"
        );
        event(&data, tokens)
    }
}

fn report(tokens: &Tokens) -> String {
    format!(
        "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0,\"audio_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":0,\"audio_tokens\":0,\
         \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}",
        tokens.prompt,
        tokens.completion,
        tokens.total()
    )
}

const FINGERPRINT: &str = "fp_51a7ed0c0d";
const PADDING: &str = "Xq7LmT2vRk9Zp4N";
