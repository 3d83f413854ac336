//! What clients ask of us, and not of the model, in headers.

use super::capture::Capture;
use super::repeats::Repeat;
use super::{Effect, Exchange, Forwarded, Phase};
use crate::dialect::openai::answer::Facts;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::progress::{self, Progress};
use crate::settings::Settings;

/// What one client asks.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// To be told, in a stream, how far the answer is.
    progress: bool,
    telling: Option<Progress>,
    /// Not to make the request twice.
    pub(super) repeat: Option<Repeat>,
    /// A copy of the answer.
    pub(super) capture: Option<Capture>,
}

impl Wishes {
    /// Reads headers. `None`: nothing is asked.
    pub(super) fn read(
        headers: Headers<'_>,
        gateway: &Gateway,
        settings: &Settings,
    ) -> Option<Box<Self>> {
        let progress = headers.first(progress::HEADER) == Some(b"true");
        let snapshot = gateway.snapshot();
        let repeat = snapshot
            .and_then(|snapshot| Repeat::read(headers, snapshot, settings.client_request_id));
        let any = progress || repeat.is_some();
        any.then(|| Box::new(Self { progress, repeat, ..Self::default() }))
    }

    /// Tells whether a form must be read to its end because its client counts on its not being
    /// made twice. An id that promises nothing is forgotten.
    pub(super) fn must_compare(wishes: &mut Option<Box<Self>>) -> bool {
        let Some(wishes) = wishes else { return false };
        wishes.repeat = wishes.repeat.take().filter(Repeat::is_strict);
        wishes.repeat.is_some()
    }

    /// Tells whether pieces of the answer matter in the listener.
    pub(super) fn watch_answer(&self) -> bool {
        self.telling.is_some() || self.capture.is_some()
    }

    /// Tells whether the time matters at which they come.
    pub(super) fn time_answer(&self) -> bool {
        self.telling.is_some()
    }
}

impl Exchange {
    /// An answer begins.
    pub(super) fn grant_wishes(&mut self, headers: Headers<'_>) {
        let Some(wishes) = &mut self.wishes else { return };
        if self.phase != Phase::Forwarded || self.local_body.is_some() {
            return;
        }
        let media = headers.first("content-type").unwrap_or_default();
        let most = wishes.repeat.as_ref().filter(|it| it.leads()).map(|it| it.most);
        wishes.capture = most.map(|most| Capture::new(media, most));
        if !wishes.progress || self.status >= 300 {
            return;
        }
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
    pub(super) fn passes(&mut self, piece: &[u8], end: bool, gateway: &mut Gateway, now_us: i64) {
        let Some(wishes) = &mut self.wishes else { return };
        if let Some(capture) = &mut wishes.capture {
            capture.push(piece);
            if end {
                let status = self.forwarded.as_ref().and_then(Forwarded::good_status);
                Self::deliver(wishes, status, gateway);
                wishes.capture = None;
            }
        }
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

impl Forwarded {
    /// Returns the status of an answer that came to its end as it should.
    fn good_status(&self) -> Option<u16> {
        let status = self.attempt.status()?;
        let failed = status < 300 && self.attempt.facts().error_code.is_some();
        let good = self.is_answered() && self.attempt.is_complete() && !failed;
        good.then_some(status)
    }
}
