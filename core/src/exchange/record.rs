//! What remains of an exchange: one record for the ledger.

use std::rc::Rc;

use tollgate_proto::v1::{
    Endpoint, Served, TokenUsage as WireUsage, Units as WireUnits, UsageRecord, UsageSource,
};

use super::{Exchange, Flow, Forwarded, Phase, Upload};
use crate::dialect::openai::answer::{BYTES_PER_TOKEN, Facts};
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::meter::Dimension;
use crate::money::NanoDollars;
use crate::policy::access::KeyPolicy;
use crate::price::{TokenUsage, Units};
use crate::routing::failure::Failure;
use crate::tokens::{Counted, request_tokens};

/// What came of an attempt, or of the request.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) error_code: Option<String>,
}

impl Outcome {
    /// What came of an attempt that another one follows. `status` is the provider's.
    pub(super) fn of_attempt(status: Option<u16>, failure: Failure) -> Self {
        let unheard = if failure == Failure::Timeout { 504 } else { 502 };
        Self { status: status.unwrap_or(unheard), error_code: Some(failure.name().to_owned()) }
    }
}

impl Exchange {
    pub(super) fn ended(&mut self, gateway: &mut Gateway, now_us: i64) -> Flow {
        if self.phase == Phase::Deciding
            && self.policy.is_none()
            && let Some(hash) = &self.key
        {
            // The client left before the answer about its key came.
            gateway.keys.not_wanted(hash);
        }
        self.phase = Phase::Ended;
        self.candidate = None;
        self.give_up_claim(gateway);
        self.release_work(gateway);
        self.ask_again_without_client(gateway);
        if let Some(mut forwarded) = self.forwarded.take() {
            if let Some(fallback) = &mut forwarded.fallback {
                fallback.end(gateway);
            }
            let reservation = std::mem::take(&mut forwarded.reserved.reservation);
            let of_provider = std::mem::take(&mut forwarded.reserved.of_provider);
            if forwarded.is_between_attempts() {
                // The last attempt has its record, and the next has not begun.
                for reservation in [reservation, of_provider] {
                    let _ = gateway.leases.settle(reservation, |_| 0);
                }
                return Flow::Continue;
            }
            let dropped = forwarded.outgoing.dropped().len() as u64;
            let target = Rc::clone(&forwarded.target);
            let outcome = Outcome { status: self.status, error_code: self.error_code.take() };
            let mut record = self.record(&mut forwarded, &outcome, now_us);
            for reservation in [reservation, of_provider] {
                let debits = gateway.leases.settle(reservation, |it| used(&record, it));
                record.debits.extend(debits);
            }
            if let Some(hash) = &self.key {
                gateway.keys.spent(hash, NanoDollars(record.cost_nanos));
            }
            let provider = &target.provider.id;
            gateway.tally.dropped(provider, &record.model, dropped);
            gateway.close_record(&record);
        }
        Flow::Continue
    }

    /// Writes down what came of an attempt.
    pub(super) fn record(
        &self,
        forwarded: &mut Forwarded,
        outcome: &Outcome,
        ended_at_us: i64,
    ) -> UsageRecord {
        let facts = forwarded.attempt.facts();
        self.record_of(facts, forwarded, outcome, ended_at_us)
    }

    /// Writes down what was used, by `facts`.
    pub(super) fn record_of(
        &self,
        facts: Facts,
        forwarded: &mut Forwarded,
        outcome: &Outcome,
        ended_at_us: i64,
    ) -> UsageRecord {
        let (tokens, units, source) = self.used(forwarded, outcome, &facts);
        let price = forwarded.target.price.as_ref();
        let price_of_it = price.filter(|_| source != UsageSource::Unspecified);
        let cost = match &units {
            None => price_of_it.map(|price| price.cost(&tokens)),
            Some(units) => price_of_it.map(|price| price.cost_with(&tokens, units)),
        };
        let cost = cost.unwrap_or_default();
        let place = forwarded.fallback.as_ref().map(|fallback| fallback.place());
        let (attempt, first_attempt) = place.unwrap_or_default();
        let provider = &forwarded.target.provider;
        let complete = forwarded.attempt.is_complete();
        UsageRecord {
            key_hash: self.key.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            started_at_us: self.started_at_us,
            first_byte_at_us: forwarded.attempt.first_byte_at_us(),
            ended_at_us,
            endpoint: forwarded.request.endpoint.into(),
            provider: Some(provider.id.clone()),
            provider_model: Some(forwarded.target.model.clone()),
            provider_response_id: facts.id,
            status: u32::from(outcome.status),
            streamed: forwarded.request.stream,
            aborted: outcome.error_code.is_none() && !complete,
            tokens: Some(wire(&tokens)),
            usage_source: source.into(),
            cost_nanos: cost.0,
            unpriced: price.is_none(),
            tags: forwarded.tags.clone(),
            stored_for: self.stored_for(forwarded),
            debits: Vec::new(),
            error_code: outcome.error_code.clone().or(facts.error_code),
            end_user: forwarded.request.user.clone(),
            model: forwarded.request.model.clone(),
            id: std::mem::take(&mut forwarded.record_id),
            account: (!provider.account.is_empty()).then(|| provider.account.clone()),
            attempt,
            first_attempt,
            units: units.as_ref().map(wire_units),
            served: Served::Unspecified.into(),
            similarity: 0,
        }
    }

    /// Whose the answer is that the provider has stored. Empty: it has stored none.
    fn stored_for(&self, forwarded: &Forwarded) -> String {
        let stores = self.is_stored && forwarded.outgoing.endpoint == Endpoint::Responses;
        let answered = forwarded.attempt.status().is_some_and(|status| status < 400);
        let policy = self.policy.as_ref().filter(|_| stores && answered);
        policy.map(|policy| policy.tenant.clone()).unwrap_or_default()
    }

    /// The provider's figures, else an estimate of what it will have charged.
    fn used(
        &self,
        forwarded: &Forwarded,
        outcome: &Outcome,
        facts: &Facts,
    ) -> (TokenUsage, Option<Units>, UsageSource) {
        if self.object_path.is_some() {
            // Nothing is generated; what runs and batches use is charged when they are over.
            return (TokenUsage::default(), None, UsageSource::Unspecified);
        }
        if let Some(usage) = facts.usage {
            return (usage, None, UsageSource::Provider);
        }
        let nothing = (TokenUsage::default(), None, UsageSource::Unspecified);
        let failed = facts.error_code.is_some() && facts.output_bytes == 0;
        match forwarded.attempt.status() {
            Some(400..) => return nothing,
            Some(_) if failed => return nothing,
            // It was never sent, or broke before the answer: only a time-out may have cost.
            None if outcome.error_code.is_some() && outcome.status != 504 => return nothing,
            Some(_) | None => {}
        }
        if forwarded.request.is_media() {
            let asked = self.upload.as_deref().filter(|_| self.is_flowing()).map(Upload::ask);
            let body = self.body.as_deref();
            let (tokens, units, source) = forwarded.media_used(body, asked.as_ref());
            return (tokens, Some(units), source);
        }
        let known = facts.partial.unwrap_or_default();
        let input = match facts.partial {
            Some(known) => Counted { tokens: known.input, exact: true },
            None => forwarded.input_tokens(self.body.as_deref()),
        };
        let mut output = forwarded.attempt.generated(facts);
        output.tokens = output.tokens.max(known.output);
        let total = input.tokens.saturating_add(output.tokens);
        let tokens = TokenUsage { input: input.tokens, output: output.tokens, total, ..known };
        let exact = input.exact && output.exact;
        (tokens, None, if exact { UsageSource::Counted } else { UsageSource::Estimated })
    }

    /// The key's tags and the request's, each once.
    pub(super) fn tags(policy: &KeyPolicy, request: &Request) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in policy.tags.iter().chain(&request.tags) {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }
}

impl Forwarded {
    /// Returns the cost by the provider's own figures, once they have come in one piece.
    pub(super) fn known_cost(&mut self) -> Option<NanoDollars> {
        let usage = self.attempt.json_usage()?;
        Some(self.target.price.as_ref().map(|price| price.cost(&usage)).unwrap_or_default())
    }

    /// Counts the tokens of the prompt, as far as it is still here.
    pub(super) fn input_tokens(&self, body: Option<&[u8]>) -> Counted {
        let body = body.map(|own| self.outgoing.body(own));
        match body.filter(|body| body.len() as u64 == self.prompt_bytes) {
            Some(body) => request_tokens(self.target.family, body),
            None => Counted { tokens: self.prompt_bytes.div_ceil(BYTES_PER_TOKEN), exact: false },
        }
    }
}

/// What a request used in one dimension.
pub(super) fn used(record: &UsageRecord, dimension: Dimension) -> i64 {
    let tokens = record.tokens.unwrap_or_default();
    let units = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    match dimension {
        Dimension::Tokens => units(tokens.total.max(tokens.input.saturating_add(tokens.output))),
        Dimension::InputTokens => units(tokens.input),
        Dimension::OutputTokens => units(tokens.output),
        Dimension::Money => record.cost_nanos,
        Dimension::Requests | Dimension::Parallel => 0,
    }
}

fn wire_units(units: &Units) -> WireUnits {
    WireUnits {
        images: units.images,
        characters: units.characters,
        audio_ms: units.audio_input_ms.saturating_add(units.audio_output_ms),
        image_input_tokens: units.image_input_tokens,
        image_output_tokens: units.image_output_tokens,
    }
}

pub(super) fn wire(tokens: &TokenUsage) -> WireUsage {
    WireUsage {
        input: tokens.input,
        output: tokens.output,
        total: tokens.total,
        cached_input: tokens.cached_input,
        cache_write: tokens.cache_write,
        reasoning: tokens.reasoning,
        audio_input: tokens.audio_input,
        audio_output: tokens.audio_output,
    }
}

/// Reads tokens from the wire.
pub(super) fn read(tokens: WireUsage) -> TokenUsage {
    TokenUsage {
        input: tokens.input,
        output: tokens.output,
        total: tokens.total,
        cached_input: tokens.cached_input,
        cache_write: tokens.cache_write,
        reasoning: tokens.reasoning,
        audio_input: tokens.audio_input,
        audio_output: tokens.audio_output,
    }
}
