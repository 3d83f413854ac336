//! How a provider's answer passes, decided by its headers.

use tollgate_proto::v1::Endpoint;

use super::Forwarded;
use super::answer::{Form, Gathered, Subject};
use crate::dialect::chat::answer::ReplyTo;
use crate::dialect::media::{self, answer::Watch};
use crate::dialect::openai::answer::BYTES_PER_TOKEN;
use crate::dialect::openai::realtime::Session;
use crate::dialect::openai::stream::{Allowance, Stream};
use crate::dialect::relay::{Between, Relay};
use crate::dialect::{Dialect, error, provider};
use crate::json::tap::Tap;
use crate::key::hex;
use crate::path::{Api, api};
use crate::refusal::Refusal;
use crate::settings::ErrorProfile;

/// What an answer needs besides what was decided.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    pub(super) content_type: &'a [u8],
    /// When the request came, in microseconds since the Unix epoch.
    pub(super) started_at_us: i64,
    /// How errors of ours look.
    pub(super) profile: ErrorProfile,
}

impl Forwarded {
    /// Decides how an answer passes.
    pub(super) fn form(&self, seen: &Seen<'_>) -> Form {
        let (asked, answered) = (self.request.endpoint, self.outgoing.endpoint);
        let same = asked == answered;
        let openai = same && api(asked) == Api::OpenAi;
        let streams = is_stream(seen.content_type);
        match seen.status {
            // Providers print parts of the credential that they refuse, and it is ours.
            401 => {
                let refusal = Refusal::ProviderCredential(seen.status);
                Form::Ours(error::render(&refusal, api(asked), seen.profile).body)
            }
            _ if self.outgoing.special().is_some() => self.gathered(seen),
            400.. if api(asked) == api(answered) => Form::Error(Vec::new()),
            400.. => self.gathered(seen),
            101 => Form::Session(Box::new(Session::new(&self.request.model))),
            _ if same && media::is_media(asked) => {
                let model = &self.request.model;
                Form::Media(Box::new(Watch::new(asked, seen.content_type, model)))
            }
            _ if provider::is_object(asked) => {
                let named = !self.request.model.is_empty() && is_json(seen.content_type);
                if named {
                    Form::Json(Box::new(Tap::new(&self.request.model)))
                } else {
                    Form::Passing
                }
            }
            _ if openai && asked != Endpoint::Responses && streams => {
                let (model, family) = (&self.request.model, self.target.family);
                let stream = Stream::new(model, family, self.attempt.hides_usage());
                let asked = self.request.include_usage;
                let price = self.target.price.as_ref().filter(|_| asked).cloned();
                Form::Stream(Box::new(stream.within(self.allowance()).priced(price)))
            }
            _ if streams => {
                let between = self.between();
                let relay = Relay::new(between, self.reply_to(seen), self.target.family);
                Form::Relay(Box::new(relay.within(self.allowance())))
            }
            _ if openai => Form::Json(Box::new(Tap::new(&self.request.model))),
            _ => self.gathered(seen),
        }
    }

    fn gathered(&self, seen: &Seen<'_>) -> Form {
        let outgoing = &self.outgoing;
        let subject = if let Some(special) = outgoing.special() {
            Subject::Special(Box::new(special.clone()))
        } else if provider::is_embedding(outgoing.endpoint) {
            Subject::Vectors(outgoing.is_translated().then(|| outgoing.vectors()))
        } else {
            Subject::Conversation
        };
        Form::Whole(Box::new(Gathered::new(self.between(), self.reply_to(seen), subject)))
    }

    fn between(&self) -> Between {
        let dialect = |endpoint| provider::dialect(endpoint).unwrap_or(Dialect::OpenAi);
        Between {
            from: dialect(self.outgoing.endpoint),
            to: dialect(self.request.endpoint),
            sse: self.request.sse,
        }
    }

    fn allowance(&self) -> Option<Allowance> {
        self.reserved.output.map(|output| Allowance {
            output,
            input: self.request.include_usage.then_some(self.reserved.input),
        })
    }

    fn reply_to(&self, seen: &Seen<'_>) -> ReplyTo {
        ReplyTo {
            model: self.request.model.clone(),
            id: hex(&self.record_id),
            created: u64::try_from(seen.started_at_us / 1_000_000).unwrap_or(0),
            stream_usage: self.request.include_usage,
            // Counting would hold up the first byte; the end of the answer has the exact figure.
            input_tokens: self.prompt_bytes.div_ceil(BYTES_PER_TOKEN),
            custom_tools: self.outgoing.custom_tools().to_vec(),
        }
    }
}

impl Form {
    /// Returns the media type that takes the place of the provider's.
    pub(super) fn media_type(&self, forwarded: &Forwarded, status: u16) -> Option<&'static str> {
        match self {
            Self::Whole(_) if forwarded.outgoing.special().is_some() => {
                forwarded.outgoing.special().map(|special| special.answered_as(status))
            }
            Self::Ours(_) | Self::Whole(_) => Some("application/json"),
            Self::Relay(_) if forwarded.outgoing.is_translated() => {
                let dialect = provider::dialect(forwarded.request.endpoint)?;
                Some(dialect.stream_type(forwarded.request.sse))
            }
            Self::Relay(_)
            | Self::Stream(_)
            | Self::Json(_)
            | Self::Media(_)
            | Self::Passing
            | Self::Error(_)
            | Self::Session(_) => None,
        }
    }
}

/// Tells whether an answer is JSON, by its media type.
fn is_json(content_type: &[u8]) -> bool {
    let kind = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/json")
}

/// Tells whether an answer is a stream, by its media type.
fn is_stream(content_type: &[u8]) -> bool {
    let kind = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    ["text/event-stream", "application/x-ndjson"]
        .iter()
        .any(|stream| kind.eq_ignore_ascii_case(stream.as_bytes()))
}
