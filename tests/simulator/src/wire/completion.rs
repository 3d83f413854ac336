//! `/v1/completions`, the legacy endpoint.

use serde_json::Value;

use super::text::Generation;
use super::{
    Answer, Bill, Error, Event, Provider, StreamUsage, dated, event, id, is_streamed, json, model,
    stream,
};
use crate::counts::Tokens;
use crate::script::{Script, Usage};
use crate::tokens;

/// Answers a prompt, whole or streamed.
pub(super) fn answer(
    body: &Value,
    script: &Script,
    provider: &Provider<'_>,
) -> Result<Answer, Error> {
    let model = model(body, provider)?;
    let prompt = tokens::input(body.get("prompt").ok_or_else(|| Error::missing("prompt"))?);
    let generation = Generation::of(body, script);
    let completion = generation.count();
    let bill = Bill { model: model.to_owned(), tokens: Tokens { answers: 1, prompt, completion } };
    let envelope = Envelope {
        id: id("cmpl-", provider.seed, 29),
        created: provider.now,
        model: Value::from(dated(model)).to_string(),
    };
    Ok(if is_streamed(body) {
        let usage = StreamUsage::of(body, script);
        stream(events(&envelope, &generation, &bill.tokens, usage), bill)
    } else {
        json(whole(&envelope, &generation, &bill.tokens, script.usage), Some(bill))
    })
}

struct Envelope {
    id: String,
    created: u64,
    model: String,
}

fn whole(envelope: &Envelope, generation: &Generation, tokens: &Tokens, usage: Usage) -> String {
    let Envelope { id, created, model } = envelope;
    let text = Value::from(generation.text());
    let finish_reason = generation.finish_reason;
    let usage = match usage {
        Usage::Never => String::new(),
        Usage::AsAsked | Usage::Always => format!(
            ",\n  \"usage\": {{\n    \"prompt_tokens\": {},\n    \"completion_tokens\": {},\n    \
             \"total_tokens\": {}\n  }}",
            tokens.prompt,
            tokens.completion,
            tokens.total()
        ),
    };
    format!(
        "{{\n  \"id\": \"{id}\",\n  \"object\": \"text_completion\",\n  \"created\": {created},\n  \
         \"model\": {model},\n  \"choices\": [\n    {{\n      \"text\": {text},\n      \
         \"index\": 0,\n      \"logprobs\": null,\n      \"finish_reason\": \"{finish_reason}\"\n    \
         }}\n  ]{usage}\n}}\n"
    )
}

fn events(
    envelope: &Envelope,
    generation: &Generation,
    tokens: &Tokens,
    usage: StreamUsage,
) -> Vec<Event> {
    let Envelope { id, created, model } = envelope;
    let chunk = |choices: &str, usage: &str| {
        format!(
            "{{\"id\":\"{id}\",\"object\":\"text_completion\",\"created\":{created},\
             \"choices\":[{choices}],\"model\":{model}{usage}}}"
        )
    };
    let choice = |text: &str, finish_reason: &str| {
        let text = Value::from(text);
        format!(
            "{{\"text\":{text},\"index\":0,\"logprobs\":null,\"finish_reason\":{finish_reason}}}"
        )
    };
    let report = format!(
        ",\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{}}}",
        tokens.prompt,
        tokens.completion,
        tokens.total()
    );
    let each = if usage == StreamUsage::OwnChunk { ",\"usage\":null" } else { "" };
    let last = if usage == StreamUsage::LastChunk { report.as_str() } else { each };

    let mut events: Vec<Event> = Vec::with_capacity(generation.tokens.len() + 3);
    for token in &generation.tokens {
        events.push(event(&chunk(&choice(token, "null"), each), 1));
    }
    let end = choice("", &format!("\"{}\"", generation.finish_reason));
    events.push(event(&chunk(&end, last), 0));
    if usage == StreamUsage::OwnChunk {
        events.push(event(&chunk("", &report), 0));
    }
    events.push(event("[DONE]", 0));
    events
}
