//! What clients ask of us, and not of the model, in headers.

use super::{Effect, Exchange, Phase};
use crate::dialect::openai::answer::Facts;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::progress::{self, Progress};

/// What one client asks.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// To be told, in a stream, how far the answer is.
    progress: bool,
    telling: Option<Progress>,
}

impl Wishes {
    /// Reads headers. `None`: nothing is asked.
    pub(super) fn read(headers: Headers<'_>) -> Option<Box<Self>> {
        let mut wishes: Option<Box<Self>> = None;
        for (name, value) in headers.0 {
            if *name == progress::HEADER && *value == b"true" {
                wishes.get_or_insert_default().progress = true;
            }
        }
        wishes
    }

    /// Tells whether pieces of the answer matter in the listener.
    pub(super) fn watch_answer(&self) -> bool {
        self.telling.is_some()
    }
}

impl Exchange {
    /// An answer begins. A stream of events will be told its progress.
    pub(super) fn grant_wishes(&mut self, headers: Headers<'_>) {
        let Some(wishes) = &mut self.wishes else { return };
        if self.phase != Phase::Forwarded || !wishes.progress || self.status >= 300 {
            return;
        }
        let media = headers.first("content-type").unwrap_or_default();
        if !media.trim_ascii_start().to_ascii_lowercase().starts_with(b"text/event-stream") {
            return;
        }
        wishes.telling = Some(Progress::new(self.started_at_us));
        if headers.first("content-length").is_some() {
            self.effects.push_back(Effect::RemoveResponseHeader("content-length".into()));
        }
        let enabled = b"enabled".to_vec();
        self.effects.push_back(Effect::SetResponseHeader(progress::HEADER, enabled));
    }

    /// A piece of the answer is about to reach the client.
    pub(super) fn passes(&mut self, piece: &[u8], end: bool, _gateway: &mut Gateway, now_us: i64) {
        let Some(wishes) = &mut self.wishes else { return };
        let Some(progress) = &mut wishes.telling else { return };
        let forwarded = self.forwarded.as_ref();
        let tokens = || {
            let Some(forwarded) = forwarded else { return 0 };
            let facts: Facts = forwarded.attempt.facts();
            let told = facts.usage.map(|usage| usage.output);
            told.unwrap_or_else(|| forwarded.attempt.generated(&facts).tokens)
        };
        let out = progress.push(piece, end, now_us, tokens);
        self.effects.push_back(Effect::ReplaceResponseBody(out));
    }
}
