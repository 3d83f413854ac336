//! Requests of `/v1/responses`, and of its `/input_tokens`.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::chat::reasoning::Effort;
use crate::dialect::chat::{Conversation, Format, Message, Part, Reasoning, Role};
use crate::dialect::checked::{self, invalid};
use crate::json::node::{Node, Text};
use crate::refusal::Refusal;

mod input;
mod items;
mod tools;
mod write;

pub use write::write;

/// Reads a request.
///
/// # Errors
/// When the API would answer 400.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let body = checked::body(body)?;
    let conversation = Conversation::of(Dialect::Responses);
    let mut reading = Reading { conversation, instructions: None, input: None };
    // Usage is always told.
    reading.conversation.stream_usage = true;
    for (name, value) in body.members() {
        if !value.is_null() {
            reading.member(name, value)?;
        }
    }
    reading.finish()
}

/// What was read so far. Items are read in the end: a member may be there twice, and the last one
/// counts.
struct Reading<'a> {
    conversation: Conversation<'a>,
    instructions: Option<Text<'a>>,
    input: Option<Node<'a>>,
}

impl<'a> Reading<'a> {
    fn member(&mut self, name: Cow<'a, str>, value: Node<'a>) -> Result<(), Refusal> {
        let request = &mut self.conversation;
        let sampling = &mut request.sampling;
        let number = |field| value.number().map(Some).ok_or(invalid(field, "a number"));
        let truth = |field| value.bool().ok_or(invalid(field, "a boolean"));
        let text = |field| value.text().map(Some).ok_or(invalid(field, "a string"));
        match &*name {
            "model" => request.model = value.string().ok_or(invalid("model", "a string"))?,
            "stream" => request.stream = truth("stream")?,
            "instructions" => self.instructions = text("instructions")?,
            "input" => self.input = Some(value),
            "tools" => request.tools = tools::read(value)?,
            "tool_choice" => request.tool_choice = Some(tools::read_choice(value)?),
            "parallel_tool_calls" => {
                request.parallel_tool_calls = Some(truth("parallel_tool_calls")?);
            }
            "text" => self.text(value)?,
            "reasoning" => request.reasoning = reasoning(value)?,
            "max_output_tokens" => {
                let whole = value.u64().ok_or(invalid("max_output_tokens", "a whole number"))?;
                request.max_tokens = Some(whole);
            }
            "temperature" => sampling.temperature = number("temperature")?,
            "top_p" => sampling.top_p = number("top_p")?,
            "top_logprobs" => {
                let count = value.u64().ok_or(invalid("top_logprobs", "a whole number"))?;
                sampling.top_logprobs = Some(count).filter(|count| *count > 0);
            }
            "user" => request.user = text("user")?,
            "metadata" => request.metadata = Some(value).filter(|node| node.is_object()),
            "service_tier" => request.service_tier = text("service_tier")?,
            "include" => {
                let asks = |node: Node<'_>| node.string().is_some_and(|what| what == LOGPROBS);
                sampling.logprobs = value.items().any(asks).then_some(true);
                request.extras.push((name, value));
            }
            _ => request.extras.push((name, value)),
        }
        Ok(())
    }

    /// Reads `text`: the format, and what only this dialect knows of it.
    fn text(&mut self, text: Node<'a>) -> Result<(), Refusal> {
        if !text.is_object() {
            return Err(Refusal::InvalidField { field: "text", expected: "an object" });
        }
        for (name, value) in text.members().filter(|(_, value)| !value.is_null()) {
            match &*name {
                "format" => self.conversation.format = format(value)?,
                _ => self.conversation.extras.push((format!("text.{name}").into(), value)),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Conversation<'a>, Refusal> {
        if self.conversation.model.is_empty() {
            return Err(Refusal::MissingField("model"));
        }
        if let Some(text) = self.instructions {
            self.conversation.messages.push(Message::new(Role::System, vec![Part::text(text)]));
        }
        match self.input {
            Some(input) => input::read(input, &mut self.conversation.messages)?,
            // A template or what the provider remembers may be all there is to answer.
            None if super::needs_memory(&self.conversation).is_some() => {}
            None => return Err(Refusal::MissingField("input")),
        }
        Ok(self.conversation)
    }
}

/// What `include` asks for log probabilities with.
const LOGPROBS: &str = "message.output_text.logprobs";

fn format(node: Node<'_>) -> Result<Option<Format<'_>>, Refusal> {
    let (mut kind, mut name, mut description) = (None, None, None);
    let (mut schema, mut strict) = (None, None);
    for (key, value) in node.members() {
        match &*key {
            "type" => kind = value.string(),
            "name" => name = value.text(),
            "description" => description = value.text(),
            "schema" => schema = Some(value).filter(|schema| schema.is_object()),
            "strict" => strict = value.bool(),
            _ => {}
        }
    }
    match kind.as_deref() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::Json)),
        Some("json_schema") => {
            let schema = schema.ok_or(Refusal::MissingField("text.format.schema"))?;
            Ok(Some(Format::Schema { name, description, schema, strict }))
        }
        Some(_) => Err(Refusal::InvalidField {
            field: "text.format.type",
            expected: "'text', 'json_object' or 'json_schema'",
        }),
        None => Err(Refusal::MissingField("text.format.type")),
    }
}

fn reasoning(node: Node<'_>) -> Result<Reasoning<'_>, Refusal> {
    if !node.is_object() {
        return Err(Refusal::InvalidField { field: "reasoning", expected: "an object" });
    }
    let mut reasoning = Reasoning { written: Some(node), ..Reasoning::default() };
    for (name, value) in node.members() {
        match &*name {
            "effort" => {
                let named = value.string();
                reasoning.effort = named.and_then(|name| Effort::named(&name));
                reasoning.effort_name = value.text();
            }
            "summary" | "generate_summary" if reasoning.summary.is_none() => {
                reasoning.summary = value.text();
            }
            _ => {}
        }
    }
    reasoning.shown = reasoning.summary.is_some().then_some(true);
    Ok(reasoning)
}
