//! A streamed answer, event by event.
//!
//! Deltas say what they belong to; who writes a dialect with blocks (Anthropic, Responses) opens
//! and closes them when the kind or the call changes.

use std::borrow::Cow;

use super::answer::{Finish, Usage};
use super::failure::Failure;
use super::message::Media;
use crate::dialect::Dialect;
use crate::json::node::{Node, Text};

/// Something that happened in a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// It begins. Comes first, once.
    Start(Start<'a>),
    /// Something of one of the answers.
    Choice {
        /// Which of several answers (`n`), from 0.
        choice: u32,
        /// What.
        delta: Delta<'a>,
    },
    /// What it took so far; a later one replaces it.
    Usage(Usage),
    /// The provider is alive.
    Ping,
    /// It failed; only [`Event::End`] comes after it.
    Failed(Failure),
    /// It is over. Comes last, once, when the provider ended it properly.
    End,
}

/// How an answer begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start<'a> {
    /// The provider's id of it.
    pub id: Option<Text<'a>>,
    /// The provider's name of the model.
    pub model: Option<Text<'a>>,
    /// Unix seconds.
    pub created: Option<u64>,
}

/// A piece of one of the answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta<'a> {
    /// Text. Never empty, but it may be white space.
    Text(Text<'a>),
    /// The model's refusal to answer, in words.
    Refusal(Text<'a>),
    /// What it thinks.
    Reasoning(Text<'a>),
    /// The provider's proof of what was thought so far in this stretch of thinking.
    Signature(Text<'a>),
    /// Encrypted thoughts, whole.
    Encrypted {
        /// The data.
        data: Text<'a>,
        /// The id of the item (Responses); none when they are Anthropic's.
        id: Option<Text<'a>>,
    },
    /// A call of a tool begins. Its arguments follow, perhaps in turns with those of others.
    ToolCall {
        /// Counts the calls of this answer from 0.
        index: u32,
        /// Ties the result to the call; empty when the dialect has none.
        id: Text<'a>,
        /// The tool.
        name: Text<'a>,
        /// Gemini's `thoughtSignature` of the call.
        signature: Option<Text<'a>>,
        /// It takes free text instead of JSON.
        custom: bool,
    },
    /// A piece of a call's arguments: of the text of their JSON.
    Arguments {
        /// Which call.
        index: u32,
        /// The piece, escaped once as the text of a JSON string.
        piece: Text<'a>,
    },
    /// An image or sound that the model made.
    Media(Media<'a>),
    /// Something that only the provider's dialect knows, as it was written.
    Other(Dialect, Node<'a>),
    /// How likely the tokens were, as OpenAI writes `choices[].logprobs`.
    Logprobs(Cow<'a, [u8]>),
    /// This answer is complete.
    Finish(Finish<'a>),
}

/// Reads a provider's stream, in whatever pieces it comes.
pub trait Reader {
    /// Takes a piece and hands out what it completes. What is not understood is passed over;
    /// nothing is handed out after [`Event::End`].
    fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(Event<'_>));

    /// Takes note that nothing more comes: what was incomplete is handed out if it makes sense.
    /// [`Event::End`] follows only if the provider had said its last word (a finish reason, or
    /// the dialect's end).
    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>));
}

/// Writes a stream for a client.
pub trait Writer {
    /// Appends what an event means in the client's dialect to `out`. Whole events only: what was
    /// appended can be sent at once.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);
}
