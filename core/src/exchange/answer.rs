//! A provider's answer as it passes to the client.

use super::heard::Turn;
use super::special::Special;
use super::trial::{Trial, Verdict};
use crate::dialect::chat::answer::ReplyTo;
use crate::dialect::chat::failure::Failure as Fault;
use crate::dialect::media::answer::{Found, Watch};
use crate::dialect::openai::answer::{Facts, member};
use crate::dialect::openai::realtime::Session;
use crate::dialect::openai::stream::Stream;
use crate::dialect::relay::{Between, Relay};
use crate::dialect::whole::{self, ANSWER_LIMIT, Vectors};
use crate::inflate::Inflate;
use crate::json::tap::Tap;
use crate::price::TokenUsage;
use crate::routing::failure::Failure;
use crate::tokens::Counted;
use crate::usage;

/// How much of an error answer is kept to find its code.
const ERROR_LIMIT: usize = 16 * 1024;

/// An answer and what is known of it so far.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) inflate: Option<Inflate>,
    pub(super) form: Form,
    pub(super) first_byte_at_us: Option<i64>,
    pub(super) ended: bool,
    pub(super) bytes: u64,
    /// The headers wait for the body, which says what it cost.
    pub(super) held: bool,
    /// What the body had said of usage after so many bytes, when that was looked for.
    pub(super) usage: Option<(u64, TokenUsage)>,
    /// Some of its body has come.
    pub(super) has_begun: bool,
    /// Nothing is decided about it.
    pub(super) trial: Option<Trial>,
    /// What could not be sent when it was let go.
    pub(super) unsent: Vec<u8>,
}

/// How an answer passes.
#[derive(Debug)]
pub(super) enum Form {
    /// An OpenAI stream for a client of OpenAI's.
    Stream(Box<Stream>),
    /// A whole OpenAI answer for a client of OpenAI's.
    Json(Box<Tap>),
    /// Images, sound, or what was heard.
    Media(Box<Watch>),
    /// A stream between other dialects.
    Relay(Box<Relay>),
    /// Anything else between other dialects: nothing passes before all of it is here.
    Whole(Box<Gathered>),
    /// Passes as it is, whatever it is.
    Passing,
    /// Passes as it is; the beginning is kept to find the error's code.
    Error(Vec<u8>),
    /// Replaced by this answer of ours, once.
    Ours(Vec<u8>),
    /// A WebSocket session.
    Session(Box<Session>),
}

impl Form {
    /// Tells whether the body that passes may have another length.
    pub(super) fn rewrites(&self) -> bool {
        match self {
            Self::Media(watch) => watch.rewrites(),
            Self::Passing | Self::Error(_) | Self::Session(_) => false,
            Self::Stream(_) | Self::Json(_) | Self::Relay(_) | Self::Whole(_) | Self::Ours(_) => {
                true
            }
        }
    }
}

/// An answer that is written anew when it is all here.
#[derive(Debug)]
pub(super) struct Gathered {
    between: Between,
    reply: ReplyTo,
    subject: Subject,
    body: Vec<u8>,
    facts: Facts,
    /// It is no answer of the provider's dialect, or too long for one.
    broken: bool,
}

/// What an answer is about.
#[derive(Debug)]
pub(super) enum Subject {
    /// What a model says.
    Conversation,
    /// Vectors, and how to write them where they are written anew.
    Vectors(Option<Vectors>),
    /// What a provider says in a form of its own.
    Special(Box<Special>),
}

impl Gathered {
    pub(super) fn new(between: Between, reply: ReplyTo, subject: Subject) -> Self {
        let facts = Facts::default();
        Self { between, reply, subject, body: Vec::new(), facts, broken: false }
    }

    fn push(&mut self, piece: &[u8]) {
        if self.body.len().saturating_add(piece.len()) > ANSWER_LIMIT {
            self.broken = true;
            self.body = Vec::new();
        }
        if !self.broken {
            self.body.extend_from_slice(piece);
        }
    }

    /// Returns the answer as the client gets it, or an error of ours when it is none.
    fn finish(&mut self, status: u16) -> Vec<u8> {
        let body = std::mem::take(&mut self.body);
        let Between { from, to, .. } = self.between;
        if let Subject::Special(special) = &mut self.subject {
            let created = self.reply.created;
            let read =
                if self.broken { Err(String::new()) } else { special.read(status, &body, created) };
            return read.unwrap_or_else(|why| {
                self.broken = status < 400;
                self.facts.error_code = Some("provider_error".to_owned());
                let status = if self.broken { 502 } else { status };
                to.write_failure(&Fault::of(status, &why))
            });
        }
        if status >= 400 {
            let (written, failure) = whole::write_failure(from, to, status, &body);
            let code = failure.code.unwrap_or_else(|| "provider_error".to_owned());
            self.facts.error_code = Some(code.chars().take(64).collect());
            return written;
        }
        let written = match &self.subject {
            _ if self.broken => None,
            Subject::Special(_) => None,
            Subject::Conversation => whole::write(from, to, &self.reply, &body),
            Subject::Vectors(wanted) => whole::write_vectors(from, to, &self.reply, *wanted, &body),
        };
        if let Some(written) = written {
            self.facts = written.facts;
            return written.body;
        }
        self.broken = true;
        self.facts.error_code = Some("provider_error".to_owned());
        to.write_failure(&whole::unreadable())
    }
}

impl Answer {
    pub(super) fn is_cut(&self) -> bool {
        match &self.form {
            Form::Stream(stream) => stream.is_cut(),
            Form::Relay(relay) => relay.is_cut(),
            Form::Session(session) => session.is_cut(),
            Form::Json(_)
            | Form::Media(_)
            | Form::Whole(_)
            | Form::Passing
            | Form::Error(_)
            | Form::Ours(_) => false,
        }
    }

    /// Tells whether nothing passes before the whole answer is here.
    pub(super) fn is_gathered(&self) -> bool {
        matches!(self.form, Form::Whole(_))
    }

    /// Tells whether the answer turned out to be none, so that its status is not the provider's.
    pub(super) fn is_broken(&self) -> bool {
        matches!(&self.form, Form::Whole(gathered) if gathered.broken)
    }

    /// Takes what follows this answer, when it is not the last.
    pub(super) fn take_turn(&mut self) -> Option<Turn> {
        let Form::Whole(gathered) = &mut self.form else { return None };
        let Subject::Special(special) = &mut gathered.subject else { return None };
        special.take_turn()
    }

    /// Tells whether the provider said all it had to say.
    pub(super) fn is_complete(&self) -> bool {
        match &self.form {
            _ if self.inflate.as_ref().is_some_and(Inflate::is_broken) => false,
            Form::Stream(stream) => stream.is_done() || stream.is_cut() || self.ended,
            Form::Relay(relay) => relay.is_done() || relay.is_cut(),
            // Either side may leave when it likes.
            Form::Session(_) => true,
            Form::Json(_)
            | Form::Media(_)
            | Form::Whole(_)
            | Form::Passing
            | Form::Error(_)
            | Form::Ours(_) => self.ended,
        }
    }

    /// Returns the usage of an answer that is not streamed, if it has passed already.
    pub(super) fn look_for_usage(&mut self) -> Option<TokenUsage> {
        self.usage = self.json_usage().map(|usage| (self.bytes, usage));
        self.usage.map(|(_, usage)| usage)
    }

    fn json_usage(&self) -> Option<TokenUsage> {
        match (&self.form, self.usage) {
            (Form::Json(_), Some((bytes, usage))) if bytes == self.bytes => Some(usage),
            (Form::Json(tap), _) => usage::parse(&tap.captured().usage),
            (Form::Whole(gathered), _) => gathered.facts.usage,
            (
                Form::Stream(_)
                | Form::Relay(_)
                | Form::Media(_)
                | Form::Passing
                | Form::Error(_)
                | Form::Ours(_)
                | Form::Session(_),
                _,
            ) => None,
        }
    }

    /// Returns what was found in an answer that is no conversation.
    pub(super) fn found(&self) -> Option<Found> {
        match &self.form {
            Form::Media(watch) => Some(watch.found()),
            Form::Whole(gathered) => match &gathered.subject {
                Subject::Special(special) => Some(special.found()),
                Subject::Conversation | Subject::Vectors(_) => None,
            },
            Form::Stream(_)
            | Form::Json(_)
            | Form::Relay(_)
            | Form::Passing
            | Form::Error(_)
            | Form::Ours(_)
            | Form::Session(_) => None,
        }
    }

    /// Counts what was generated, as far as that is known.
    pub(super) fn generated(&self, facts: &Facts) -> Counted {
        match &self.form {
            Form::Stream(stream) => stream.generated(),
            Form::Relay(relay) => relay.generated(),
            Form::Session(_) => Counted { tokens: 0, exact: true },
            Form::Json(_)
            | Form::Media(_)
            | Form::Whole(_)
            | Form::Passing
            | Form::Error(_)
            | Form::Ours(_) => Counted { tokens: facts.output_tokens(), exact: false },
        }
    }

    /// Returns what the answer said about itself.
    pub(super) fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        match &self.form {
            Form::Stream(stream) => facts = stream.facts().clone(),
            Form::Relay(relay) => facts = relay.facts().clone(),
            Form::Whole(gathered) => facts = gathered.facts.clone(),
            Form::Json(tap) => {
                facts.usage = self.json_usage();
                facts.take_id(tap.captured().id.trim_ascii());
                facts.take_error(tap.captured().error.trim_ascii());
                facts.output_bytes = self.bytes;
            }
            Form::Media(watch) => {
                let found = watch.found();
                facts.take_id(&found.id);
                facts.take_error(&found.error);
                facts.output_bytes = self.bytes;
            }
            Form::Error(kept) => {
                facts.take_error(member(kept, "error").unwrap_or(b"\"\""));
            }
            Form::Passing => {}
            Form::Ours(_) => facts.error_code = Some("provider_error".to_owned()),
            // Its answers have records of their own.
            Form::Session(_) => facts.usage = Some(TokenUsage::default()),
        }
        if self.is_cut() {
            facts.error_code = Some("budget_exceeded".to_owned());
        }
        facts
    }

    /// What a verdict means for an answer that is written anew only when all of it is here.
    pub(super) fn later(&self, verdict: Verdict, end: bool) -> Verdict {
        let failed = matches!(verdict, Verdict::Failed(_));
        if !failed && self.is_gathered() && !end {
            Verdict::Wait
        } else if !failed && self.is_broken() {
            Verdict::Failed(Failure::ServerError)
        } else {
            verdict
        }
    }

    /// Takes the encoding off a piece. `None`: it has none.
    pub(super) fn inflate(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        self.inflate.as_mut().map(|inflate| inflate.push(piece))
    }

    /// Returns what takes the place of a piece, or `None` when it passes as it is.
    pub(super) fn rewrite(&mut self, plain: &[u8], end: bool) -> Option<Vec<u8>> {
        self.bytes = self.bytes.saturating_add(plain.len() as u64);
        match &mut self.form {
            Form::Stream(stream) => {
                let out = stream.push(plain, end);
                (out != plain).then_some(out)
            }
            Form::Relay(relay) => {
                let out = relay.push(plain, end);
                (out != plain).then_some(out)
            }
            Form::Json(tap) => tap.push(plain),
            Form::Media(watch) => watch.push(plain),
            Form::Whole(gathered) => {
                gathered.push(plain);
                Some(if end { gathered.finish(self.status) } else { Vec::new() })
            }
            Form::Error(kept) => {
                let room = ERROR_LIMIT.saturating_sub(kept.len());
                kept.extend_from_slice(plain.get(..plain.len().min(room)).unwrap_or_default());
                None
            }
            Form::Passing => None,
            Form::Ours(body) => Some(std::mem::take(body)),
            Form::Session(session) => {
                let out = session.push(plain, end);
                (out != plain).then_some(out)
            }
        }
    }
}
