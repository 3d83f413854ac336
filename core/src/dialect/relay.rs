//! A provider's stream on its way to a client of any dialect: written anew where they differ,
//! passed with the client's name of the model where they do not.

use super::Dialect;
use super::chat::answer::{Finish, FinishReason, ReplyTo, Usage};
use super::chat::event::{Delta, Event, Reader, Writer};
use super::chat::failure::Failure;
use super::openai::answer::Facts;
use super::openai::stream::Allowance;
use crate::price::TokenUsage;
use crate::tokens::{Counted, Family};

pub(super) mod passing;
mod watch;

use passing::Passing;
use watch::Watch;

/// The state between two pieces of a stream.
///
/// It holds one incomplete event, at most [`crate::sse::EVENT_LIMIT`], and what the two dialects
/// need to remember: positions and ids, and a tool call's arguments where the client's dialect
/// has them in one piece.
pub struct Relay {
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
    /// The dialects are the same.
    passing: Option<Passing>,
    watch: Watch,
    allowance: Option<Allowance>,
    is_cut: bool,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// Between whom a stream runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// The provider's dialect.
    pub from: Dialect,
    /// The client's.
    pub to: Dialect,
    /// The client wants server-sent events, where its dialect has another form too.
    pub sse: bool,
}

impl Relay {
    /// Follows a stream whose texts are counted as `family` counts them.
    pub fn new(between: Between, to: ReplyTo, family: Family) -> Self {
        let Between { from, to: dialect, sse } = between;
        let same = from == dialect && sse;
        Self {
            reader: from.reader(),
            passing: same.then(|| Passing::new(dialect, &to.model)),
            writer: dialect.writer(to, sse),
            watch: Watch::new(family),
            allowance: None,
            is_cut: false,
        }
    }

    /// Ends the stream when its texts get longer than this.
    #[must_use]
    pub fn within(mut self, allowance: Option<Allowance>) -> Self {
        self.allowance = allowance;
        self
    }

    /// Takes a piece and returns what to forward now.
    pub fn push(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + 64);
        if self.is_cut {
            return out;
        }
        match self.passing.take() {
            Some(mut passing) => {
                passing.push(piece, end, |raw, edited| self.pass(raw, edited, &mut out));
                self.passing = Some(passing);
            }
            None => self.translate(piece, end, &mut out),
        }
        out
    }

    /// Tells whether the stream was ended here: what the provider still sends is not wanted.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Tells whether the provider has said all it had to say.
    pub fn is_done(&self) -> bool {
        self.watch.is_done()
    }

    /// Returns what the stream has said so far.
    pub fn facts(&self) -> &Facts {
        self.watch.facts()
    }

    /// Counts the tokens that were generated so far.
    pub fn generated(&self) -> Counted {
        self.watch.generated()
    }

    /// Forwards an event as it is, and reads it all the same.
    fn pass(&mut self, raw: &[u8], edited: Option<&[u8]>, out: &mut Vec<u8>) {
        if self.is_cut {
            return;
        }
        let Self { reader, writer, watch, allowance, .. } = self;
        let mut unsent = Vec::new();
        reader.push(raw, &mut |event| {
            watch.take(&event);
            if allowance.is_some() {
                // It would know how to end the stream.
                writer.event(&event, &mut unsent);
                unsent.clear();
            }
        });
        if self.exceeds() {
            self.cut(out);
        } else {
            out.extend_from_slice(edited.unwrap_or(raw));
        }
    }

    fn translate(&mut self, piece: &[u8], end: bool, out: &mut Vec<u8>) {
        let Self { reader, writer, watch, allowance, .. } = self;
        let mut exceeded = false;
        let mut take = |event: Event<'_>| {
            if exceeded {
                return;
            }
            watch.take(&event);
            exceeded = exceeds(watch, *allowance);
            if !exceeded {
                writer.event(&event, out);
            }
        };
        reader.push(piece, &mut take);
        if end {
            reader.end(&mut take);
        }
        if exceeded {
            self.cut(out);
        } else if end && !self.watch.is_over() {
            let failed = Event::Failed(broken_off());
            self.watch.take(&failed);
            self.writer.event(&failed, out);
        }
    }

    fn exceeds(&self) -> bool {
        exceeds(&self.watch, self.allowance)
    }

    /// Ends the stream as one that reached its limit of tokens.
    fn cut(&mut self, out: &mut Vec<u8>) {
        self.is_cut = true;
        for choice in 0..self.watch.choices() {
            let finish = Finish { reason: FinishReason::Length, stop_sequence: None };
            let delta = Delta::Finish(finish);
            self.writer.event(&Event::Choice { choice, delta }, out);
        }
        let output = self.watch.generated().tokens;
        let input = self.allowance.and_then(|allowance| allowance.input).unwrap_or(0);
        let total = input.saturating_add(output);
        let tokens = TokenUsage { input, output, total, ..TokenUsage::default() };
        self.writer.event(&Event::Usage(Usage { tokens, ..Usage::default() }), out);
        self.writer.event(&Event::End, out);
    }
}

/// Providers count by vocabularies of their own; so there is an eighth and eight tokens to spare.
fn exceeds(watch: &Watch, allowance: Option<Allowance>) -> bool {
    allowance.is_some_and(|Allowance { output, .. }| {
        !watch.is_done() && watch.exceeds(output.saturating_add(output / 8).saturating_add(8))
    })
}

fn broken_off() -> Failure {
    Failure {
        code: Some("provider_error".to_owned()),
        ..Failure::of(502, "The provider's answer ended before it was complete.")
    }
}
