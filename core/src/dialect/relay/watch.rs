//! What a stream says about itself, whatever its dialect: its usage, and how much text there was.

use crate::dialect::chat::event::{Delta, Event};
use crate::dialect::openai::answer::Facts;
use crate::dialect::texts::Texts;
use crate::tokens::{Counted, Family};

/// The longest id that is kept.
const ID_LIMIT: usize = 128;

/// Follows the events of a stream.
#[derive(Debug)]
pub(super) struct Watch {
    facts: Facts,
    texts: Texts,
    choices: u32,
    finished: u32,
    ended: bool,
    failed: bool,
}

impl Watch {
    pub(super) fn new(family: Family) -> Self {
        Self {
            facts: Facts::default(),
            texts: Texts::new(family),
            choices: 0,
            finished: 0,
            ended: false,
            failed: false,
        }
    }

    pub(super) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => {
                let id = start.id.as_ref().map(|id| id.decoded().into_owned());
                self.facts.id = id.map(|id| id.chars().take(ID_LIMIT).collect());
            }
            Event::Choice { choice, delta } => self.take_delta(*choice, delta),
            Event::Usage(usage) => self.facts.partial = Some(usage.tokens),
            Event::Failed(failure) => {
                self.failed = true;
                let code = failure.code.clone();
                self.facts.error_code = code.or_else(|| Some("provider_error".to_owned()));
            }
            Event::Ping => {}
            Event::End => self.ended = true,
        }
        if self.is_done() {
            self.facts.usage = self.facts.partial;
        }
    }

    fn take_delta(&mut self, choice: u32, delta: &Delta<'_>) {
        self.choices = self.choices.max(choice.saturating_add(1));
        let (name, call, text): (&[u8], u32, _) = match delta {
            Delta::Text(text) => (b"content", 0, text),
            Delta::Refusal(text) => (b"refusal", 0, text),
            Delta::Reasoning(text) => (b"reasoning", 0, text),
            Delta::ToolCall { index, name, .. } => (b"name", *index, name),
            Delta::Arguments { index, piece } => (b"arguments", *index, piece),
            Delta::Finish(_) => {
                self.finished = self.finished.saturating_add(1);
                return;
            }
            Delta::Signature(_)
            | Delta::Encrypted { .. }
            | Delta::Media(_)
            | Delta::Other(..)
            | Delta::Logprobs(_) => return,
        };
        let text = text.as_escaped();
        self.facts.output_bytes += text.len() as u64;
        self.texts.take_text(u64::from(choice), name, u64::from(call), text);
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn choices(&self) -> u32 {
        self.choices.max(1)
    }

    pub(super) fn generated(&self) -> Counted {
        self.texts.total()
    }

    pub(super) fn exceeds(&self, tokens: u64) -> bool {
        self.texts.exceed(tokens)
    }

    /// The provider has said its last word.
    pub(super) fn is_done(&self) -> bool {
        self.ended || (self.choices > 0 && self.finished >= self.choices)
    }

    /// Nothing is to be said after what has come.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.failed
    }
}
