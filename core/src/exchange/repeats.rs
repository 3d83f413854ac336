//! Requests that come more than once under the same id: one of them is made, the others get its
//! answer. The control plane says which is which, for all workers and all Envoys.

use prost::Message;
use sha2::{Digest, Sha256};
use tollgate_proto::v1::{self as proto, claim_response, deliver_request};

use super::wishes::Wishes;
use super::{CallFailed, Effect, Exchange, Flow, Phase, Reply};
use crate::cache::Kept;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::KeyHash;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// Header in which a client says which request this is.
pub(super) const KEY_HEADER: &str = "idempotency-key";
/// Header that says it where the other one is not there.
pub(super) const REQUEST_HEADER: &str = "x-request-id";
/// Header of answers to requests that were not made again.
pub(super) const REPLAYED_HEADER: &str = "x-omniroute-idempotent";

/// Statuses of the provider's that the same request would meet again.
const LASTING_FAILURES: [u16; 4] = [400, 404, 413, 422];

/// A request to which its client has given an id.
#[derive(Debug)]
pub(super) struct Repeat {
    /// SHA-256 of method, path and the id. The tenant is not known yet.
    name: [u8; 32],
    /// It is meant as a promise: without the control plane the request is refused.
    strict: bool,
    state: State,
    /// Longer answers are not kept.
    pub(super) most: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    /// The question what to do is on its way.
    Asked(Claim),
    /// This is the one that is made; its answer is awaited by others.
    Leading(Claim),
    /// It is made, and nobody waits for it.
    Alone,
}

#[derive(Debug)]
struct Claim {
    id: Vec<u8>,
    content: Vec<u8>,
    claimant: Vec<u8>,
}

impl Repeat {
    /// Reads the id that a client gave its request: its idempotency key, else the request's id.
    pub(super) fn read(
        headers: Headers<'_>,
        (key, id): (Option<&[u8]>, Option<&[u8]>),
        snapshot: &Snapshot,
        own_id: bool,
    ) -> Option<Self> {
        let settings = snapshot.idempotency?;
        let (id, strict) = match key.filter(|key| !key.is_empty()) {
            Some(key) => (key, true),
            // Where Envoy makes ids itself they say nothing about what the client sent.
            None if own_id && settings.request_id => (id.filter(|id| !id.is_empty())?, false),
            None => return None,
        };
        let path = headers.first(":path").unwrap_or_default();
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let name = digest(&[headers.first(":method").unwrap_or_default(), path, id]);
        Some(Self { name, strict, state: State::New, most: settings.max_answer_bytes })
    }

    /// Tells whether the client counts on it.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Tells whether others wait for the answer.
    pub(super) fn leads(&self) -> bool {
        matches!(self.state, State::Leading(_))
    }
}

impl Exchange {
    /// Tells whether a request may be made now. If not, the control plane is asked.
    pub(super) fn may_be_made(
        &mut self,
        request: &Request,
        body: &[u8],
        policy: &KeyPolicy,
        gateway: &Gateway,
    ) -> bool {
        let hash = self.key;
        let Some(repeat) = self.wishes.as_mut().and_then(|wishes| wishes.repeat.as_mut()) else {
            return true;
        };
        if !matches!(repeat.state, State::New) {
            return true;
        }
        let tenant = tenant(policy, hash);
        let form = [u8::from(request.stream), u8::from(request.sse)];
        let claim = Claim {
            id: digest(&[tenant.as_bytes(), &repeat.name]).to_vec(),
            content: digest(&[&form, body]).to_vec(),
            claimant: gateway.claimant(self.id),
        };
        let Claim { id, content, claimant } = &claim;
        let (id, content, claimant) = (id.clone(), content.clone(), claimant.clone());
        let question = proto::ClaimRequest { id, content, claimant };
        repeat.state = State::Asked(claim);
        self.effects.push_back(Effect::Claim(question.encode_to_vec()));
        false
    }

    /// Tells whether the answer that is awaited is about a claim.
    pub(super) fn asked_for_claim(&self) -> bool {
        let repeat = self.wishes.as_ref().and_then(|wishes| wishes.repeat.as_ref());
        repeat.is_some_and(|repeat| matches!(repeat.state, State::Asked(_)))
    }

    /// The control plane says what to do.
    pub(super) fn claim_answered(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(repeat) = self.wishes.as_mut().and_then(|wishes| wishes.repeat.as_mut()) else {
            return Flow::Pause;
        };
        let State::Asked(claim) = std::mem::replace(&mut repeat.state, State::Alone) else {
            return Flow::Pause;
        };
        let outcome = answer.ok().and_then(|bytes| proto::ClaimResponse::decode(bytes).ok());
        match outcome.map(|response| response.outcome) {
            None if repeat.strict => return self.refuse(&Refusal::PolicyUnavailable),
            Some(Some(claim_response::Outcome::Lead(_))) => {
                gateway.replays.leads(claim.claimant.clone());
                repeat.state = State::Leading(claim);
            }
            Some(Some(claim_response::Outcome::Answer(answer))) => {
                return self.reply_again(answer, REPLAYED_HEADER, "true");
            }
            Some(Some(claim_response::Outcome::Conflict(_))) => {
                return self.refuse(&Refusal::IdempotencyConflict);
            }
            // An id that is not meant as a promise does not keep a request from being served.
            None | Some(None | Some(claim_response::Outcome::Unkept(_))) => {}
        }
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let flow = self.decide_when_ready(gateway, now_us);
        self.resume_if(flow)
    }

    /// Replies with an answer that another request got.
    pub(super) fn reply_again(
        &mut self,
        answer: proto::Answer,
        mark: &'static str,
        value: &str,
    ) -> Flow {
        let proto::Answer { status, content_type, body } = answer;
        let status = u16::try_from(status).unwrap_or(200);
        let mut headers = vec![(mark, value.to_owned())];
        if !content_type.is_empty() {
            headers.push(("content-type", content_type));
        }
        self.reply(Reply { status, code: None, headers, body })
    }

    /// The answer has ended: those who wait for it get it.
    pub(super) fn deliver(wishes: &mut Wishes, status: Option<u16>, gateway: &mut Gateway) {
        let Some(repeat) = wishes.repeat.as_mut().filter(|repeat| repeat.leads()) else { return };
        let lasting = status.filter(|status| *status < 300 || LASTING_FAILURES.contains(status));
        let (Some(status), Some(kept)) = (lasting, &wishes.capture) else { return };
        let State::Leading(claim) = std::mem::replace(&mut repeat.state, State::Alone) else {
            return;
        };
        let outcome = match kept.answer(status, repeat.most) {
            Some(answer) => deliver_request::Outcome::Answer(answer),
            None => deliver_request::Outcome::Unkept(proto::Unkept {}),
        };
        deliver(claim, Some(outcome), gateway);
    }

    /// A kept answer is served: those who wait for this one get it too.
    pub(super) fn deliver_kept(wishes: &mut Wishes, kept: &Kept, gateway: &mut Gateway) {
        let Some(repeat) = wishes.repeat.as_mut().filter(|repeat| repeat.leads()) else { return };
        let fits = kept.body.len() <= repeat.most;
        let State::Leading(claim) = std::mem::replace(&mut repeat.state, State::Alone) else {
            return;
        };
        let outcome = if fits {
            let (content_type, body) = (kept.content_type.clone(), kept.body.clone());
            deliver_request::Outcome::Answer(proto::Answer { status: 200, content_type, body })
        } else {
            deliver_request::Outcome::Unkept(proto::Unkept {})
        };
        deliver(claim, Some(outcome), gateway);
    }

    /// The request is over. If others wait for its answer, they hear that there is none.
    pub(super) fn give_up_claim(&mut self, gateway: &mut Gateway) {
        let repeat = self.wishes.as_mut().and_then(|wishes| wishes.repeat.as_mut());
        let state = repeat.map(|repeat| std::mem::take(&mut repeat.state)).unwrap_or_default();
        if let State::Asked(claim) | State::Leading(claim) = state {
            deliver(claim, None, gateway);
        }
    }
}

fn deliver(claim: Claim, outcome: Option<deliver_request::Outcome>, gateway: &mut Gateway) {
    let Claim { id, content, claimant } = claim;
    gateway.replays.leads_no_more(&claimant);
    let delivery = proto::DeliverRequest { id, content, claimant, outcome };
    gateway.replays.deliver(delivery.encode_to_vec());
}

/// Whose a request is: nobody else ever gets its answer.
pub(super) fn tenant(policy: &KeyPolicy, key: Option<KeyHash>) -> String {
    if policy.tenant.is_empty() {
        let key = key.map(|hash| hash.to_hex()).unwrap_or_default();
        return format!("key:{key}");
    }
    policy.tenant.clone()
}

/// SHA-256 over parts, each with its length, so that no two lists of parts look alike.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
