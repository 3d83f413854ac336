//! The neutral form that requests for embeddings, and their answers, meet in.
//!
//! As in [`super::chat`], values are borrowed from what they were read from, and what only the
//! origin's dialect knows is kept in `extras`.

use std::borrow::Cow;

use super::Dialect;
use super::chat::{Dropped, Extras};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;
use crate::price::TokenUsage;
use crate::refusal::Refusal;

pub mod vector;

pub use vector::{Encoding, Vector};

/// A request for embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The dialect it was read from: the one that `extras` belong to.
    pub origin: Dialect,
    /// The model's name.
    pub model: Cow<'a, str>,
    /// What to embed, in order.
    pub inputs: Vec<Input<'a>>,
    /// It is in the form that has one input: Gemini's `embedContent`, Ollama's older path, a lone
    /// string of OpenAI's. Where that has a path of its own, its answer has one vector.
    pub is_single: bool,
    /// How long vectors are to be.
    pub dimensions: Option<u64>,
    /// How vectors are to be written.
    pub encoding: Encoding,
    /// What they are for: Gemini's `taskType`.
    pub task: Option<Text<'a>>,
    /// The title of a document.
    pub title: Option<Text<'a>>,
    /// Cut what is too long, rather than fail: Ollama's `truncate`.
    pub truncate: Option<bool>,
    /// An id of the end user.
    pub user: Option<Text<'a>>,
    /// Other members.
    pub extras: Extras<'a>,
}

/// Something to embed.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// Text.
    Text(Text<'a>),
    /// An array of tokens of the model's vocabulary.
    Tokens(Node<'a>),
    /// Something that only one dialect knows, such as a picture, as it was written.
    Other(Dialect, Node<'a>),
}

/// An answer to such a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The dialect it was read from: the one that `extras` belong to.
    pub origin: Dialect,
    /// One for each input, in order.
    pub vectors: Vec<Vector<'a>>,
    /// What it took.
    pub usage: Option<TokenUsage>,
    /// Other members.
    pub extras: Extras<'a>,
}

/// What an answer is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The name of the model that the client asked for.
    pub model: &'a str,
    /// How vectors are to be written: [`Request::encoding`].
    pub encoding: Encoding,
    /// In the form that has one vector: [`Request::is_single`].
    pub is_single: bool,
}

impl<'a> Request<'a> {
    /// Begins an empty request of a dialect.
    pub fn of(origin: Dialect) -> Self {
        Self {
            origin,
            model: Cow::Borrowed(""),
            inputs: Vec::new(),
            is_single: false,
            dimensions: None,
            encoding: Encoding::Float,
            task: None,
            title: None,
            truncate: None,
            user: None,
            extras: Vec::new(),
        }
    }

    /// Returns what the answer is to be written for.
    pub fn wanted(&'a self) -> Wanted<'a> {
        Wanted { model: &self.model, encoding: self.encoding, is_single: self.is_single }
    }

    /// Writes the extras when they are of this dialect, and notes them otherwise.
    pub(super) fn write_extras(&self, to: Dialect, out: &mut Writer, dropped: &mut Dropped) {
        if self.origin == to {
            for (name, value) in &self.extras {
                out.key(name).node(*value);
            }
        } else {
            dropped.note_members("", &self.extras);
        }
    }
}

impl Answer<'_> {
    /// Begins an empty answer of a dialect.
    pub fn of(origin: Dialect) -> Self {
        Self { origin, vectors: Vec::new(), usage: None, extras: Vec::new() }
    }

    /// Writes the extras when they are of this dialect.
    pub(super) fn write_extras(&self, to: Dialect, out: &mut Writer) {
        for (name, value) in self.extras.iter().filter(|_| self.origin == to) {
            out.key(name).node(*value);
        }
    }
}

impl<'a> Input<'a> {
    /// Returns the text.
    ///
    /// # Errors
    /// When it is none: what only one provider understands cannot be embedded by another.
    pub fn text(&self) -> Result<&Text<'a>, Refusal> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Tokens(_) => {
                let expected = "text, since this model's provider takes no tokens";
                Err(Refusal::InvalidField { field: "input", expected })
            }
            Self::Other(..) => {
                let expected = "text, since this model's provider takes nothing else";
                Err(Refusal::InvalidField { field: "content", expected })
            }
        }
    }
}

/// Counts tokens that went in, and nothing else.
pub(super) fn input_tokens(input: u64) -> TokenUsage {
    TokenUsage { input, total: input, ..TokenUsage::default() }
}
