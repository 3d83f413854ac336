//! An answer on trial: while another target could still take over, nothing of it reaches the client
//! before it has shown that it is one.

use super::answer::Form;
use super::{Effect, Exchange, Flow, Forwarded};
use crate::dialect::{Dialect, error, provider};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::routing::content::{Seen, Watch};
use crate::routing::failure::{self, Failure};

/// How much of an error answer is read to find out what is wrong.
const ERROR_LIMIT: usize = 64 * 1024;

/// An answer that nothing has been decided about.
#[derive(Debug)]
pub(super) struct Trial {
    subject: Subject,
    /// Those of its headers that a failure is judged by.
    headers: Vec<(String, Vec<u8>)>,
    /// What the client gets if it stands the trial.
    pending: Vec<u8>,
    /// Bytes that have come.
    bytes: usize,
    /// More than this is not held.
    most: usize,
}

#[derive(Debug)]
enum Subject {
    /// An error, of which so much has come.
    Error(Vec<u8>),
    /// An answer whose content is awaited.
    Answer(Watch),
}

/// What is to become of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing can be said yet.
    Wait,
    /// It is good.
    Good,
    /// Nothing is known against it, and it has been held for long enough.
    Pass,
    /// It is of no use.
    Failed(Failure),
}

impl Trial {
    /// Takes a piece as the provider sent it, without its encoding.
    pub(super) fn judge(&mut self, piece: &[u8], end: bool, status: u16, now_us: i64) -> Verdict {
        self.bytes = self.bytes.saturating_add(piece.len());
        let seen = match &mut self.subject {
            Subject::Error(body) => {
                let room = ERROR_LIMIT.saturating_sub(body.len());
                body.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
                if !end && body.len() < ERROR_LIMIT {
                    return Verdict::Wait;
                }
                return Verdict::Failed(failed(status, &self.headers, body, now_us));
            }
            Subject::Answer(watch) => {
                let seen = watch.push(piece);
                if end { watch.end() } else { seen }
            }
        };
        match seen {
            Seen::Content => Verdict::Good,
            Seen::Empty => Verdict::Failed(Failure::ContentMissing),
            Seen::Error => Verdict::Failed(self.error(now_us)),
            Seen::Waiting if self.bytes > self.most => Verdict::Pass,
            Seen::Waiting => Verdict::Wait,
        }
    }

    /// Says what an error in an answer with a good status means.
    fn error(&self, now_us: i64) -> Failure {
        match &self.subject {
            Subject::Answer(watch) => failed(200, &self.headers, watch.error(), now_us),
            Subject::Error(_) => Failure::ServerError,
        }
    }

    /// Keeps what the client will get.
    pub(super) fn keep(&mut self, piece: &[u8]) {
        self.pending.extend_from_slice(piece);
    }

    /// Returns what was kept.
    pub(super) fn into_pending(self) -> Vec<u8> {
        self.pending
    }
}

fn failed(status: u16, headers: &[(String, Vec<u8>)], body: &[u8], now_us: i64) -> Failure {
    let pairs: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    failure::classify(status, Headers(&pairs), body, now_us)
}

/// Tells whether a header says what is wrong, or for how long.
fn tells_failure(name: &str) -> bool {
    name.contains("retry-after") || name.contains("ratelimit") || name == "x-amzn-errortype"
}

impl Forwarded {
    /// Puts an answer on trial, when another target could take over from it, or, when none is
    /// left, to learn what is wrong with it.
    pub(super) fn trial(
        &self,
        status: u16,
        headers: Headers<'_>,
        form: &Form,
        gateway: &Gateway,
        now_us: i64,
    ) -> Option<Trial> {
        let fallback = self.fallback.as_deref()?;
        let has_next = || fallback.next(gateway, now_us).is_some();
        let dialect = provider::dialect(self.outgoing.endpoint).unwrap_or(Dialect::OpenAi);
        let streams = matches!(form, Form::Stream(_) | Form::Relay(_));
        let subject = match status {
            400.. => Subject::Error(Vec::new()),
            // What is no conversation shows nothing of itself before its end.
            _ if self.request.is_media() => return None,
            _ if (streams || !fallback.is_retried()) && !has_next() => return None,
            _ => Subject::Answer(Watch::new(dialect)),
        };
        let telling = headers.0.iter().filter(|(name, _)| tells_failure(name));
        Some(Trial {
            subject,
            headers: telling.map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            pending: Vec::new(),
            bytes: 0,
            most: fallback.model.routing.hold_bytes,
        })
    }
}

impl Exchange {
    /// Judges what has come of an answer, and draws the consequences. `out` is what takes the
    /// place of the piece at hand.
    pub(super) fn judge(
        &mut self,
        verdict: Verdict,
        out: &[u8],
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(forwarded) = &mut self.forwarded else { return Flow::Continue };
        let Some(answer) = forwarded.attempt.answer_mut() else { return Flow::Continue };
        if let Some(trial) = &mut answer.trial {
            trial.keep(out);
        }
        if verdict == Verdict::Wait {
            self.effects.push_back(Effect::ReplaceResponseBody(Vec::new()));
            return Flow::Pause;
        }
        gateway.held_no_more(self.id);
        if let Verdict::Failed(failure) = verdict {
            if self.fall_back(failure, gateway, now_us) {
                self.effects.push_back(Effect::ReplaceResponseBody(Vec::new()));
                return Flow::Continue;
            }
            return self.fail(failure);
        }
        if verdict == Verdict::Good
            && let Some(fallback) = forwarded.fallback.as_deref_mut()
        {
            fallback.succeeded(gateway, now_us);
        }
        self.release()
    }

    /// Notes that content came in an answer that was not on trial.
    pub(super) fn note_success(&mut self, gateway: &mut Gateway, now_us: i64) {
        let forwarded = self.forwarded.as_mut();
        if let Some(fallback) = forwarded.and_then(|forwarded| forwarded.fallback.as_deref_mut()) {
            fallback.succeeded(gateway, now_us);
        }
    }

    /// Lets an answer go.
    fn release(&mut self) -> Flow {
        let Some(forwarded) = &mut self.forwarded else { return Flow::Continue };
        let Some(answer) = forwarded.attempt.answer_mut() else { return Flow::Continue };
        if let Some(trial) = answer.trial.take() {
            self.effects.push_back(Effect::ReplaceResponseBody(trial.into_pending()));
        }
        self.forget_long_body();
        Flow::Continue
    }

    /// The last answer there could be is of no use. After several attempts none of them speaks for
    /// all; the only one is passed on as it is.
    fn fail(&mut self, failure: Failure) -> Flow {
        let answered = self.forwarded.as_ref().and_then(|forwarded| forwarded.attempt.status());
        let status = answered.filter(|status| *status >= 400).unwrap_or(502);
        let all_failed = self.all_failed(status).filter(|_| failure != Failure::ClientError);
        let Some(refusal) = all_failed else { return self.release() };
        let forwarded = self.forwarded.as_mut();
        let answer = forwarded.and_then(|forwarded| forwarded.attempt.answer_mut());
        let Some(answer) = answer else { return Flow::Continue };
        answer.trial = None;
        answer.status = status;
        let rendered = error::render(&refusal, self.api, self.settings.error_profile);
        answer.form = Form::Ours(Vec::new());
        self.effects.push_back(Effect::RemoveResponseHeader("content-length".into()));
        let mut set = |name, value: Vec<u8>| {
            self.effects.push_back(Effect::SetResponseHeader(name, value));
        };
        set(":status", rendered.status.to_string().into_bytes());
        set("content-type", b"application/json".to_vec());
        if let Some(pause) = failure.retry_after_us() {
            let seconds = pause.max(0) / 1_000_000 + i64::from(pause % 1_000_000 > 0);
            set("retry-after", seconds.to_string().into_bytes());
        }
        self.effects.push_back(Effect::ReplaceResponseBody(rendered.body));
        Flow::Continue
    }

    /// It took long enough: the client gets what there is, and this target's answer it will be.
    pub(super) fn held_long_enough(&mut self) -> Flow {
        if self.ask_again() {
            return Flow::Pause;
        }
        let forwarded = self.forwarded.as_mut();
        let answer = forwarded.and_then(|forwarded| forwarded.attempt.answer_mut());
        if let Some(answer) = answer
            && let Some(trial) = answer.trial.take()
        {
            answer.held = answer.is_gathered();
            if !answer.held {
                // What was kept goes out with the next piece: there is none at hand.
                answer.unsent = trial.into_pending();
                self.effects.push_back(Effect::ResumeResponse);
            }
        }
        Flow::Pause
    }
}
