//! Requests that come more than once, in the words of the contract.

use tollgate_proto::v1;

use crate::config::{CacheConfig, IdempotencyConfig};

/// Renders what ids of requests mean. `None`: nothing.
pub(super) fn idempotency(config: Option<IdempotencyConfig>) -> Option<v1::Idempotency> {
    let IdempotencyConfig { window_ms, max_answer_bytes, request_id } = config?;
    Some(v1::Idempotency { window_ms, max_answer_bytes, request_id })
}

/// Renders which answers are kept.
pub(super) fn cache(config: &CacheConfig, generation: u64) -> v1::Cache {
    v1::Cache {
        ttl_ms: config.ttl_ms.into(),
        max_entry_bytes: config.max_entry_bytes,
        memory_bytes: config.memory_bytes,
        models: config.models.clone(),
        everything: config.everything,
        per_key: config.per_key,
        counted: config.counted,
        generation,
        semantic: config.semantic.as_ref().map(|semantic| v1::SemanticCache {
            models: semantic.models.clone(),
            threshold: semantic.threshold.ten_thousandths(),
            max_text_bytes: semantic.max_text_bytes,
        }),
    }
}
