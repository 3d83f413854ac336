//! Streamed answers, written for clients of legacy completions.

use std::collections::BTreeMap;

use super::{logprobs, response};
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event, Start};
use crate::dialect::openai::chat::{error, usage};
use crate::json::node::Text;
use crate::json::write::Writer as Json;

/// More answers than these are not written.
const MOST_CHOICES: usize = 128;

/// Writes a stream for a client.
#[derive(Debug)]
pub struct Writer {
    to: ReplyTo,
    /// What every chunk begins with, once the answer has begun.
    head: Vec<u8>,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    failed: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Choice {
    finished: bool,
    /// Characters whose likelihood was told.
    offset: u64,
}

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self {
            to,
            head: Vec::new(),
            choices: BTreeMap::new(),
            usage: None,
            failed: false,
            ended: false,
        }
    }

    fn start(&mut self, start: &Start<'_>) {
        let mut json = Json::after(b"data: ".to_vec());
        json.object(|it| {
            match &start.id {
                Some(id) => it.key("id").text(id),
                None => it.key("id").string(&format!("cmpl-{}", self.to.id)),
            }
            it.key("object").string("text_completion");
            it.key("created").number(start.created.unwrap_or(self.to.created));
            it.key("model").string(&self.to.model);
        });
        self.head = json.into_bytes();
        self.head.pop();
    }

    fn choice(&mut self, number: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let is_new = !self.choices.contains_key(&number);
        if is_new && self.choices.len() >= MOST_CHOICES {
            return;
        }
        let choice = self.choices.entry(number).or_default();
        if choice.finished {
            return;
        }
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.chunk(number, text, None, None, out),
            Delta::Logprobs(told) => {
                let mut json = Json::default();
                logprobs::write(&mut json, told, &mut choice.offset);
                let told = json.into_bytes();
                self.chunk(number, &Text::default(), Some(&told), None, out);
            }
            Delta::Finish(finish) => {
                choice.finished = true;
                self.chunk(number, &Text::default(), None, Some(finish.reason), out);
            }
            // Calls of tools and thoughts have no place here.
            Delta::Reasoning(_)
            | Delta::Signature(_)
            | Delta::Encrypted { .. }
            | Delta::ToolCall { .. }
            | Delta::Arguments { .. }
            | Delta::Media(_)
            | Delta::Other(..) => {}
        }
    }

    fn chunk(
        &mut self,
        number: u32,
        text: &Text<'_>,
        logprobs: Option<&[u8]>,
        finish: Option<FinishReason>,
        out: &mut Vec<u8>,
    ) {
        let mut json = self.open(out);
        json.key("choices").array(|it| {
            it.object(|it| {
                it.key("text").text(text);
                it.key("index").number(number);
                it.key("logprobs").raw(logprobs.unwrap_or(b"null"));
                match finish {
                    Some(reason) => it.key("finish_reason").string(response::word(reason)),
                    None => it.key("finish_reason").null(),
                }
            });
        });
        if self.to.stream_usage {
            json.key("usage").null();
        }
        close(json, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        if !self.failed {
            let choices = std::mem::take(&mut self.choices);
            for (number, _) in choices.iter().filter(|(_, choice)| !choice.finished) {
                self.chunk(*number, &Text::default(), None, Some(FinishReason::Stop), out);
            }
            if let Some(usage) = self.usage.filter(|_| self.to.stream_usage) {
                let mut json = self.open(out);
                json.key("choices").array(|_| {});
                usage::write(json.key("usage"), &usage);
                close(json, out);
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Begins a chunk with what all of them begin with; [`close`] ends it.
    fn open(&mut self, out: &mut Vec<u8>) -> Json {
        if self.head.is_empty() {
            self.start(&Start::default());
        }
        out.extend_from_slice(&self.head);
        out.push(b',');
        Json::after(std::mem::take(out))
    }
}

fn close(json: Json, out: &mut Vec<u8>) {
    *out = json.into_bytes();
    out.extend_from_slice(b"}\n\n");
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.ended || (self.failed && *event != Event::End) {
            return;
        }
        match event {
            Event::Start(start) => {
                if self.head.is_empty() {
                    self.start(start);
                }
            }
            Event::Choice { choice, delta } => self.choice(*choice, delta, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Failed(failure) => {
                self.failed = true;
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&error::write(failure));
                out.extend_from_slice(b"\n\n");
            }
            Event::End => self.end(out),
        }
    }
}
