//! `tollgate.v1.Replay`: requests that come more than once.

use std::sync::Arc;

use tollgate_proto::v1;
use tollgate_proto::v1::replay_server::Replay;
use tollgate_proto::v1::{claim_response, deliver_request};
use tonic::{Request, Response, Status};

use super::{Drain, draining};
use crate::domain::claim::{Answer, Claim, Delivery, Outcome};
use crate::publish::Publisher;
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
}

fn claim(id: Vec<u8>, content: Vec<u8>, claimant: Vec<u8>) -> Result<Claim, Status> {
    let hash = |bytes: Vec<u8>, what: &str| {
        <[u8; 32]>::try_from(bytes)
            .map_err(|_| Status::invalid_argument(format!("{what}: not 32 bytes")))
    };
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
