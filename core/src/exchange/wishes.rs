//! What clients ask of us, and not of the model, in headers.

use std::rc::Rc;

use super::cached::{CACHE_HEADER, Caching, Hit};
use super::capture::Capture;
use super::repeats::{KEY_HEADER, REQUEST_HEADER, Repeat};
use super::upload::Upload;
use super::{Effect, Exchange, Forwarded, Phase};
use crate::cache::Kept;
use crate::dialect::openai::answer::Facts;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::policy::access::KeyPolicy;
use crate::progress::{self, Progress};
use crate::settings::Settings;
use crate::snapshot::Model;

/// What one client asks.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// To be told, in a stream, how far the answer is.
    progress: bool,
    telling: Option<Progress>,
    /// Not to make the request twice.
    pub(super) repeat: Option<Repeat>,
    /// To have an answer that was kept, and to have its own kept.
    pub(super) cache: Option<Caching>,
    /// One that waits for units of limits.
    pub(super) hit: Option<Box<Hit>>,
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
        let (mut progress, mut key, mut id) = (false, None, None);
        // Once for all of them: nearly every request has none.
        for (name, value) in headers.0 {
            match *name {
                progress::HEADER => progress = *value == b"true",
                KEY_HEADER => key = key.or(Some(*value)),
                REQUEST_HEADER => id = id.or(Some(*value)),
                _ => {}
            }
        }
        let named = (key.is_some() || id.is_some()).then(|| gateway.snapshot()).flatten();
        let repeat = named.and_then(|snapshot| {
            Repeat::read(headers, (key, id), snapshot, settings.client_request_id)
        });
        let cache = Caching::read(headers, gateway);
        let any = progress || repeat.is_some() || cache.is_some();
        any.then(|| Box::new(Self { progress, repeat, cache, ..Self::default() }))
    }

    /// Tells whether anything of it concerns the answer.
    pub(super) fn concern_answer(&self) -> bool {
        self.progress || self.copied().is_some()
    }

    /// Returns how much of the answer is copied, for others who ask the same.
    fn copied(&self) -> Option<usize> {
        let awaited = self.repeat.as_ref().filter(|it| it.leads()).map(|it| it.most);
        awaited.max(self.cache.as_ref().and_then(Caching::most))
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

/// What became of the same request before.
pub(super) enum Before {
    /// The control plane is asked.
    Unknown,
    /// It was answered, and this was kept.
    Kept(Rc<Kept>),
    /// Nothing that could be used.
    Never,
}

impl Exchange {
    /// Tells whether a request that may be served has an answer already, or will have one.
    pub(super) fn answered_before(
        &mut self,
        asked: (&Request, &[u8]),
        model: &Model,
        policy: &KeyPolicy,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Before {
        // Of a form that flows only the beginning is known.
        let flows = self.upload.as_deref().is_some_and(Upload::is_ahead);
        if self.wishes.is_none() || flows {
            return Before::Never;
        }
        if !self.may_be_made(asked.0, asked.1, policy, gateway) {
            return Before::Unknown;
        }
        self.find_kept(asked, model, policy, gateway, now_us)
    }

    /// An answer begins.
    pub(super) fn grant_wishes(&mut self, headers: Headers<'_>) {
        let Some(wishes) = &mut self.wishes else { return };
        if self.phase != Phase::Forwarded || self.local_body.is_some() {
            return;
        }
        let media = headers.first("content-type").unwrap_or_default();
        wishes.capture = wishes.copied().map(|most| Capture::new(media, most));
        if wishes.cache.as_ref().is_some_and(|cache| cache.most().is_some()) {
            self.effects.push_back(Effect::SetResponseHeader(CACHE_HEADER, b"MISS".to_vec()));
        }
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
        let Some(mut wishes) = self.wishes.take() else { return };
        if let Some(capture) = &mut wishes.capture {
            capture.push(piece);
            if end {
                let status = self.forwarded.as_ref().and_then(Forwarded::good_status);
                Self::deliver(&mut wishes, status, gateway);
                self.keep(&mut wishes, status, gateway, self.started_at_us.max(now_us));
                wishes.capture = None;
            }
        }
        self.tell_progress(&mut wishes, (piece, end), now_us);
        self.wishes = Some(wishes);
    }

    fn tell_progress(&mut self, wishes: &mut Wishes, (piece, end): (&[u8], bool), now_us: i64) {
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
