//! Answers that were kept: whether a request may have one, what it is found by, and how it is
//! served.

use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1::{self as proto, UsageRecord};

use super::limits::Waits;
use super::record::{used, wire};
use super::repeats::{digest, tenant};
use super::wishes::{Before, Wishes};
use super::{CALL_ID_HEADER, CallFailed, Effect, Exchange, Flow, Phase, Reply};
use crate::cache::{CacheKey, Kept};
use crate::dialect::provider;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::hex;
use crate::meter::leases::{Admission, Demand};
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::routing::content::{self, Seen};
use crate::snapshot::Model;
use crate::snapshot::replay::CacheSettings;

mod eligible;
mod found_by;

use eligible::{is_semantic, refuses};
use found_by::FoundBy;

/// Answer header that says whether an answer was kept.
pub(super) const CACHE_HEADER: &str = "x-omniroute-cache";
/// Answer header that says how similar the question was to which this was the answer.
const SIMILARITY_HEADER: &str = "x-tollgate-cache-similarity";
/// Longer bodies are not looked for: finding them costs more than it saves.
const MOST_BODY: usize = 1024 * 1024;

/// A request whose answer may be kept.
#[derive(Debug)]
pub(super) struct Caching {
    settings: Rc<CacheSettings>,
    /// Headers on which the answer depends, with their names.
    headers: Vec<u8>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    /// The control plane is asked for it.
    Asked(CacheKey),
    /// There is none; this one's is to be kept, and found by who asks something similar to what
    /// the control plane knows by this.
    Missed(CacheKey, Vec<u8>),
    /// There is one.
    Found(Rc<Kept>),
    /// It is neither looked for nor kept.
    Off,
}

/// A kept answer on its way to a client, who needs units of limits for it.
#[derive(Debug)]
pub(super) struct Hit {
    kept: Rc<Kept>,
    request: Request,
    tags: Vec<String>,
    meters: Vec<Rc<Meter>>,
    counted: bool,
    waits: Option<Waits>,
}

impl Caching {
    /// Reads what the headers say. `None`: nothing is kept here, or not for this client.
    pub(super) fn read(headers: Headers<'_>, gateway: &Gateway) -> Option<Self> {
        let settings = gateway.snapshot()?.cache.as_ref()?;
        let mut semantic = Vec::new();
        for (name, value) in headers.0 {
            if refuses(name, value) {
                return None;
            }
            if is_semantic(name) {
                semantic.extend_from_slice(&digest(&[name.as_bytes(), value]));
            }
        }
        Some(Self { settings: Rc::clone(settings), headers: semantic, state: State::New })
    }

    /// Returns how much of the answer is copied, if it is to be kept.
    pub(super) fn most(&self) -> Option<usize> {
        matches!(self.state, State::Missed(..)).then_some(self.settings.max_entry_bytes)
    }
}

impl Exchange {
    fn caching(&mut self) -> Option<&mut Caching> {
        self.wishes.as_mut()?.cache.as_mut()
    }

    /// Looks for a kept answer.
    pub(super) fn find_kept(
        &mut self,
        (request, body): (&Request, &[u8]),
        model: &Model,
        policy: &KeyPolicy,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Before {
        let hash = self.key;
        let Some(caching) = self.caching() else { return Before::Never };
        match &caching.state {
            State::New => {}
            State::Found(kept) => return Before::Kept(Rc::clone(kept)),
            State::Asked(_) | State::Missed(..) | State::Off => return Before::Never,
        }
        let owner = if caching.settings.per_key {
            format!("key:{}", hash.map(|hash| hash.to_hex()).unwrap_or_default())
        } else {
            tenant(policy, hash)
        };
        let found_by = caching.found_by((request, body), model, &owner);
        let Some(FoundBy { key, question }) = found_by else {
            caching.state = State::Off;
            return Before::Never;
        };
        let found = gateway.cache.find(&key, now_us);
        if let Some(kept) = found.filter(|kept| caching.settings.suffices(kept, &model.name)) {
            return Before::Kept(kept);
        }
        let generation = caching.settings.generation;
        caching.state = State::Asked(key);
        let question = proto::RecallRequest { key: key.to_vec(), generation, question };
        self.effects.push_back(Effect::Recall(question.encode_to_vec()));
        Before::Unknown
    }

    /// Tells whether the answer that is awaited is a kept one.
    pub(super) fn asked_for_kept(&self) -> bool {
        let caching = self.wishes.as_ref().and_then(|wishes| wishes.cache.as_ref());
        caching.is_some_and(|caching| matches!(caching.state, State::Asked(_)))
    }

    /// The control plane says what it has kept. Without it the request is made.
    pub(super) fn kept_recalled(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Some(caching) = self.caching() else { return Flow::Pause };
        let State::Asked(key) = std::mem::replace(&mut caching.state, State::Off) else {
            return Flow::Pause;
        };
        let response = answer.ok().and_then(|bytes| proto::RecallResponse::decode(bytes).ok());
        let response = response.unwrap_or_default();
        caching.state = match response.kept {
            None => State::Missed(key, response.asked),
            Some(kept) => {
                let similarity = response.similarity;
                let kept = Rc::new(Kept { similarity, ..read(kept) });
                gateway.cache.keep(key, Rc::clone(&kept));
                State::Found(kept)
            }
        };
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let flow = self.decide_when_ready(gateway, now_us);
        self.resume_if(flow)
    }

    /// Serves a kept answer, as far as limits allow.
    pub(super) fn serve_kept(
        &mut self,
        (kept, request): (Rc<Kept>, Request),
        policy: &KeyPolicy,
        (model, of_customer): (&Model, Vec<Rc<Meter>>),
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Flow, Refusal> {
        let counted = self.caching().is_some_and(|caching| caching.settings.counted);
        let tags = Self::tags(policy, &request);
        let mut meters = super::limits::meters(gateway, &policy.meters, &tags, model, None);
        meters.extend(of_customer.into_iter().filter(|meter| meter.counts(&model.name)));
        meters.retain(|meter| {
            let call = matches!(meter.dimension, Dimension::Requests | Dimension::Parallel);
            meter.scope != Scope::Provider && (call || counted)
        });
        let hit = Hit { kept, request, tags, meters, counted, waits: None };
        self.admit(hit, gateway, now_us)
    }

    /// Units have moved: tries again.
    pub(super) fn retry_kept(&mut self, gateway: &mut Gateway, now_us: i64) -> Option<Flow> {
        let mut hit = self.wishes.as_mut()?.hit.take()?;
        hit.waits = hit.waits.map(|waits| waits.heard(gateway, now_us));
        let tried = self.admit(*hit, gateway, now_us);
        Some(tried.unwrap_or_else(|refusal| self.refuse_and_show(&refusal, gateway, now_us)))
    }

    fn admit(&mut self, mut hit: Hit, gateway: &mut Gateway, now_us: i64) -> Result<Flow, Refusal> {
        if hit.meters.is_empty() {
            return Ok(self.reply_kept(&hit, Vec::new(), gateway, now_us));
        }
        let demands: Vec<Demand> = hit.meters.iter().map(|meter| hit.demand(meter)).collect();
        match gateway.leases.admit(&demands, Waits::patience(hit.waits, now_us), now_us) {
            Admission::Granted(reservation) => {
                let record = hit.record();
                let settled = gateway.leases.settle(reservation, |it| used(&record, it));
                let debits = settled.into_iter().collect();
                Ok(self.reply_kept(&hit, debits, gateway, now_us))
            }
            Admission::Wait => {
                hit.waits.get_or_insert_with(|| Waits::begin(gateway, now_us));
                if let Some(wishes) = &mut self.wishes {
                    wishes.hit = Some(Box::new(hit));
                }
                self.phase = Phase::AwaitingUnits;
                gateway.awaits_units(self.id);
                Ok(Flow::Pause)
            }
            Admission::Refused(shortage) => Err(Refusal::LimitReached(Box::new(shortage))),
            Admission::Unavailable => Err(Refusal::PolicyUnavailable),
        }
    }

    fn reply_kept(
        &mut self,
        hit: &Hit,
        debits: Vec<proto::Debit>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let id = gateway.open_record();
        let mut headers = vec![
            (CACHE_HEADER, "HIT".to_owned()),
            (CALL_ID_HEADER, hex(&id)),
            ("content-type", hit.kept.content_type.clone()),
        ];
        headers.retain(|(_, value)| !value.is_empty());
        if hit.kept.similarity > 0 {
            headers.push((SIMILARITY_HEADER, in_words(hit.kept.similarity)));
        }
        let record = UsageRecord {
            id,
            key_hash: self.key.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            started_at_us: self.started_at_us,
            first_byte_at_us: Some(now_us),
            ended_at_us: now_us,
            debits,
            ..hit.record()
        };
        if let Some(hash) = &self.key {
            gateway.keys.spent(hash, NanoDollars(record.cost_nanos));
        }
        gateway.close_record(&record);
        if let Some(wishes) = &mut self.wishes {
            Self::deliver_kept(wishes, &hit.kept, gateway);
        }
        self.reply(Reply { status: 200, code: None, headers, body: hit.kept.body.clone() })
    }

    /// The answer has ended: it is kept, if it is one.
    pub(super) fn keep(
        &self,
        wishes: &mut Wishes,
        status: Option<u16>,
        gateway: &mut Gateway,
        now_us: i64,
    ) {
        let (Some(caching), Some(capture)) = (&mut wishes.cache, &wishes.capture) else { return };
        let State::Missed(key, asked) = std::mem::replace(&mut caching.state, State::Off) else {
            return;
        };
        let (Some(forwarded), Some(200)) = (&self.forwarded, status) else { return };
        let settings = &caching.settings;
        let Some(answer) = capture.answer(200, settings.max_entry_bytes) else { return };
        let dialect = provider::dialect(forwarded.request.endpoint);
        let says = dialect.map(|dialect| content::judge(dialect, &answer.body));
        if says != Some(Seen::Content) {
            return;
        }
        let tokens = forwarded.attempt.facts().usage.unwrap_or_default();
        let price = forwarded.target.price.as_ref();
        let kept = Rc::new(Kept {
            content_type: answer.content_type,
            body: answer.body,
            expires_at_us: now_us.saturating_add(settings.ttl_us),
            tokens,
            cost_nanos: price.map(|price| price.cost(&tokens).0).unwrap_or_default(),
            similarity: 0,
        });
        let owner = self.policy.as_ref().map(|policy| tenant(policy, self.key));
        let keeping = proto::KeepRequest {
            key: key.to_vec(),
            generation: settings.generation,
            tenant: owner.unwrap_or_default(),
            model: forwarded.request.model.clone(),
            kept: Some(write(&kept)),
            asked,
        };
        gateway.cache.keep(key, kept);
        gateway.replays.keep(keeping.encode_to_vec());
    }
}

impl Hit {
    fn demand(&self, meter: &Rc<Meter>) -> Demand {
        let amount = match meter.dimension {
            Dimension::Requests | Dimension::Parallel => 1,
            Dimension::Tokens
            | Dimension::InputTokens
            | Dimension::OutputTokens
            | Dimension::Money => used(&self.record(), meter.dimension),
        };
        Demand { meter: Rc::clone(meter), need: amount, want: amount }
    }

    /// What the ledger says of it, besides who and when.
    fn record(&self) -> UsageRecord {
        // What it did not cost again is told all the same; limits count it only when told to.
        let source = proto::UsageSource::Provider;
        UsageRecord {
            endpoint: self.request.endpoint.into(),
            model: self.request.model.clone(),
            status: 200,
            streamed: self.request.stream,
            tokens: Some(wire(&self.kept.tokens)),
            usage_source: source.into(),
            cost_nanos: if self.counted { self.kept.cost_nanos } else { 0 },
            end_user: self.request.user.clone(),
            tags: self.tags.clone(),
            served: proto::Served::Cache.into(),
            similarity: self.kept.similarity,
            ..UsageRecord::default()
        }
    }
}

/// Writes ten-thousandths as a number: `0.9731`.
fn in_words(similarity: u32) -> String {
    format!("{}.{:04}", similarity / 10_000, similarity % 10_000)
}

fn read(kept: proto::Kept) -> Kept {
    let proto::Kept { content_type, body, expires_at_us, tokens, cost_nanos } = kept;
    let tokens = tokens.map(super::record::read).unwrap_or_default();
    Kept { content_type, body, expires_at_us, tokens, cost_nanos, similarity: 0 }
}

fn write(kept: &Kept) -> proto::Kept {
    proto::Kept {
        content_type: kept.content_type.clone(),
        body: kept.body.clone(),
        expires_at_us: kept.expires_at_us,
        tokens: Some(wire(&kept.tokens)),
        cost_nanos: kept.cost_nanos,
    }
}
