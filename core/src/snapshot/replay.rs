//! What becomes of requests that come more than once.

use tollgate_proto::v1 as proto;

/// What ids that clients give their requests mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// Longer answers are not kept.
    pub max_answer_bytes: usize,
    /// `X-Request-Id` counts where there is no `Idempotency-Key`.
    pub request_id: bool,
}

impl From<proto::Idempotency> for Idempotency {
    fn from(wire: proto::Idempotency) -> Self {
        let proto::Idempotency { max_answer_bytes, request_id, .. } = wire;
        Self { max_answer_bytes: usize::try_from(max_answer_bytes).unwrap_or(0), request_id }
    }
}
