//! `tollgate.v1.Replay`: requests that come more than once.

use std::sync::Arc;

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;
use tollgate_proto::v1;
use tollgate_proto::v1::replay_server::Replay;
use tollgate_proto::v1::{claim_response, deliver_request};
use tonic::{Request, Response, Status};

use super::error::status;
use super::{Drain, draining};
use crate::domain::claim::{Answer, Claim, Delivery, Outcome};
use crate::domain::kept::KeptAnswer;
use crate::domain::{Similarity, Timestamp};
use crate::publish::Publisher;
use crate::semantic::Question;
use crate::service::Service;

/// Serves [`Replay`].
pub(super) struct ReplayServer {
    pub(super) service: Service,
    pub(super) publisher: Publisher,
    pub(super) drain: Drain,
}

#[tonic::async_trait]
impl Replay for ReplayServer {
    async fn claim(
        &self,
        request: Request<v1::ClaimRequest>,
    ) -> Result<Response<v1::ClaimResponse>, Status> {
        let v1::ClaimRequest { id, content, claimant } = request.into_inner();
        let waiting = self.service.claim(claim(id, content, claimant)?);
        let mut drain = self.drain.clone();
        let outcome = tokio::select! {
            biased;
            outcome = waiting => outcome.map_err(|_| Status::aborted("the claim is over"))?,
            () = drain.wait() => return Err(draining()),
        };
        let outcome = match outcome {
            Outcome::Lead => claim_response::Outcome::Lead(v1::Lead {}),
            Outcome::Answer(answer) => claim_response::Outcome::Answer(render(&answer)),
            Outcome::Conflict => claim_response::Outcome::Conflict(v1::Conflict {}),
            Outcome::Unkept => claim_response::Outcome::Unkept(v1::Unkept {}),
        };
        Ok(Response::new(v1::ClaimResponse { outcome: Some(outcome) }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        self.service.renew_claims(&request.into_inner().claimants);
        Ok(Response::new(v1::RenewResponse {}))
    }

    async fn deliver(
        &self,
        request: Request<v1::DeliverRequest>,
    ) -> Result<Response<v1::DeliverResponse>, Status> {
        let v1::DeliverRequest { id, content, claimant, outcome } = request.into_inner();
        let delivery = match outcome {
            Some(deliver_request::Outcome::Answer(answer)) => Delivery::Answer(read(answer)),
            Some(deliver_request::Outcome::Unkept(_)) => Delivery::Unkept,
            None => Delivery::Nothing,
        };
        let window_ms = self.publisher.idempotency_window_ms();
        let claim = claim(id, content, claimant)?;
        self.service.deliver(claim, delivery, i64::from(window_ms).saturating_mul(1000));
        Ok(Response::new(v1::DeliverResponse {}))
    }

    async fn recall(
        &self,
        request: Request<v1::RecallRequest>,
    ) -> Result<Response<v1::RecallResponse>, Status> {
        let v1::RecallRequest { key, question, .. } = request.into_inner();
        let (key, question) = (hash(key, "key")?, question.map(asked).transpose()?);
        let semantic = self.publisher.semantic();
        let question = semantic.as_ref().zip(question);
        let recalled = self.service.recall_answer(&key, question).await;
        let recalled = recalled.map_err(|error| status(&error))?;
        let kept = recalled.kept.map(|kept| v1::Kept {
            content_type: kept.content_type,
            body: kept.body.into_bytes(),
            expires_at_us: kept.expires_at.as_micros(),
            tokens: Some(wire(&kept.tokens)),
            cost_nanos: kept.cost.0,
        });
        let similarity = recalled.similarity.map(Similarity::ten_thousandths).unwrap_or_default();
        let asked = recalled.asked.map(Vec::from).unwrap_or_default();
        Ok(Response::new(v1::RecallResponse { kept, similarity, asked }))
    }

    async fn keep(
        &self,
        request: Request<v1::KeepRequest>,
    ) -> Result<Response<v1::KeepResponse>, Status> {
        let request = request.into_inner();
        let asked = <[u8; 32]>::try_from(request.asked.as_slice()).ok();
        let (kept, generation) = kept(request, self.service.now())?;
        let semantic = self.publisher.semantic();
        let question = semantic.as_deref().zip(asked);
        let done = self.service.keep_answer(&kept, generation, question).await;
        done.map_err(|error| status(&error))?;
        Ok(Response::new(v1::KeepResponse {}))
    }
}

fn kept(asked: v1::KeepRequest, created_at: Timestamp) -> Result<(KeptAnswer, u64), Status> {
    let v1::KeepRequest { key, generation, tenant, model, kept, .. } = asked;
    let v1::Kept { content_type, body, expires_at_us, tokens, cost_nanos } =
        kept.ok_or_else(|| Status::invalid_argument("kept: missing"))?;
    let body = String::from_utf8(body).ok().filter(|body| !body.contains('\0'));
    let body = body.ok_or_else(|| Status::invalid_argument("body: not text"))?;
    let tokens = super::usage::tokens(tokens.unwrap_or_default());
    let (cost, expires_at) = (NanoDollars(cost_nanos), Timestamp::from_micros(expires_at_us));
    let key = hash(key, "key")?;
    let kept =
        KeptAnswer { key, tenant, model, content_type, body, tokens, cost, created_at, expires_at };
    Ok((kept, generation))
}

fn asked(question: v1::Question) -> Result<Question, Status> {
    let v1::Question { context, text } = question;
    Ok(Question { context: hash(context, "context")?, text })
}

fn hash(bytes: Vec<u8>, what: &str) -> Result<[u8; 32], Status> {
    <[u8; 32]>::try_from(bytes)
        .map_err(|_| Status::invalid_argument(format!("{what}: not 32 bytes")))
}

fn claim(id: Vec<u8>, content: Vec<u8>, claimant: Vec<u8>) -> Result<Claim, Status> {
    Ok(Claim { id: hash(id, "id")?, content: hash(content, "content")?, claimant })
}

fn render(answer: &Arc<Answer>) -> v1::Answer {
    let Answer { status, content_type, body } = Answer::clone(answer);
    v1::Answer { status: status.into(), content_type, body }
}

fn read(answer: v1::Answer) -> Answer {
    let v1::Answer { status, content_type, body } = answer;
    Answer { status: u16::try_from(status).unwrap_or(200), content_type, body }
}

fn wire(tokens: &TokenUsage) -> v1::TokenUsage {
    v1::TokenUsage {
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
