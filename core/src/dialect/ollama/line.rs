//! What every line of a stream and every answer has, of chat and of generate.

use super::logprobs;
use super::usage;
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::instant::rfc3339;
use crate::json::node::Text;
use crate::json::write::Writer;

/// Which of the two APIs is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// `/api/chat`: what is said stands in `message`.
    Chat,
    /// `/api/generate`: what is said stands in `response`.
    Generate,
}

/// What is said in a line.
#[derive(Default)]
pub(super) struct Said<'t> {
    pub(super) text: Vec<&'t Text<'t>>,
    pub(super) thinking: Vec<&'t Text<'t>>,
    pub(super) images: Vec<&'t Text<'t>>,
    /// Calls of tools, as JSON.
    pub(super) calls: Vec<Vec<u8>>,
    /// As OpenAI writes them.
    pub(super) logprobs: Option<&'t [u8]>,
}

/// What the last line has besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) reason: Option<FinishReason>,
    pub(super) usage: Usage,
}

impl Api {
    /// Writes a line, without the line end.
    pub(super) fn line(
        self,
        to: &ReplyTo,
        created: u64,
        said: &Said<'_>,
        last: Option<Last>,
        writer: &mut Writer,
    ) {
        writer.object(|it| {
            it.key("model").string(&to.model);
            it.key("created_at").string(&rfc3339(i64::try_from(created).unwrap_or(0)));
            match self {
                Self::Chat => it.key("message").object(|it| {
                    it.key("role").string("assistant");
                    it.key("content").texts(said.text.iter().copied());
                    said.write_rest(it);
                }),
                Self::Generate => {
                    it.key("response").texts(said.text.iter().copied());
                    if !said.thinking.is_empty() {
                        it.key("thinking").texts(said.thinking.iter().copied());
                    }
                }
            }
            if let Some(list) = said.logprobs.and_then(logprobs::list) {
                it.key("logprobs").node(list);
            }
            it.key("done").bool(last.is_some());
            if let Some(last) = last {
                it.key("done_reason").string(reason_name(last.reason));
                usage::write_members(&last.usage, it);
            }
        });
    }
}

impl Api {
    /// Writes the answer to a request in which nothing is said.
    pub(super) fn loaded(self, to: &ReplyTo, writer: &mut Writer) {
        writer.object(|it| {
            it.key("model").string(&to.model);
            it.key("created_at").string(&rfc3339(i64::try_from(to.created).unwrap_or(0)));
            match self {
                Self::Chat => it.key("message").object(|it| {
                    it.key("role").string("assistant");
                    it.key("content").string("");
                }),
                Self::Generate => it.key("response").string(""),
            }
            it.key("done").bool(true);
            it.key("done_reason").string("load");
        });
    }
}

impl Said<'_> {
    fn write_rest(&self, writer: &mut Writer) {
        if !self.thinking.is_empty() {
            writer.key("thinking").texts(self.thinking.iter().copied());
        }
        if !self.images.is_empty() {
            writer.key("images").array(|it| {
                for image in &self.images {
                    it.text(image);
                }
            });
        }
        if !self.calls.is_empty() {
            writer.key("tool_calls").array(|it| {
                for call in &self.calls {
                    it.raw(call);
                }
            });
        }
    }
}

/// Reads `done_reason`; a model that calls tools says that it is done.
pub(super) fn reason(name: Option<&str>, called_tools: bool) -> FinishReason {
    match name {
        Some("length") => FinishReason::Length,
        _ if called_tools => FinishReason::ToolCalls,
        Some("stop") | None => FinishReason::Stop,
        Some(_) => FinishReason::Other,
    }
}

fn reason_name(reason: Option<FinishReason>) -> &'static str {
    if reason == Some(FinishReason::Length) { "length" } else { "stop" }
}
