//! Requests that come more than once, in the words of the contract.

use tollgate_proto::v1;

use crate::config::IdempotencyConfig;

/// Renders what ids of requests mean. `None`: nothing.
pub(super) fn idempotency(config: Option<IdempotencyConfig>) -> Option<v1::Idempotency> {
    let IdempotencyConfig { window_ms, max_answer_bytes, request_id } = config?;
    Some(v1::Idempotency { window_ms, max_answer_bytes, request_id })
}
