//! Walks a request body and tallies what makes up its prompt, in whatever dialect it is written.
//!
//! Nothing is built: texts go from the body into counters, escapes decoded on the way.

use std::ops::Range;

use super::media::{Media, is_media};
use super::{Counter, Family, schema};
use crate::json::scan::{Array, Object};
use crate::json::text;

/// What a prompt consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tokens of all texts but roles.
    pub(crate) text: u64,
    pub(crate) roles: u64,
    /// Texts that are a prompt or an input of their own.
    pub(crate) prompts: u64,
    pub(crate) messages: u64,
    /// Messages whose role is `system`.
    pub(crate) systems: u64,
    /// Messages with a `name`.
    pub(crate) names: u64,
    /// Calls of tools among the messages, their tokens, and messages with more than one.
    pub(crate) calls: u64,
    pub(crate) call_text: u64,
    pub(crate) parallel: u64,
    /// Declared tools, and the tokens of their declarations as `schema` writes them.
    pub(crate) tools: u64,
    pub(crate) tool_text: u64,
    /// The same as they stand in the body.
    pub(crate) tool_json: u64,
    /// Tokens of the schema that the answer must have.
    pub(crate) schema: u64,
    /// Tokens that images, sound and files will probably be.
    pub(crate) media: u64,
    /// The model must call a tool.
    pub(crate) forced: bool,
    /// The model has a budget for thinking aloud.
    pub(crate) thinking: bool,
    /// There was something else that may count.
    pub(crate) unknown: bool,
}

impl Tally {
    /// Tallies a body. What is not JSON counts nothing from there on.
    pub(crate) fn of(family: Family, body: &[u8]) -> Self {
        let counter = Counter::new(family.encoding());
        let mut walk = Walk { counter, family, tally: Self::default() };
        walk.body(body);
        walk.tally
    }
}

/// How deep parts may hold parts: results of tools do. Each level is read once more.
pub(crate) const NESTED: u32 = 3;

/// Fields of requests that are no part of a prompt.
const NEUTRAL: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "n",
    "best_of",
    "echo",
    "stop",
    "stop_sequences",
    "max_tokens",
    "max_completion_tokens",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "user",
    "seed",
    "store",
    "metadata",
    "service_tier",
    "reasoning_effort",
    "verbosity",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "encoding_format",
    "dimensions",
    "modalities",
    "audio",
    "moderation",
    "prompt_cache_options",
];

struct Walk {
    counter: Counter,
    family: Family,
    tally: Tally,
}

impl Walk {
    fn body(&mut self, body: &[u8]) {
        for (key, value) in members(body) {
            match &*key {
                "messages" | "contents" => self.messages(value),
                "system" | "instructions" => {
                    self.tally.messages += 1;
                    self.tally.systems += 1;
                    self.tally.roles += 1;
                    self.content(value, NESTED);
                }
                "systemInstruction" | "system_instruction" => {
                    self.tally.messages += 1;
                    self.tally.systems += 1;
                    self.tally.roles += 1;
                    self.part(value, NESTED);
                }
                "prompt" | "input" => self.prompts(value),
                "content" => self.part(value, NESTED),
                "requests" => elements(value).for_each(|request| self.embedded(request)),
                "tool_choice" => {
                    let auto = [&br#""auto""#[..], br#""none""#, br#"{"type":"auto"}"#];
                    self.tally.forced = !auto.contains(&value);
                }
                "thinking" | "reasoning" => self.tally.thinking = has_budget(value),
                "suffix" => self.tally.text += self.string(value),
                "tools" => self.tools(value),
                "functions" => elements(value).for_each(|function| self.tool(function)),
                "response_format" | "output_config" | "text" => self.response_format(value),
                // What is not known to add nothing to a prompt may add to it.
                key => self.tally.unknown |= !NEUTRAL.contains(&key) && value != b"null",
            }
        }
    }

    /// One of several texts to embed, as Gemini has them.
    fn embedded(&mut self, request: &[u8]) {
        let contents = members(request).filter(|(key, _)| key == "content");
        contents.for_each(|(_, content)| self.part(content, NESTED));
    }

    fn messages(&mut self, list: &[u8]) {
        elements(list).for_each(|message| self.message(message));
    }

    fn message(&mut self, message: &[u8]) {
        self.tally.messages += 1;
        let calls_before = self.tally.calls;
        for (key, value) in members(message) {
            match &*key {
                "role" => {
                    self.tally.roles += self.string(value);
                    self.tally.systems += u64::from(matches!(value, br#""system""#));
                }
                "name" => {
                    self.tally.names += 1;
                    self.tally.text += self.string(value);
                }
                "content" | "parts" | "output" => self.content(value, NESTED),
                "refusal" if value != b"null" => {
                    self.tally.unknown = true;
                    self.tally.text += self.string(value);
                }
                "tool_calls" => elements(value).for_each(|call| self.call(call)),
                "function_call" => self.function(value),
                "arguments" => {
                    self.tally.calls += 1;
                    self.tally.call_text += self.string(value);
                }
                "tool_call_id" | "call_id" | "id" | "status" => {}
                "reasoning_content" if self.family == Family::Glm => self.content(value, NESTED),
                "reasoning" | "reasoning_content" if !self.family.is_exact() => {}
                "type" if value == br#""message""# => {}
                _ => self.tally.unknown |= value != b"null" && value != b"[]",
            }
        }
        self.tally.parallel += u64::from(self.tally.calls > calls_before + 1);
    }

    /// Counts what is a text, or a list of parts.
    fn content(&mut self, value: &[u8], depth: u32) {
        if value.starts_with(b"\"") {
            let text = text::string_value(value).unwrap_or_default();
            let shown = if self.family.is_exact() { &*text } else { without_thoughts(&text) };
            self.tally.text += self.counter.count(shown);
        }
        elements(value).for_each(|part| self.part(part, depth));
    }

    fn part(&mut self, part: &[u8], depth: u32) {
        if part.starts_with(b"\"") {
            self.tally.text += self.string(part);
        }
        for (key, value) in members(part) {
            match &*key {
                "text" | "refusal" => self.tally.text += self.string(value),
                "content" | "parts" | "summary" if depth > 0 => self.content(value, depth - 1),
                "functionCall" | "functionResponse" => self.function(value),
                // A call as Anthropic has it.
                "name" | "title" => self.tally.call_text += self.string(value),
                "input" => {
                    self.tally.calls += 1;
                    self.tally.call_text += self.json(value);
                }
                key if is_media(key) => self.tally.media += Media::read(key, value).likely(),
                // As Mistral has its thoughts, which the model is shown again; others are not.
                "thinking" if depth > 0 => {
                    elements(value).for_each(|part| self.part(part, depth - 1));
                }
                "thinking" | "signature" | "thoughtSignature" | "thought" | "citations"
                | "type" | "detail" | "id" | "tool_use_id" | "cache_control" | "role"
                | "is_error" => {}
                _ => self.tally.unknown |= value != b"null" && value != b"[]",
            }
        }
    }

    /// Counts a call of a tool in OpenAI's form.
    fn call(&mut self, call: &[u8]) {
        for (key, value) in members(call) {
            match &*key {
                "function" | "custom" => self.function(value),
                _ => {}
            }
        }
    }

    fn function(&mut self, function: &[u8]) {
        self.tally.calls += 1;
        for (key, value) in members(function) {
            match &*key {
                // The message with the result names the tool again.
                "name" => self.tally.call_text += 2 * self.string(value),
                "arguments" | "input" if value.starts_with(b"\"") => {
                    self.tally.call_text += self.string(value);
                }
                "args" | "arguments" | "response" => self.tally.call_text += self.json(value),
                _ => {}
            }
        }
    }

    fn tools(&mut self, list: &[u8]) {
        for tool in elements(list) {
            let mut inner = false;
            for (key, value) in members(tool) {
                match &*key {
                    "function" => {
                        inner = true;
                        self.tool(value);
                    }
                    "functionDeclarations" | "function_declarations" => {
                        inner = true;
                        elements(value).for_each(|function| self.tool(function));
                    }
                    _ => {}
                }
            }
            if !inner {
                self.tool(tool);
            }
        }
    }

    fn tool(&mut self, function: &[u8]) {
        self.tally.tools += 1;
        self.tally.tool_text += schema::function_tokens(self.counter.encoding, function);
        self.tally.tool_json += self.json(function);
    }

    fn response_format(&mut self, format: &[u8]) {
        for (key, value) in members(format) {
            match &*key {
                "json_schema" | "schema" => {
                    self.tally.schema += self.json(value);
                }
                "format" => self.response_format(value),
                _ => {}
            }
        }
    }

    /// Counts prompts: a text, texts, a list of token numbers, several of these; or messages.
    fn prompts(&mut self, value: &[u8]) {
        if value.starts_with(b"\"") {
            self.tally.prompts += 1;
            self.tally.text += self.string(value);
            if matches!(self.family, Family::Gpt4o | Family::Gpt4oMini | Family::Reasoning) {
                // None of these has embeddings: this is the one message of a response.
                (self.tally.messages, self.tally.roles) = (self.tally.messages + 1, 1);
                self.tally.unknown = true;
            }
            return;
        }
        let mut numbers = 0;
        for element in elements(value) {
            match element.first() {
                Some(b'{') => {
                    self.tally.unknown = true;
                    self.message(element);
                }
                Some(b'[') => {
                    self.tally.prompts += 1;
                    numbers += elements(element).map(|number| self.token(number)).sum::<u64>();
                }
                Some(b'"') => {
                    self.tally.prompts += 1;
                    self.tally.text += self.string(element);
                }
                _ => numbers += self.token(element),
            }
        }
        self.tally.prompts += u64::from(numbers > 0);
        self.tally.text += numbers;
    }

    /// Counts the number of a token; anything else in its place is not known to be one.
    fn token(&mut self, value: &[u8]) -> u64 {
        self.tally.unknown |= !value.iter().all(u8::is_ascii_digit);
        1
    }

    fn string(&mut self, value: &[u8]) -> u64 {
        text::string_value(value).map_or(0, |text| self.counter.count(&text))
    }

    /// Counts JSON as the text it is.
    fn json(&mut self, value: &[u8]) -> u64 {
        self.counter.count(&String::from_utf8_lossy(value))
    }
}

/// Takes off the thoughts with which an earlier answer may begin: templates leave them out.
fn without_thoughts(text: &str) -> &str {
    let thoughts = text.trim_start().strip_prefix("<think>");
    thoughts.and_then(|rest| rest.split_once("</think>")).map_or(text, |(_, answer)| answer)
}

/// Tells whether thoughts have a budget of their own.
fn has_budget(value: &[u8]) -> bool {
    members(value).any(|(key, value)| match &*key {
        "budget_tokens" | "max_tokens" => true,
        "enabled" => value == b"true",
        _ => false,
    })
}

/// Returns the members of an object, keys decoded; none of what is no object.
pub(crate) fn members(object: &[u8]) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, &[u8])> {
    let mut scan = Object::open(object).ok();
    std::iter::from_fn(move || {
        let member = scan.as_mut()?.next_member().ok()??;
        Some((text::decode(object.get(member.key)?), object.get(member.value)?))
    })
}

/// Returns the elements of an array; none of what is no array.
pub(crate) fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    Array::open(array).filter_map(|at: Range<usize>| array.get(at))
}
