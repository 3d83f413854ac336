//! Transcripts by providers who are sent the sound alone, in one request or in several: each step
//! of several is an attempt of Envoy's at the same provider.

use tollgate_proto::v1::{Endpoint, ProviderDialect};

use super::attempt::Attempt;
use super::{AGAIN_HEADER, Effect, Exchange, Flow, RETRY_ON_HEADER};
use crate::dialect::media::answer::Found;
use crate::dialect::media::assemblyai::{self, Outcome, Step};
use crate::dialect::media::deepgram;
use crate::dialect::media::file::SoundFile;
use crate::dialect::media::transcript::{Format, Transcript};
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::price::Units;
use crate::refusal::Refusal;
use crate::snapshot::Target;

/// A transcript that is not there after so many questions never will be.
const MOST_ASKED: u32 = 240;
/// Questions follow each other after so many microseconds, and later ones after as many more.
const FIRST_PAUSE_US: i64 = 500_000;
/// No pause is longer.
const LONGEST_PAUSE_US: i64 = 3_000_000;

/// A request for a transcript, as a provider who takes sound gets it.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    dialect: ProviderDialect,
    model: String,
    file: SoundFile,
    media_type: &'static str,
    format: Format,
    step: Step,
    asked: u32,
    /// The answer to the last step was dropped, and the next has not begun.
    is_turning: bool,
    found: Found,
    turn: Option<Turn>,
}

/// What follows an answer that is not the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// This step, at once.
    To(Step),
    /// The same step, after a while.
    Again,
}

impl Heard {
    /// Prepares a request. `None`: the target takes forms.
    ///
    /// # Errors
    /// When the sound is of no known kind, or the transcript is wanted in no known form.
    pub(super) fn new(
        request: &Request,
        body: &[u8],
        target: &Target,
    ) -> Result<Option<(Self, Vec<u8>)>, Refusal> {
        let dialect = target.provider.dialect;
        let takes_sound =
            matches!(dialect, ProviderDialect::Deepgram | ProviderDialect::Assemblyai);
        if !takes_sound || request.endpoint != Endpoint::Transcriptions {
            return Ok(None);
        }
        let file = request.media.as_ref().and_then(|ask| ask.file.as_deref());
        let file = file.ok_or(Refusal::Internal)?;
        if request.stream {
            return Err(Refusal::CannotCarry("stream".to_owned()));
        }
        let (sound, media_type, format) = file.sound(body)?;
        let heard = Self {
            dialect,
            model: target.model.clone(),
            file: file.clone(),
            media_type,
            format,
            step: Step::default(),
            asked: 0,
            is_turning: false,
            found: Found::default(),
            turn: None,
        };
        Ok(Some((heard, sound.to_vec())))
    }

    /// Tells whether it takes several requests.
    pub(super) fn has_steps(&self) -> bool {
        self.dialect == ProviderDialect::Assemblyai
    }

    pub(super) fn is_turning(&self) -> bool {
        self.is_turning
    }

    /// Returns method and path, below the provider's base.
    pub(super) fn head(&self) -> (&'static str, String) {
        if self.has_steps() {
            self.step.head()
        } else {
            ("POST", deepgram::path(&self.model, &self.file))
        }
    }

    /// Returns the media type of the body that is sent.
    pub(super) fn sent_as(&self) -> &'static str {
        if self.has_steps() { self.step.media_type() } else { self.media_type }
    }

    /// Returns the media type of an answer with this status.
    pub(super) fn answered_as(&self, status: u16) -> &'static str {
        if status < 400 { self.format.media_type() } else { "application/json" }
    }

    /// What was heard, as far as it is known.
    pub(super) fn found(&self) -> Found {
        self.found.clone()
    }

    /// Takes what follows the answer that was read last.
    pub(super) fn take_turn(&mut self) -> Option<Turn> {
        self.turn.take()
    }

    /// Reads an answer. Returns what the client gets, or why it gets nothing.
    pub(super) fn read(&mut self, status: u16, body: &[u8]) -> Result<Vec<u8>, String> {
        if status >= 400 {
            let said =
                if self.has_steps() { assemblyai::failure(body) } else { deepgram::failure(body) };
            return Err(said.unwrap_or_else(|| "the provider failed".to_owned()));
        }
        if !self.has_steps() {
            let said = deepgram::read(body, &self.file);
            let said = said.ok_or_else(|| "the provider's answer is none".to_owned())?;
            return Ok(self.write(&said));
        }
        match self.step.read(body, &self.file) {
            Outcome::Done(said) => return Ok(self.write(&said)),
            Outcome::Failed(why) => return Err(why),
            Outcome::Wait if self.asked >= MOST_ASKED => {
                return Err("the transcript took too long".to_owned());
            }
            Outcome::Wait => self.turn = Some(Turn::Again),
            Outcome::Next(step) => self.turn = Some(Turn::To(step)),
        }
        Ok(Vec::new())
    }

    fn write(&mut self, said: &Transcript) -> Vec<u8> {
        self.found.units = Units { audio_input_ms: said.duration_ms, ..Units::default() };
        said.write(self.format)
    }

    fn pause_us(&self) -> i64 {
        FIRST_PAUSE_US.saturating_mul(i64::from(self.asked)).min(LONGEST_PAUSE_US)
    }
}

impl Exchange {
    /// Tells Envoy that a request has several steps, each an attempt.
    pub(super) fn announce_steps(&mut self) {
        let Some(forwarded) = &self.forwarded else { return };
        if !forwarded.outgoing.has_steps() {
            return;
        }
        let cluster = forwarded.target.provider.cluster.clone();
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetRequestHeader(name, value.into_bytes()));
        };
        set(RETRY_ON_HEADER, "retriable-headers".to_owned());
        set("x-envoy-max-retries", (MOST_ASKED + 2).to_string());
        self.effects.push_back(Effect::RouteTo(cluster));
    }

    /// An answer that is not the last has been read: goes on to the next step, or waits.
    pub(super) fn turn(&mut self, turn: Turn, gateway: &mut Gateway, now_us: i64) -> Flow {
        self.effects.push_back(Effect::ReplaceResponseBody(Vec::new()));
        let heard = self.forwarded.as_mut().and_then(|forwarded| forwarded.outgoing.heard_mut());
        let Some(heard) = heard else { return Flow::Continue };
        if let Turn::To(step) = turn {
            heard.step = step;
            self.take_step();
            return Flow::Continue;
        }
        heard.asked = heard.asked.saturating_add(1);
        gateway.holds(self.id, now_us.saturating_add(heard.pause_us()));
        Flow::Pause
    }

    /// Asks again after a pause. Tells whether that was what was waited for.
    pub(super) fn ask_again(&mut self) -> bool {
        let steps = self.forwarded.as_ref().is_some_and(|forwarded| forwarded.outgoing.has_steps());
        if steps {
            self.take_step();
            self.effects.push_back(Effect::ResumeResponse);
        }
        steps
    }

    /// Makes Envoy drop the answer at hand and make the attempt that is the next step.
    fn take_step(&mut self) {
        let Some(forwarded) = &mut self.forwarded else { return };
        let Some(heard) = forwarded.outgoing.heard_mut() else { return };
        heard.is_turning = true;
        let body = heard.step.body(&heard.model, &heard.file).unwrap_or_default();
        forwarded.outgoing.replace_body(body);
        let body = forwarded.outgoing.body(&[]);
        let target = &forwarded.target;
        let attempt = Attempt::new(&forwarded.request, &forwarded.outgoing, target, body, None);
        forwarded.attempt = attempt.following();
        let cluster = target.provider.cluster.clone();
        self.effects.push_back(Effect::RouteTo(cluster));
        self.effects.push_back(Effect::SetResponseHeader(AGAIN_HEADER, b"1".to_vec()));
    }

    /// The next step has begun.
    pub(super) fn begin_step(&mut self) {
        let heard = self.forwarded.as_mut().and_then(|forwarded| forwarded.outgoing.heard_mut());
        if let Some(heard) = heard {
            heard.is_turning = false;
        }
    }
}
