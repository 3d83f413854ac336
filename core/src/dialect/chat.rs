//! The neutral conversation that dialects meet in.
//!
//! A request is read into a [`Conversation`] and written for its provider; a whole answer is read
//! into an [`answer::Answer`], a streamed one into [`event::Event`]s, and written for its client.
//! Values are borrowed from the text they were read from: text keeps its escapes, numbers their
//! digits, schemas and arguments their bytes.
//!
//! What has a meaning in several dialects has a field here. What only one knows is kept in
//! `extras`, written again when the conversation goes back into that dialect, and listed in
//! [`Dropped`] when it goes into another.

use std::borrow::Cow;

use super::Dialect;
use crate::json::node::{Node, Number, Text};

pub mod answer;
pub mod dropped;
pub mod event;
pub mod failure;
pub mod field;
pub mod message;
pub mod reasoning;
pub mod tool;

pub use dropped::Dropped;
pub use field::Field;
pub use message::{Media, MediaKind, Message, Part, PartKind, Role, Source};
pub use reasoning::{Effort, Reasoning};
pub use tool::{Tool, ToolChoice, ToolKind};

/// A request for the next message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation<'a> {
    /// The dialect it was read from: the one that `extras` belong to.
    pub origin: Dialect,
    /// The model's name.
    pub model: Cow<'a, str>,
    /// The answer is to be streamed.
    pub stream: bool,
    /// The client wants usage at the end of a stream (`stream_options.include_usage`). Dialects
    /// that always report it say true.
    pub stream_usage: bool,
    /// In order, system prompts among them: those that a dialect keeps apart come first.
    pub messages: Vec<Message<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether it must call something. `None`: as it likes.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether it may call several at once. `None`: the provider's default, which is yes.
    pub parallel_tool_calls: Option<bool>,
    /// What the answer must look like. `None`: text.
    pub format: Option<Format<'a>>,
    /// How tokens are chosen.
    pub sampling: Sampling<'a>,
    /// Longest answer in tokens, reasoning included.
    pub max_tokens: Option<u64>,
    /// How much the model thinks before it answers.
    pub reasoning: Reasoning<'a>,
    /// An id of the end user.
    pub user: Option<Text<'a>>,
    /// `metadata`: an object of strings.
    pub metadata: Option<Node<'a>>,
    /// `auto`, `default`, `flex`, `priority`, `standard_only`…
    pub service_tier: Option<Text<'a>>,
    /// Other members of the body, by name.
    pub extras: Extras<'a>,
}

/// Members that only the origin's dialect knows, in order, as they were written.
pub type Extras<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

/// Name of an extra that holds its owner whole, as the origin wrote it, where the fields do not say
/// everything. The origin's dialect may write it instead of the fields; for others nothing is lost
/// with it. Whoever changes the owner takes it away.
pub const WRITTEN: &str = "";

/// Returns what the owner of these extras looked like, if that was kept.
pub fn written<'a>(extras: &Extras<'a>) -> Option<Node<'a>> {
    extras.iter().find(|(name, _)| name == WRITTEN).map(|(_, node)| *node)
}

impl Conversation<'_> {
    /// Begins an empty conversation of a dialect.
    pub fn of(origin: Dialect) -> Self {
        Self {
            origin,
            model: Cow::Borrowed(""),
            stream: false,
            stream_usage: false,
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            format: None,
            sampling: Sampling::default(),
            max_tokens: None,
            reasoning: Reasoning::default(),
            user: None,
            metadata: None,
            service_tier: None,
            extras: Vec::new(),
        }
    }

    /// Returns the names of the tools that take free text instead of JSON.
    pub fn custom_tools(&self) -> Vec<String> {
        let custom = self.tools.iter().filter(|tool| tool.as_custom().is_some());
        let names = custom.filter_map(|tool| match &tool.kind {
            ToolKind::Function { name, .. } => Some(name.decoded().into_owned()),
            ToolKind::Other(..) => None,
        });
        names.collect()
    }
}

/// What the answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum Format<'a> {
    /// Some JSON object.
    Json,
    /// JSON that follows a schema.
    Schema {
        /// Its name; dialects without names for it have none.
        name: Option<Text<'a>>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// The schema.
        schema: Node<'a>,
        /// The provider must enforce it. `None`: the provider's default.
        strict: Option<bool>,
    },
}

/// How tokens are chosen. `None`: the provider's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling<'a> {
    /// 0 to 2, or 1 with some.
    pub temperature: Option<Number<'a>>,
    /// Nucleus sampling.
    pub top_p: Option<Number<'a>>,
    /// Only the k likeliest tokens.
    pub top_k: Option<Number<'a>>,
    /// Against tokens that are frequent already.
    pub frequency_penalty: Option<Number<'a>>,
    /// Against tokens that were there already.
    pub presence_penalty: Option<Number<'a>>,
    /// For answers that can be repeated.
    pub seed: Option<Number<'a>>,
    /// Texts that end the answer.
    pub stop: Vec<Text<'a>>,
    /// How many answers.
    pub n: Option<u64>,
    /// Tell how likely the tokens were.
    pub logprobs: Option<bool>,
    /// Of how many other tokens too.
    pub top_logprobs: Option<u64>,
}

/// What a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Towards<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// The model's longest answer, for dialects that cannot do without `max_tokens`.
    pub max_output_tokens: Option<u64>,
    /// It knows `max_completion_tokens` (OpenAI-compatible providers).
    pub completion_tokens_cap: bool,
    /// It understands `stream_options.include_usage` (OpenAI-compatible providers); asked for in
    /// every stream then.
    pub stream_usage: bool,
}
