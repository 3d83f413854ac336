//! A whole answer.

use std::borrow::Cow;

use super::Extras;
use super::message::Part;
use crate::dialect::Dialect;
use crate::json::node::{Node, Text};
use crate::price::TokenUsage;

/// A whole answer, not streamed.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The dialect it was read from: the one that `extras` belong to.
    pub origin: Dialect,
    /// The provider's id of it.
    pub id: Option<Text<'a>>,
    /// The provider's name of the model.
    pub model: Option<Text<'a>>,
    /// Unix seconds.
    pub created: Option<u64>,
    /// One for each answer that was asked for (`n`).
    pub choices: Vec<Choice<'a>>,
    /// What it took.
    pub usage: Option<Usage>,
    /// The tier it was served in.
    pub service_tier: Option<Text<'a>>,
    /// Other members.
    pub extras: Extras<'a>,
}

/// One of several answers to the same request.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<'a> {
    /// What was said, thought and called, in order.
    pub parts: Vec<Part<'a>>,
    /// Why it ended. `None`: the provider did not say.
    pub finish: Option<Finish<'a>>,
    /// How likely the tokens were, as OpenAI writes `choices[].logprobs`.
    pub logprobs: Option<Cow<'a, [u8]>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish<'a> {
    /// In neutral terms.
    pub reason: FinishReason,
    /// The stop sequence that was met, where the dialect says it.
    pub stop_sequence: Option<Text<'a>>,
}

/// Why an answer ended, in neutral terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// A stop sequence was met.
    StopSequence,
    /// `max_tokens`, or the model's window.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// A filter of the provider's.
    ContentFilter,
    /// The model refuses.
    Refusal,
    /// The provider pauses a long turn (Anthropic's `pause_turn`).
    Pause,
    /// The tool call it made is broken (Gemini's `MALFORMED_FUNCTION_CALL`).
    MalformedToolCall,
    /// Anything else.
    Other,
}

/// Tokens an answer took, by class, in OpenAI's convention: `input` includes what was cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// The classes that have prices.
    pub tokens: TokenUsage,
    /// Of `cache_write`, those that are kept for an hour (Anthropic).
    pub cache_write_1h: u64,
    /// Input that tools of the provider added (Gemini's `toolUsePromptTokenCount`), part of
    /// `input`.
    pub tool_input: u64,
}

/// What an answer is written for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplyTo {
    /// The name of the model that the client asked for.
    pub model: String,
    /// An id for dialects or providers without one: hex digits, unique.
    pub id: String,
    /// Unix seconds, for providers that do not say when.
    pub created: u64,
    /// The client asked for usage at the end of a stream.
    pub stream_usage: bool,
    /// Tokens of input as they were counted here, for dialects that tell them before the provider
    /// does.
    pub input_tokens: u64,
    /// Names of the tools that take free text: [`super::Conversation::custom_tools`]. Calls of
    /// them that a provider wrote as functions are written as such to dialects that have them.
    pub custom_tools: Vec<String>,
}

impl<'a> Answer<'a> {
    /// Begins an empty answer of a dialect.
    pub fn of(origin: Dialect) -> Self {
        Self {
            origin,
            id: None,
            model: None,
            created: None,
            choices: Vec::new(),
            usage: None,
            service_tier: None,
            extras: Vec::new(),
        }
    }

    /// Returns another member that the provider's dialect has.
    pub fn extra(&self, name: &str) -> Option<Node<'a>> {
        self.extras.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }
}
