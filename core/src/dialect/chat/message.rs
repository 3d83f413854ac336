//! Messages and the parts they consist of. Answers consist of the same parts.

use super::Extras;
use crate::dialect::Dialect;
use crate::json::node::{Node, Text};

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said. A message may be empty.
    pub parts: Vec<Part<'a>>,
    /// A name of the speaker.
    pub name: Option<Text<'a>>,
    /// Other members of the message.
    pub extras: Extras<'a>,
}

impl<'a> Message<'a> {
    /// Makes a message without name and extras.
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self { role, parts, name: None, extras: Vec::new() }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions, above all others.
    System,
    /// The same by OpenAI's newer name; a system prompt elsewhere.
    Developer,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// What tools answered: its parts are [`PartKind::ToolResult`]s. Dialects that put results
    /// into the user's turn read them as a message of this role before one of the user's rest.
    Tool,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// What it is.
    pub kind: PartKind<'a>,
    /// Anthropic's `cache_control`: the prompt up to here is worth caching.
    pub cache: Option<Node<'a>>,
    /// Other members of the part.
    pub extras: Extras<'a>,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum PartKind<'a> {
    /// Text.
    Text(Text<'a>),
    /// The model's refusal to answer, in words.
    Refusal(Text<'a>),
    /// An image, sound, document or film.
    Media(Media<'a>),
    /// What the model thought.
    Reasoning(Thought<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// A tool's answer.
    ToolResult(ToolResult<'a>),
    /// Something that only its own dialect knows, such as a provider's own search: the whole part
    /// as it was written.
    Other(Dialect, Node<'a>),
}

/// An image, sound, document or film.
#[derive(Debug, Clone, PartialEq)]
pub struct Media<'a> {
    /// Which.
    pub kind: MediaKind,
    /// Where its content is.
    pub source: Source<'a>,
    /// A file's name or a document's title.
    pub name: Option<Text<'a>>,
    /// OpenAI's `detail` of images, Gemini's `mediaResolution`.
    pub detail: Option<Text<'a>>,
}

/// What kind of content a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A PDF, a text file and the like.
    Document,
    /// A film.
    Video,
}

/// Where a medium's content is.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// Here.
    Base64 {
        /// Such as `image/png`.
        mime: Text<'a>,
        /// In base64.
        data: Text<'a>,
    },
    /// Elsewhere. `mime` where the dialect says it.
    Url {
        /// Its address.
        url: Text<'a>,
        /// Such as `image/png`.
        mime: Option<Text<'a>>,
    },
    /// A file that was uploaded to the provider.
    File(Text<'a>),
    /// Plain text here.
    Text(Text<'a>),
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thought<'a> {
    /// In words; `None` when they are hidden.
    pub text: Option<Text<'a>>,
    /// The provider's proof, which must come back unchanged with the text: Anthropic's
    /// `signature`, Gemini's `thoughtSignature`.
    pub signature: Option<Text<'a>>,
    /// Encrypted thoughts: Anthropic's `redacted_thinking`, OpenAI's `encrypted_content`.
    pub encrypted: Option<Text<'a>>,
    /// The id of the item (Responses), empty when the client left it out. Encrypted thoughts with
    /// an id come from a provider of Responses, those without from Anthropic; neither can open
    /// what the other has closed.
    pub id: Option<Text<'a>>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall<'a> {
    /// Ties the result to the call. Empty: the dialect has none (older Gemini, Ollama).
    pub id: Text<'a>,
    /// The tool.
    pub name: Text<'a>,
    /// JSON, nearly always an object. Held as the text of it, as OpenAI writes it, since it may
    /// be broken.
    pub arguments: Arguments<'a>,
    /// Gemini's `thoughtSignature`, which must come back with the call.
    pub signature: Option<Text<'a>>,
    /// A tool that takes free text instead of JSON (OpenAI's custom tools).
    pub custom: bool,
}

/// The arguments of a tool call, as one dialect or the other writes them.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// As a JSON value.
    Json(Node<'a>),
    /// As text in a JSON string, which should be JSON.
    Text(Text<'a>),
}

impl Arguments<'_> {
    /// Returns them as the text of a JSON string.
    pub fn to_text(&self) -> Text<'static> {
        match self {
            Self::Json(node) => Text::of_json(node.raw()),
            Self::Text(text) => text.clone().into_owned(),
        }
    }

    /// Returns them as a JSON object: `{}` when they are empty, and `{"arguments": "…"}` around
    /// what is no object, for providers that take nothing else.
    pub fn to_object(&self) -> Vec<u8> {
        let decoded = match self {
            Self::Json(node) if node.is_object() => return node.raw().to_vec(),
            Self::Json(node) => String::from_utf8_lossy(node.raw()).into_owned(),
            Self::Text(text) => text.decoded().into_owned(),
        };
        if decoded.trim().is_empty() || decoded == "null" {
            return b"{}".to_vec();
        }
        if Node::object(decoded.as_bytes()).is_ok() {
            return decoded.into_bytes();
        }
        let mut wrapped = b"{\"arguments\":".to_vec();
        wrapped.extend_from_slice(&crate::json::text::encode(&decoded));
        wrapped.push(b'}');
        wrapped
    }
}

/// A tool's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// Of which call. Empty: the dialect has no ids; the calls before it are in the same order.
    pub id: Text<'a>,
    /// The tool, where the dialect says it.
    pub name: Option<Text<'a>>,
    /// Texts and media. JSON results of dialects that have them (Gemini) are one text.
    pub parts: Vec<Part<'a>>,
    /// The tool failed.
    pub is_error: bool,
}

impl<'a> Part<'a> {
    /// Makes a part without extras.
    pub fn new(kind: PartKind<'a>) -> Self {
        Self { kind, cache: None, extras: Vec::new() }
    }

    /// Makes a part of text.
    pub fn text(text: Text<'a>) -> Self {
        Self::new(PartKind::Text(text))
    }
}
