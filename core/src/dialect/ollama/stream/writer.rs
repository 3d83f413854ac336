//! Writes a stream for a client.

use super::gathered::Gathered;
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event};
use crate::dialect::chat::failure::{Failure, FailureKind};
use crate::dialect::chat::{Media, Source};
use crate::dialect::ollama::line::{Api, Last, Said};
use crate::dialect::ollama::{error, image};
use crate::json::node::Text;
use crate::json::write::Writer as Json;

/// The state between two events: calls that are not whole, and what the last line has to tell.
#[derive(Debug)]
pub struct Writer {
    api: Api,
    to: ReplyTo,
    created: u64,
    calls: Gathered,
    usage: Usage,
    reason: Option<FinishReason>,
    is_over: bool,
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start(start) => self.created = start.created.unwrap_or(self.created),
            Event::Choice { choice: 0, delta } => self.delta(delta, out),
            // Clients of this dialect cannot ask for several answers, and know no pings.
            Event::Choice { .. } | Event::Ping => {}
            Event::Usage(usage) => self.usage = *usage,
            Event::Failed(failure) => self.fail(failure, out),
            Event::End => {
                self.tell_calls(out);
                self.is_over = true;
                let last = Last { reason: self.reason, usage: self.usage };
                self.line(&Said::default(), Some(last), out);
            }
        }
    }
}

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self::of(Api::Chat, to)
    }

    pub(in super::super) fn of(api: Api, to: ReplyTo) -> Self {
        Self {
            api,
            created: to.created,
            to,
            calls: Gathered::default(),
            usage: Usage::default(),
            reason: None,
            is_over: false,
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.text(text, out),
            Delta::Reasoning(text) => {
                self.line(&Said { thinking: vec![text], ..Said::default() }, None, out);
            }
            Delta::ToolCall { index, id, name, .. } => self.calls.begin(*index, id, name),
            Delta::Arguments { index, piece } => self.calls.push(*index, piece),
            Delta::Media(media) => self.media(media, out),
            Delta::Logprobs(logprobs) => {
                let logprobs = Some(&**logprobs);
                self.line(&Said { logprobs, ..Said::default() }, None, out);
            }
            Delta::Finish(finish) => {
                self.tell_calls(out);
                self.reason = Some(finish.reason);
            }
            Delta::Signature(_) | Delta::Encrypted { .. } | Delta::Other(..) => {}
        }
        if self.calls.overflows() {
            let message = "The model's calls of tools are too large.".to_owned();
            let (kind, code, param, retry_after) = (FailureKind::Server, None, None, None);
            self.fail(&Failure { status: 502, kind, message, code, param, retry_after }, out);
        }
    }

    fn text(&self, text: &Text<'_>, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.line(&Said { text: vec![text], ..Said::default() }, None, out);
        }
    }

    fn media(&self, media: &Media<'_>, out: &mut Vec<u8>) {
        match (image::link_to(media), &media.source) {
            (Some(link), _) => self.text(&link, out),
            (None, Source::Base64 { data, .. }) if self.api == Api::Chat => {
                self.line(&Said { images: vec![data], ..Said::default() }, None, out);
            }
            (None, _) => {}
        }
    }

    /// Tells the calls, which are whole now.
    fn tell_calls(&mut self, out: &mut Vec<u8>) {
        let calls = self.calls.take();
        if !calls.is_empty() {
            self.line(&Said { calls, ..Said::default() }, None, out);
        }
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.is_over = true;
        self.calls.take();
        out.extend_from_slice(&error::write(failure));
        out.push(b'\n');
    }

    fn line(&self, said: &Said<'_>, last: Option<Last>, out: &mut Vec<u8>) {
        let mut json = Json::after(std::mem::take(out));
        self.api.line(&self.to, self.created, said, last, &mut json);
        *out = json.into_bytes();
        out.push(b'\n');
    }
}
