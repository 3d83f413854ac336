//! Answers that the control plane hears of before the client does: they show objects, which are
//! the tenant's from then on.

use prost::Message;
use tollgate_proto::v1::{self as proto, ResourceKind};

use super::effect::Question;
use super::{CallFailed, Effect, Exchange, Flow, Phase, Reply};
use crate::dialect::openai::answer::member;
use crate::gateway::Gateway;
use crate::json::text;
use crate::refusal::Refusal;
use crate::sse::{self, Parser};

/// What an answer waits for.
#[derive(Debug, Default)]
pub(super) enum Keeping {
    /// Nothing.
    #[default]
    Nothing,
    /// It shows an object of a kind; `new`: that was just made.
    Object {
        /// Of what.
        kind: ResourceKind,
        /// It was just made.
        new: bool,
    },
    /// It says that this object is deleted.
    Deletion(String),
    /// The control plane was asked: what goes to it again if the client leaves.
    Asked(Vec<u8>),
}

impl Exchange {
    /// Tells whether pieces of the answer are to be held in the listener and handed in, each time
    /// all of them.
    pub fn keeps_answer(&self) -> bool {
        self.answer_held
    }

    /// Begins to hold an answer that the control plane must hear of.
    pub(super) fn hold_if_kept(&mut self, status: u16, end: bool) -> Flow {
        let waits = self.objects.as_ref().is_some_and(|objects| {
            matches!(objects.keeping, Keeping::Object { .. } | Keeping::Deletion(_))
        });
        if !waits || end || !(200..300).contains(&status) {
            return Flow::Continue;
        }
        if let Some(objects) = &mut self.objects {
            objects.work.taken();
        }
        self.answer_held = true;
        Flow::Pause
    }

    /// Takes what has come of an answer that is held.
    pub(super) fn held_answer(&mut self, body: &[u8], end: bool) -> Flow {
        let Some(objects) = &mut self.objects else { return self.let_go() };
        let (question, message) = match &objects.keeping {
            Keeping::Nothing => return self.let_go(),
            Keeping::Asked(_) => return Flow::Pause,
            Keeping::Deletion(_) if !end => return Flow::Pause,
            Keeping::Deletion(id) => {
                let tenant = self.policy.as_ref().map(|policy| policy.tenant.clone());
                let tenant = tenant.unwrap_or_default();
                let request = proto::ForgetRequest { tenant, id: id.clone() };
                (Question::Forget, request.encode_to_vec())
            }
            &Keeping::Object { kind, new } => {
                let Some(object) = object_in(kind, body, end) else {
                    return if end || body.len() > MOST_HELD {
                        self.lose_answer(&Refusal::ProviderFailed)
                    } else {
                        Flow::Pause
                    };
                };
                (Question::Register, self.registration(kind, new, object).encode_to_vec())
            }
        };
        if let Some(objects) = &mut self.objects {
            objects.keeping = Keeping::Asked(message.clone());
        }
        self.effects.push_back(Effect::Ask(question, message));
        Flow::Pause
    }

    fn registration(&self, kind: ResourceKind, new: bool, body: Vec<u8>) -> proto::RegisterRequest {
        let forwarded = self.forwarded.as_ref();
        let provider = forwarded.map(|forwarded| &forwarded.target.provider);
        proto::RegisterRequest {
            tenant: self.policy.as_ref().map(|it| it.tenant.clone()).unwrap_or_default(),
            key_hash: self.key.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            kind: kind.into(),
            provider: provider.map(|it| it.id.clone()).unwrap_or_default(),
            account: provider.map(|it| it.account.clone()).unwrap_or_default(),
            model: forwarded.map(|it| it.request.model.clone()).unwrap_or_default(),
            body,
            new,
            tags: forwarded.map(|it| it.tags.clone()).unwrap_or_default(),
            commitment: self.objects.as_ref().map(|it| it.work.commitment()).unwrap_or_default(),
        }
    }

    /// Tells whether the answer that is awaited is about the answer that is held.
    pub(super) fn asked_to_keep(&self) -> bool {
        self.answer_held
            && self.objects.as_ref().is_some_and(|it| matches!(it.keeping, Keeping::Asked(_)))
    }

    pub(super) fn kept(&mut self, answer: Result<&[u8], CallFailed>) -> Flow {
        if let Some(objects) = &mut self.objects {
            objects.keeping = Keeping::Nothing;
        }
        // An answer about a deletion has none of the fields.
        match answer.map(|bytes| proto::RegisterResponse::decode(bytes).unwrap_or_default()) {
            Ok(answer) if answer.taken => self.lose_answer(&Refusal::ProviderFailed),
            Ok(answer) if answer.shown.is_empty() => self.let_go(),
            Ok(answer) => {
                self.put_in_place(answer.shown);
                self.let_go()
            }
            Err(_) => self.lose_answer(&Refusal::PolicyUnavailable),
        }
    }

    fn let_go(&mut self) -> Flow {
        if std::mem::take(&mut self.answer_held) {
            self.effects.push_back(Effect::ResumeResponse);
        }
        Flow::Pause
    }

    /// Puts an error of ours in the place of an answer that the client must not get.
    fn lose_answer(&mut self, refusal: &Refusal) -> Flow {
        let reply = Reply::refusing(refusal, self.api, self.settings.error_profile);
        self.status = reply.status;
        self.error_code = reply.code.map(str::to_owned);
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetResponseHeader(name, value.into_bytes()));
        };
        set(":status", reply.status.to_string());
        for (name, value) in reply.headers {
            set(name, value);
        }
        self.put_in_place(reply.body);
        self.let_go()
    }

    /// Makes a body the one of the answer that is held.
    fn put_in_place(&mut self, body: Vec<u8>) {
        let length = body.len().to_string().into_bytes();
        self.effects.push_back(Effect::SetResponseHeader("content-length", length));
        self.effects.push_back(Effect::ReplaceResponseBody(body));
    }

    /// The client has left while the control plane was asked, and its question with it.
    pub(super) fn ask_again_without_client(&mut self, gateway: &mut Gateway) {
        let Some(objects) = self.objects.take().filter(|_| self.phase == Phase::Ended) else {
            return;
        };
        if let Keeping::Asked(message) = objects.keeping
            && self.answer_held
        {
            gateway.register_later(message);
        }
    }
}

/// Returns the object that an answer shows, once all of it is there: the answer itself, or what
/// stands in an event of a stream. Streams begin with other objects, which come before a run.
fn object_in(kind: ResourceKind, body: &[u8], end: bool) -> Option<Vec<u8>> {
    if body.trim_ascii_start().starts_with(b"{") {
        return (end && has_id(body)).then(|| body.to_vec());
    }
    let mut events = Parser::default();
    let wanted = if kind == ResourceKind::Run { "thread.run" } else { "" };
    let mut found = None;
    events.push(body, |raw| {
        let (sse::Data::Line(at), true) = (sse::data(raw), found.is_none()) else { return };
        let data = raw.get(at).unwrap_or_default();
        let is_wanted = member(data, "object").is_some_and(|value| {
            text::string_value(value).is_some_and(|object| wanted.is_empty() || object == wanted)
        });
        if is_wanted && has_id(data) {
            found = Some(data.to_vec());
        }
    });
    found
}

fn has_id(object: &[u8]) -> bool {
    member(object, "id").and_then(text::string_value).is_some_and(|id| !id.is_empty())
}

/// How much of an answer is held at most before it has shown its object.
const MOST_HELD: usize = 256 * 1024;
