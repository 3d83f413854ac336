//! What becomes of requests that come more than once.

use tollgate_proto::v1 as proto;

use crate::cache::Kept;

/// Which answers are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// For how long, in microseconds.
    pub ttl_us: i64,
    /// Longer answers are not.
    pub max_entry_bytes: usize,
    /// What is kept in memory, all together.
    pub memory_bytes: usize,
    /// Public names of models. Empty: all.
    models: Vec<String>,
    /// Whatever the temperature is.
    pub everything: bool,
    /// For the key alone, and not for its tenant.
    pub per_key: bool,
    /// They use tokens and money like others.
    pub counted: bool,
    /// Grows with each purge.
    pub generation: u64,
    /// Answers to similar questions serve, too. `None`: only those to the same.
    pub semantic: Option<SemanticSettings>,
}

/// Whose answers serve for similar questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticSettings {
    /// Public names of models. Empty: all whose answers are kept.
    models: Vec<String>,
    /// How similar a question must be, in ten-thousandths.
    threshold: u32,
    /// Longer texts are not compared.
    pub max_text_bytes: usize,
}

impl SemanticSettings {
    /// Tells whether answers of a model serve for similar questions.
    pub fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }
}

impl CacheSettings {
    /// Tells whether answers of a model are kept.
    pub fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|name| name == model)
    }

    /// Tells whether a kept answer of a model serves, as similar as its question was.
    pub fn suffices(&self, kept: &Kept, model: &str) -> bool {
        let similar = |it: &SemanticSettings| it.serves(model) && kept.similarity >= it.threshold;
        kept.similarity == 0 || self.semantic.as_ref().is_some_and(similar)
    }
}

impl From<proto::Cache> for CacheSettings {
    fn from(wire: proto::Cache) -> Self {
        let bytes = |bytes: u32| usize::try_from(bytes).unwrap_or(0);
        let ttl_us = i64::try_from(wire.ttl_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self {
            ttl_us,
            max_entry_bytes: bytes(wire.max_entry_bytes),
            memory_bytes: bytes(wire.memory_bytes),
            models: wire.models,
            everything: wire.everything,
            per_key: wire.per_key,
            counted: wire.counted,
            generation: wire.generation,
            semantic: wire.semantic.map(|wire| SemanticSettings {
                models: wire.models,
                threshold: wire.threshold,
                max_text_bytes: bytes(wire.max_text_bytes),
            }),
        }
    }
}

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
