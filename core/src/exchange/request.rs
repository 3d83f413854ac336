//! From the first header to the decision.

use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1::ResolveKeyResponse;

use super::customer;
use super::limits::{self, Candidate};
use super::wishes::{Before, Wishes};
use super::{CLUSTER_HEADER, CallFailed, Effect, Exchange, Flow, Phase, model, realtime};
use crate::dialect::ollama;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::KeyHash;
use crate::path::{self, Api, Call, Selection};
use crate::policy::access::KeyPolicy;
use crate::policy::credential;
use crate::policy::key_cache::Known;
use crate::refusal::Refusal;

impl Exchange {
    pub(super) fn request_headers(
        &mut self,
        headers: Headers<'_>,
        end: bool,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        self.started_at_us = now_us;
        self.strip_internal(headers);
        let method = headers.first(":method").unwrap_or_default();
        let path = headers.first(":path").unwrap_or_default();
        self.selection = path::select(method, path, &self.settings.base_paths);
        self.names_version = headers.first("anthropic-version").is_some();
        if self.names_version {
            self.selection.prefer(Api::Anthropic);
        }
        self.api = self.selection.api();
        if let Err(refusal) = self.check_address(gateway) {
            return self.refuse(&refusal);
        }
        match &self.selection {
            Selection::Management => return self.pass_to_management(),
            Selection::Unknown => return self.refuse(&Refusal::UnknownPath),
            // One filter sees an answer in pieces that it cannot hold back.
            Selection::Resource(_) if self.is_standalone() => {
                return self.refuse(&Refusal::UnknownPath);
            }
            Selection::WrongMethod => return self.refuse(&Refusal::WrongMethod),
            Selection::ModelList(_)
            | Selection::ModelsFor(_)
            | Selection::Model(..)
            | Selection::Engines
            | Selection::Engine(_)
            | Selection::OllamaVersion => {
                self.body = Some(Vec::new());
            }
            Selection::Inference(_)
            | Selection::Resource(_)
            | Selection::CountTokens(_)
            | Selection::OllamaShow => {
                let limit = self.settings.max_body_bytes;
                if let Err(refusal) = self.begin_upload(headers, end) {
                    return self.refuse(&refusal);
                }
                let flows = self.upload.is_some() || self.streams_body();
                let length = headers.number("content-length").filter(|_| !flows);
                if length.is_some_and(|length| length > limit) {
                    return self.refuse(&Refusal::BodyTooLarge(limit));
                }
                if end || self.is_realtime() || self.streams_body() {
                    self.body = Some(Vec::new());
                }
                if self.is_realtime() && !realtime::asks_for_upgrade(headers) {
                    return self.refuse(&realtime::NO_UPGRADE);
                }
            }
        }
        self.phase = Phase::Deciding;
        if matches!(self.selection, Selection::Inference(_)) {
            self.wishes = Wishes::read(headers, gateway, &self.settings);
        }
        self.sift(headers, path);
        self.named_customer = customer::named_in(headers);
        let Some(key) = credential::find(headers) else { return self.refuse(&Refusal::NoKey) };
        let hash = KeyHash::of(&key);
        self.key = Some(hash);
        self.look_up(hash, path, gateway, now_us)
    }

    /// `path`: as the client wrote it; empty when that is not at hand any more.
    fn look_up(&mut self, hash: KeyHash, path: &[u8], gateway: &mut Gateway, now_us: i64) -> Flow {
        match gateway.keys.look_up(&hash, now_us) {
            Known::Policy(policy) => {
                if !policy.allowed_routes.is_empty() {
                    self.note_path(path);
                }
                self.take_policy(policy, gateway, now_us)
            }
            Known::NoSuchKey => self.refuse(&Refusal::UnknownKey),
            Known::Ask(last_known) => {
                self.note_path(path);
                self.last_known_policy = last_known;
                self.ask(hash, gateway)
            }
        }
    }

    pub(super) fn request_body_part(&mut self, size: u64) -> Flow {
        let held = self.phase == Phase::Deciding && !self.streams_body();
        if held && size > self.settings.max_body_bytes {
            return self.refuse(&Refusal::BodyTooLarge(self.settings.max_body_bytes));
        }
        Flow::Pause
    }

    pub(super) fn request_body(&mut self, body: Vec<u8>, gateway: &mut Gateway, now: i64) -> Flow {
        if self.phase != Phase::Deciding || self.is_realtime() {
            return Flow::Pause;
        }
        if body.len() as u64 > self.settings.max_body_bytes {
            return self.refuse(&Refusal::BodyTooLarge(self.settings.max_body_bytes));
        }
        self.body = Some(body);
        // What was judged with the headers may not be true any more when the body is here.
        if let (Some(hash), Some(policy)) = (self.key, &self.policy)
            && gateway.keys.has_news(&hash, policy)
        {
            self.policy = None;
            return self.look_up(hash, b"", gateway, now);
        }
        self.decide_when_ready(gateway, now)
    }

    pub(super) fn key_resolved(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if self.asked_for_claim() {
            return self.claim_answered(answer, gateway, now_us);
        }
        if self.asked_for_kept() {
            return self.kept_recalled(answer, gateway, now_us);
        }
        if self.asked_for_customer() {
            return self.customer_resolved(answer, gateway, now_us);
        }
        if self.asked_about_work() {
            return self.work_assessed(answer, gateway, now_us);
        }
        if self.asked_for_objects() {
            return self.objects_resolved(answer, gateway, now_us);
        }
        if self.asked_for_media() {
            return self.media_fetched(answer, gateway, now_us);
        }
        if self.asked_to_keep() {
            return self.kept(answer);
        }
        if self.phase == Phase::Forwarded && self.is_realtime() {
            self.hear_of_key(answer, gateway, now_us);
        }
        let Some(hash) = self.key.filter(|_| self.phase == Phase::Deciding) else {
            return Flow::Pause;
        };
        let decoded =
            answer.ok().and_then(|bytes| Some((bytes, ResolveKeyResponse::decode(bytes).ok()?)));
        let Some((bytes, response)) = decoded else {
            gateway.keys.not_answered(&hash);
            let Some(policy) = self.last_known_policy.take() else {
                self.effects.push_back(Effect::RecallKey(hash));
                return Flow::Pause;
            };
            let flow = self.take_policy(policy, gateway, now_us);
            return self.resume_if(flow);
        };
        gateway.leases.heard();
        let policy = response.policy.map(|policy| Rc::new(policy.into()));
        if !gateway.keys.answered(hash, policy.clone(), response.revision, now_us) {
            return self.ask(hash, gateway);
        }
        if policy.is_some() {
            self.effects.push_back(Effect::ShareKey(hash, bytes.to_vec()));
        }
        let flow = match policy {
            Some(policy) => self.take_policy(policy, gateway, now_us),
            None => self.refuse(&Refusal::UnknownKey),
        };
        self.resume_if(flow)
    }

    /// The control plane is away, and this worker has not seen the key: what another worker knows
    /// serves this request, and is not kept, since news about it go to that worker's own cache.
    pub(super) fn key_recalled(
        &mut self,
        shared: Option<&[u8]>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let known = shared.and_then(|bytes| ResolveKeyResponse::decode(bytes).ok());
        let flow = match known.and_then(|response| response.policy) {
            Some(policy) => self.take_policy(Rc::new(policy.into()), gateway, now_us),
            None => self.refuse(&Refusal::PolicyUnavailable),
        };
        self.resume_if(flow)
    }

    /// What was held in an earlier callback does not go on by itself.
    pub(super) fn resume_if(&mut self, flow: Flow) -> Flow {
        if flow == Flow::Continue {
            self.effects.push_back(Effect::ResumeRequest);
        }
        self.address.is_held();
        flow
    }

    pub(super) fn ask(&mut self, hash: KeyHash, gateway: &mut Gateway) -> Flow {
        gateway.keys.asking(hash);
        self.effects.push_back(Effect::ResolveKey(hash));
        Flow::Pause
    }

    fn pass_to_management(&mut self) -> Flow {
        let Some(cluster) = &self.settings.management_cluster else {
            return self.refuse(&Refusal::UnknownPath);
        };
        self.effects.push_back(Effect::SetRequestHeader(CLUSTER_HEADER, cluster.clone().into()));
        self.effects.push_back(Effect::ClearRouteCache);
        self.phase = Phase::Passing;
        Flow::Continue
    }

    pub(super) fn take_policy(
        &mut self,
        policy: Rc<KeyPolicy>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if let Err(denied) = policy.check_standing(now_us) {
            return self.refuse(&denied.into());
        }
        if !policy.allowed_routes.is_empty() && !self.may_call(&policy) {
            return self.refuse(&Refusal::RouteNotAllowed);
        }
        if !policy.addresses.is_empty() && !self.judge_address(&policy) {
            return Flow::Pause;
        }
        self.policy = Some(policy);
        self.decide_when_ready(gateway, now_us)
    }

    pub(super) fn decide_when_ready(&mut self, gateway: &mut Gateway, now_us: i64) -> Flow {
        let (Some(policy), Some(body)) = (&self.policy, &mut self.body) else {
            return Flow::Pause;
        };
        let (policy, body) = (Rc::clone(policy), std::mem::take(body));
        // It may have expired while the body came.
        if let Err(denied) = policy.check_standing(now_us) {
            return self.refuse(&denied.into());
        }
        if !gateway.can_serve() {
            return self.refuse(&Refusal::PolicyUnavailable);
        }
        let decided = match self.selection.clone() {
            Selection::ModelList(api) => self.reply_models(gateway, &policy, api),
            Selection::ModelsFor(kind) => self.reply_models_for(gateway, &policy, kind),
            Selection::Model(id, api) => self.reply_model(gateway, &policy, &id, api),
            Selection::Engines => self.reply_engines(gateway, &policy),
            Selection::Engine(id) => self.reply_engine(gateway, &policy, &id),
            Selection::OllamaShow => self.reply_shown(gateway, &policy, &body),
            Selection::OllamaVersion => Ok(self.reply_json(ollama::models::version())),
            Selection::CountTokens(call) => self.reply_count(gateway, &policy, &call, &body),
            Selection::Inference(call) => self.forward(&call, body, &policy, gateway, now_us),
            Selection::Resource(call) => self.serve_objects(&call, body, &policy, gateway, now_us),
            Selection::Management | Selection::WrongMethod | Selection::Unknown => {
                Err(Refusal::Internal)
            }
        };
        decided.unwrap_or_else(|refusal| self.refuse_and_show(&refusal, gateway, now_us))
    }

    fn forward(
        &mut self,
        call: &Call,
        body: Vec<u8>,
        policy: &KeyPolicy,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Flow, Refusal> {
        let (mut request, body) = self.read_request(call, body, gateway)?;
        if self.named_customer.is_some() {
            request.user.clone_from(&self.named_customer);
        }
        let model = model::offered(gateway, policy, &request.model, &call.route)?;
        if self.must_await_all(&model) {
            return Ok(Flow::Pause);
        }
        if policy.unknown_meters {
            return Err(Refusal::PolicyUnavailable);
        }
        policy.check_budget()?;
        let low_budget = gateway.snapshot().map(|snapshot| snapshot.low_budget).unwrap_or_default();
        let model = self.holding(call.endpoint, &body, model, policy)?;
        let of_customer = match &model {
            Some(_) => self.customer_meters(request.user.as_deref(), gateway, now_us)?,
            None => None,
        };
        let (Some(model), Some(of_customer)) = (model, of_customer) else {
            self.body = Some(body);
            return Ok(Flow::Pause);
        };
        match self.answered_before((&request, &body), &model, policy, gateway, now_us) {
            Before::Unknown => {
                self.body = Some(body);
                return Ok(Flow::Pause);
            }
            Before::Kept(kept) => {
                let of = (&*model, of_customer);
                return self.serve_kept((kept, request), policy, of, gateway, now_us);
            }
            Before::Never => {}
        }
        if self.awaits_media(&mut request, &body, &model, gateway)? {
            self.body = Some(body);
            return Ok(Flow::Pause);
        }
        let (target, outgoing, fallback) =
            self.first_target((&request, &body), &model, gateway, now_us)?;
        let tags = Self::tags(policy, &request);
        let mut meters = limits::meters(gateway, &policy.meters, &tags, &model, Some(&target));
        meters.extend(of_customer.into_iter().filter(|meter| meter.counts(&model.name)));
        let mut candidate = Candidate {
            outgoing,
            meters,
            low_budget: policy.low_budget.unwrap_or(low_budget),
            input: 0,
            counted: false,
            tags,
            request,
            target,
            waits: None,
            model,
            fallback,
        };
        candidate.keep_priced();
        candidate.bound_input(&body);
        self.body = Some(body);
        self.reserve(candidate, gateway, now_us)
    }
}
