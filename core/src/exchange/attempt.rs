//! One attempt at a provider: its answer read on the way back, and in `request` what is sent.

mod request;

use super::answer::{Answer, Form};
use super::forms::Seen;
use super::{CLUSTER_HEADER, Effect, Exchange, Flow, Outgoing, Phase};
use crate::dialect::media::answer::Found;
use crate::dialect::openai::answer::Facts;
use crate::dialect::request::{Cap, Request};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::inflate::Inflate;
use crate::json::edit::Edits;
use crate::price::TokenUsage;
use crate::refusal::Refusal;
use crate::settings::Role;
use crate::snapshot::Target;
use crate::tokens::Counted;

/// The headers of an answer that is announced to be no longer wait for its first piece, which is
/// nearly always all of it, so that they can say what it cost.
const MOST_HELD: u64 = 64 * 1024;

/// Answer headers that name the provider account or would speak for our host.
const PRIVATE_RESPONSE_HEADERS: [&str; 6] = [
    "alt-svc",
    "openai-organization",
    "openai-project",
    "set-cookie",
    "strict-transport-security",
    CLUSTER_HEADER,
];

/// The state of one attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    edits: Edits<'static>,
    content_length: usize,
    /// The body is not the client's, with or without edits.
    replaces_body: bool,
    /// The usage is asked for on our behalf and must be hidden.
    hide_usage: bool,
    body_written: bool,
    /// Another attempt has left its headers behind.
    follows: bool,
    answer: Option<Answer>,
}

impl Attempt {
    /// Prepares `body`, which `outgoing` is, for a target.
    pub(super) fn new(
        own: &Request,
        outgoing: &Outgoing,
        target: &Target,
        body: &[u8],
        cap: Option<Cap>,
    ) -> Self {
        let ask = target.provider.stream_usage;
        let request = outgoing.request(own);
        let edits = request.edits(body, &target.model, ask, cap);
        Self {
            content_length: edits.length_after(body),
            edits,
            replaces_body: outgoing.is_written(),
            hide_usage: ask && request.stream && !request.include_usage,
            body_written: false,
            follows: false,
            answer: None,
        }
    }

    /// Takes out what is to be changed in the body, for who does it as the body comes.
    pub(super) fn take_edits(&mut self) -> Edits<'static> {
        std::mem::take(&mut self.edits)
    }

    /// Makes it one that follows another attempt.
    pub(super) fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    pub(super) fn hides_usage(&self) -> bool {
        self.hide_usage
    }

    fn writes_body(&self) -> bool {
        self.replaces_body || !self.edits.is_empty()
    }

    /// Tells whether an answer of the provider's is on its way to the client.
    pub(super) fn has_answer(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.held)
    }

    pub(super) fn is_on_trial(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.trial.is_some())
    }

    pub(super) fn forget_answer(&mut self) {
        self.answer = None;
    }

    pub(super) fn answer_mut(&mut self) -> Option<&mut Answer> {
        self.answer.as_mut()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    pub(super) fn first_byte_at_us(&self) -> Option<i64> {
        self.answer.as_ref()?.first_byte_at_us
    }

    /// Tells whether the provider said all it had to say.
    pub(super) fn is_complete(&self) -> bool {
        self.answer.as_ref().is_some_and(Answer::is_complete)
    }

    /// Returns the usage of an answer that is not streamed, if it has passed already.
    pub(super) fn json_usage(&mut self) -> Option<TokenUsage> {
        self.answer.as_mut()?.look_for_usage()
    }

    /// Counts what was generated, as far as that is known.
    pub(super) fn generated(&self, facts: &Facts) -> Counted {
        let nothing = Counted { tokens: 0, exact: true };
        self.answer.as_ref().map_or(nothing, |answer| answer.generated(facts))
    }

    /// Returns what was found in an answer that is no conversation.
    pub(super) fn found(&self) -> Found {
        self.answer.as_ref().and_then(Answer::found).unwrap_or_default()
    }

    /// Returns what the answer said about itself.
    pub(super) fn facts(&self) -> Facts {
        self.answer.as_ref().map(Answer::facts).unwrap_or_default()
    }
}

impl Exchange {
    pub(super) fn attempt_headers(
        &mut self,
        cluster: Option<&[u8]>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if self.phase != Phase::Forwarded {
            return self.refuse(&Refusal::Internal);
        }
        self.begin_step();
        if self.is_fallible()
            && let Err(refusal) = self.begin_attempt(cluster, gateway, now_us)
        {
            return self.refuse(&refusal);
        }
        if let Some(forwarded) = &mut self.forwarded {
            forwarded.attempt.body_written = false;
            forwarded.attempt.answer = None;
        }
        self.write_request();
        Flow::Continue
    }

    pub(super) fn attempt_response_headers(
        &mut self,
        headers: Headers<'_>,
        end: bool,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(forwarded) = &mut self.forwarded else { return Flow::Continue };
        let status = headers.number(":status").and_then(|s| u16::try_from(s).ok()).unwrap_or(0);
        let is_last = forwarded.fallback.is_none();
        for name in headers.names() {
            if PRIVATE_RESPONSE_HEADERS.contains(&name) || name.starts_with("x-tollgate-") {
                self.effects.push_back(Effect::RemoveResponseHeader(name.to_owned().into()));
            }
        }
        let encoding = headers.first("content-encoding").unwrap_or_default();
        let inflate = Inflate::handles(encoding).then(Inflate::default);
        let content_type = headers.first("content-type").unwrap_or_default();
        let started_at_us = self.started_at_us;
        let profile = self.settings.error_profile;
        let form = forwarded.form(&Seen { status, content_type, started_at_us, profile });
        let media = form.media_type(forwarded, status);
        let trial = forwarded.trial(status, headers, &form, gateway, now_us);
        if !end {
            let rewritten = form.rewrites() || inflate.is_some();
            if rewritten && headers.first("content-length").is_some() {
                self.effects.push_back(Effect::RemoveResponseHeader("content-length".into()));
            }
            if inflate.is_some() {
                self.effects.push_back(Effect::RemoveResponseHeader("content-encoding".into()));
            }
        }
        if let Some(media) = media {
            self.effects.push_back(Effect::SetResponseHeader("content-type", media.into()));
        }
        let length = headers.number("content-length");
        let short = inflate.is_none() && length.is_some_and(|length| length <= MOST_HELD);
        let waits = matches!(form, Form::Whole(_)) || short && matches!(form, Form::Json(_));
        let on_trial = trial.is_some();
        let held = on_trial || !end && waits;
        let answer = Answer {
            status,
            inflate,
            form,
            first_byte_at_us: None,
            ended: end,
            bytes: 0,
            held,
            usage: None,
            has_begun: false,
            trial,
            unsent: Vec::new(),
        };
        forwarded.attempt.answer = Some(answer);
        if on_trial && end {
            let flow = self.attempt_response_body(&[], true, gateway, now_us);
            // There is no body, and none can be put in its place.
            self.effects.retain(|effect| !matches!(effect, Effect::ReplaceResponseBody(_)));
            return flow;
        }
        if let Some(fallback) = forwarded.fallback.as_deref().filter(|_| on_trial) {
            gateway.holds(self.id, now_us.saturating_add(fallback.model.routing.hold_us));
        }
        if is_last && status < 400 {
            self.forget_long_body();
        }
        if held { Flow::Pause } else { Flow::Continue }
    }

    pub(super) fn attempt_response_body(
        &mut self,
        piece: &[u8],
        end: bool,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let answer =
            self.forwarded.as_mut().and_then(|forwarded| forwarded.attempt.answer.as_mut());
        let Some(answer) = answer else { return Flow::Continue };
        let was_cut = answer.is_cut();
        if was_cut {
            // The client has its end. Now, and not in the callback that wrote it: Envoy would
            // drop what is not sent yet.
            self.effects.push_back(Effect::EndResponse);
        }
        if !piece.is_empty() {
            answer.first_byte_at_us.get_or_insert(now_us);
        }
        answer.ended |= end;
        let inflated = answer.inflate(piece);
        let plain = inflated.as_deref().unwrap_or(piece);
        let is_first = !std::mem::replace(&mut answer.has_begun, true);
        let status = answer.status;
        let verdict = answer.trial.as_mut().map(|trial| trial.judge(plain, end, status, now_us));
        let mut changed = answer.rewrite(plain, end);
        if let Some(turn) = answer.take_turn() {
            return self.turn(turn, gateway, now_us);
        }
        if let Form::Session(_) = answer.form {
            self.charge_session(plain, &mut changed, gateway, now_us);
            self.let_pass(was_cut, gateway);
            return Flow::Continue;
        }
        if let Some(verdict) = verdict {
            let verdict = answer.later(verdict, end);
            let out = changed.as_deref().unwrap_or(plain);
            if self.judge(verdict, out, gateway, now_us) == Flow::Pause {
                return Flow::Pause;
            }
        } else {
            changed = changed.or(inflated);
            if !answer.unsent.is_empty() {
                let mut late = std::mem::take(&mut answer.unsent);
                late.extend_from_slice(changed.as_deref().unwrap_or(piece));
                changed = Some(late);
            }
            if let Some(changed) = changed {
                self.effects.push_back(Effect::ReplaceResponseBody(changed));
            }
            if answer.is_gathered() && !end {
                return Flow::Pause;
            }
            if is_first && status < 400 {
                self.note_success(gateway, now_us);
            }
        }
        self.let_pass(was_cut, gateway);
        Flow::Continue
    }

    /// A piece of an answer goes to the client.
    fn let_pass(&mut self, was_cut: bool, gateway: &mut Gateway) {
        let answer =
            self.forwarded.as_mut().and_then(|forwarded| forwarded.attempt.answer.as_mut());
        let Some(answer) = answer else { return };
        if answer.is_broken() {
            answer.status = 502;
            let json = b"application/json".to_vec();
            self.effects.push_back(Effect::SetResponseHeader(":status", b"502".to_vec()));
            self.effects.push_back(Effect::SetResponseHeader("content-type", json));
        }
        if std::mem::take(&mut answer.held) && self.settings.role == Role::Standalone {
            self.show_cost();
        } else if answer.is_cut() && !was_cut {
            // If the provider says nothing more, there will be no other callback.
            gateway.was_cut(self.id);
        }
    }

    pub(super) fn attempt_response_trailers(&mut self, gateway: &mut Gateway, now_us: i64) -> Flow {
        let answer =
            self.forwarded.as_mut().and_then(|forwarded| forwarded.attempt.answer.as_mut());
        let Some(answer) = answer else { return Flow::Continue };
        if answer.held {
            // Its body is at hand yet.
            return self.attempt_response_body(&[], true, gateway, now_us);
        }
        answer.ended = true;
        Flow::Continue
    }
}
