//! One attempt at a provider: its request written, its answer read on the way back.

use super::{CLUSTER_HEADER, Effect, Exchange, Flow, Forwarded, Phase};
use crate::dialect::openai::answer::{Facts, member};
use crate::dialect::openai::request::{Cap, Request};
use crate::dialect::openai::stream::{Allowance, Stream};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::inflate::Inflate;
use crate::json::edit::Edits;
use crate::json::tap::Tap;
use crate::path::provider_path;
use crate::price::TokenUsage;
use crate::refusal::Refusal;
use crate::settings::Role;
use crate::snapshot::Target;
use crate::tokens::Counted;
use crate::usage;

/// Longer prompts are forgotten once they are answered. Shorter ones are counted at the end if
/// the provider does not say what they were.
const BODY_KEPT: usize = 256 * 1024;

/// The headers of an answer that is announced to be no longer wait for its first piece, which is
/// nearly always all of it, so that they can say what it cost.
const MOST_HELD: u64 = 64 * 1024;

/// How much of an error answer is kept to find its code.
const ERROR_LIMIT: usize = 16 * 1024;

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
    /// The usage is asked for on our behalf and must be hidden.
    hide_usage: bool,
    body_written: bool,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    inflate: Option<Inflate>,
    form: Form,
    first_byte_at_us: Option<i64>,
    ended: bool,
    bytes: u64,
    /// The headers wait for the body, which says what it cost.
    held: bool,
    /// What the body had said of usage after so many bytes, when that was looked for.
    usage: Option<(u64, TokenUsage)>,
}

#[derive(Debug)]
enum Form {
    Stream(Box<Stream>),
    Json(Box<Tap>),
    /// Passes as it is; the beginning is kept to find the error's code.
    Error(Vec<u8>),
    /// Replaced by this answer of ours, once.
    Ours(Vec<u8>),
}

impl Attempt {
    pub(super) fn new(request: &Request, target: &Target, body: &[u8], cap: Option<Cap>) -> Self {
        let ask = target.provider.stream_usage;
        let edits = request.edits(body, &target.model, ask, cap);
        Self {
            content_length: edits.length_after(body),
            edits,
            hide_usage: ask && request.stream && !request.include_usage,
            body_written: false,
            answer: None,
        }
    }

    pub(super) fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    pub(super) fn first_byte_at_us(&self) -> Option<i64> {
        self.answer.as_ref()?.first_byte_at_us
    }

    /// Tells whether the provider said all it had to say.
    pub(super) fn is_complete(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| match &answer.form {
            _ if answer.inflate.as_ref().is_some_and(Inflate::is_broken) => false,
            Form::Stream(stream) => stream.is_done() || stream.is_cut() || answer.ended,
            Form::Json(_) | Form::Error(_) | Form::Ours(_) => answer.ended,
        })
    }

    /// Returns the usage of an answer that is not streamed, if it has passed already.
    pub(super) fn json_usage(&mut self) -> Option<TokenUsage> {
        let answer = self.answer.as_mut()?;
        answer.usage = answer.json_usage().map(|usage| (answer.bytes, usage));
        answer.usage.map(|(_, usage)| usage)
    }

    /// Counts what was generated, as far as that is known.
    pub(super) fn generated(&self, facts: &Facts) -> Counted {
        match self.answer.as_ref().map(|answer| &answer.form) {
            Some(Form::Stream(stream)) => stream.generated(),
            None => Counted { tokens: 0, exact: true },
            Some(_) => Counted { tokens: facts.output_tokens(), exact: false },
        }
    }

    /// Returns what the answer said about itself.
    pub(super) fn facts(&self) -> Facts {
        let Some(answer) = &self.answer else { return Facts::default() };
        let mut facts = Facts::default();
        match &answer.form {
            Form::Stream(stream) => {
                facts = stream.facts().clone();
                if stream.is_cut() {
                    facts.error_code = Some("budget_exceeded".to_owned());
                }
            }
            Form::Json(tap) => {
                facts.usage = answer.json_usage();
                facts.take_id(tap.captured().id.trim_ascii());
                facts.take_error(tap.captured().error.trim_ascii());
                facts.output_bytes = answer.bytes;
            }
            Form::Error(kept) => {
                facts.take_error(member(kept, "error").unwrap_or(b"\"\""));
            }
            Form::Ours(_) => facts.error_code = Some("provider_error".to_owned()),
        }
        facts
    }
}

impl Exchange {
    pub(super) fn attempt_headers(&mut self) -> Flow {
        if self.phase != Phase::Forwarded {
            return self.refuse(&Refusal::Internal);
        }
        if let Some(forwarded) = &mut self.forwarded {
            forwarded.attempt.body_written = false;
            forwarded.attempt.answer = None;
        }
        self.write_request();
        Flow::Continue
    }

    /// Makes the request the provider's: its path, its host, its credential.
    pub(super) fn write_request(&mut self) {
        let Some(forwarded) = &self.forwarded else { return };
        let provider = &forwarded.target.provider;
        let path = [&provider.base_path, provider_path(forwarded.endpoint)].concat();
        let attempt = &forwarded.attempt;
        let length = (!attempt.edits.is_empty()).then(|| attempt.content_length.to_string());
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetRequestHeader(name, value.into_bytes()));
        };
        if self.path != path.as_bytes() {
            self.path.clear();
            self.path.extend_from_slice(path.as_bytes());
            set(":path", path);
        }
        set(":authority", provider.authority.clone());
        if let Some(length) = length {
            set("content-length", length);
        }
        match &provider.authorization {
            Some(authorization) => set("authorization", authorization.clone()),
            None => self.effects.push_back(Effect::RemoveRequestHeader("authorization".into())),
        }
    }

    pub(super) fn attempt_body(&mut self) -> Flow {
        self.write_body();
        Flow::Continue
    }

    /// Puts the whole edited body in the place of the first piece, and nothing in that of others.
    pub(super) fn write_body(&mut self) {
        let Some(forwarded) = &mut self.forwarded else { return };
        let attempt = &mut forwarded.attempt;
        if attempt.edits.is_empty() {
            return;
        }
        let body = match (&self.body, attempt.body_written) {
            (Some(body), false) => attempt.edits.apply(body),
            _ => Vec::new(),
        };
        attempt.body_written = true;
        self.effects.push_back(Effect::ReplaceRequestBody(body));
    }

    pub(super) fn attempt_response_headers(&mut self, headers: Headers<'_>, end: bool) -> Flow {
        let Some(forwarded) = &mut self.forwarded else { return Flow::Continue };
        let status = headers.number(":status").and_then(|s| u16::try_from(s).ok()).unwrap_or(0);
        if status < 400 && self.body.as_ref().is_some_and(|body| body.len() > BODY_KEPT) {
            // No further attempt will need it, and it is too long to be counted.
            self.body = None;
        }
        for name in headers.names() {
            if PRIVATE_RESPONSE_HEADERS.contains(&name) || name.starts_with("x-tollgate-") {
                self.effects.push_back(Effect::RemoveResponseHeader(name.to_owned().into()));
            }
        }
        let encoding = headers.first("content-encoding").unwrap_or_default();
        let inflate = Inflate::handles(encoding).then(Inflate::default);
        let content_type = headers.first("content-type").unwrap_or_default();
        let form = form(status, content_type, forwarded);
        if !end {
            let rewritten = !matches!(form, Form::Error(_)) || inflate.is_some();
            if rewritten && headers.first("content-length").is_some() {
                self.effects.push_back(Effect::RemoveResponseHeader("content-length".into()));
            }
            if inflate.is_some() {
                self.effects.push_back(Effect::RemoveResponseHeader("content-encoding".into()));
            }
        }
        if matches!(form, Form::Ours(_)) {
            let json = b"application/json".to_vec();
            self.effects.push_back(Effect::SetResponseHeader("content-type", json));
        }
        let length = headers.number("content-length");
        let held = !end
            && inflate.is_none()
            && matches!(form, Form::Json(_))
            && length.is_some_and(|length| length <= MOST_HELD);
        let answer = Answer {
            status,
            inflate,
            form,
            first_byte_at_us: None,
            ended: end,
            bytes: 0,
            held,
            usage: None,
        };
        forwarded.attempt.answer = Some(answer);
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
        if let Some(changed) = answer.rewrite(piece, end) {
            self.effects.push_back(Effect::ReplaceResponseBody(changed));
        }
        if std::mem::take(&mut answer.held) && self.settings.role == Role::Standalone {
            self.show_cost();
        } else if answer.is_cut() && !was_cut {
            // If the provider says nothing more, there will be no other callback.
            gateway.was_cut(self.id);
        }
        Flow::Continue
    }

    pub(super) fn attempt_response_trailers(&mut self) -> Flow {
        let answer =
            self.forwarded.as_mut().and_then(|forwarded| forwarded.attempt.answer.as_mut());
        if let Some(answer) = answer {
            answer.ended = true;
        }
        Flow::Continue
    }
}

impl Answer {
    fn is_cut(&self) -> bool {
        matches!(&self.form, Form::Stream(stream) if stream.is_cut())
    }

    fn json_usage(&self) -> Option<TokenUsage> {
        match (&self.form, self.usage) {
            (Form::Json(_), Some((bytes, usage))) if bytes == self.bytes => Some(usage),
            (Form::Json(tap), _) => usage::parse(&tap.captured().usage),
            (Form::Stream(_) | Form::Error(_) | Form::Ours(_), _) => None,
        }
    }

    /// Returns what takes the place of a piece, or `None` when it passes as it is.
    fn rewrite(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let inflated = self.inflate.as_mut().map(|inflate| inflate.push(piece));
        let plain = inflated.as_deref().unwrap_or(piece);
        self.bytes = self.bytes.saturating_add(plain.len() as u64);
        let changed = match &mut self.form {
            Form::Stream(stream) => {
                let out = stream.push(plain, end);
                (out != plain).then_some(out)
            }
            Form::Json(tap) => tap.push(plain),
            Form::Error(kept) => {
                let room = ERROR_LIMIT.saturating_sub(kept.len());
                kept.extend_from_slice(plain.get(..plain.len().min(room)).unwrap_or_default());
                None
            }
            Form::Ours(body) => Some(std::mem::take(body)),
        };
        changed.or(inflated)
    }
}

fn form(status: u16, content_type: &[u8], forwarded: &Forwarded) -> Form {
    let model = &forwarded.request.model;
    match status {
        // Providers print parts of the credential that they refuse, and it is ours.
        401 => Form::Ours(Refusal::ProviderCredential(status).render().body),
        400.. => Form::Error(Vec::new()),
        _ if is_event_stream(content_type) => {
            let allowance = forwarded.reserved.output.map(|output| Allowance {
                output,
                input: forwarded.request.include_usage.then_some(forwarded.reserved.input),
            });
            let asked = forwarded.request.include_usage;
            let price = forwarded.target.price.as_ref().filter(|_| asked).cloned();
            let stream = Stream::new(model, forwarded.target.family, forwarded.attempt.hide_usage);
            Form::Stream(Box::new(stream.within(allowance).priced(price)))
        }
        _ => Form::Json(Box::new(Tap::new(model))),
    }
}

fn is_event_stream(content_type: &[u8]) -> bool {
    let kind = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}
