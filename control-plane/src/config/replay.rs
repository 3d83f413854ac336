//! Requests that come more than once.

use crate::config::parse::Reader;
use crate::config::raw::{RawCache, RawIdempotency};
use crate::config::{ModelConfig, ProviderConfig, SemanticConfig};

/// What ids mean that clients give their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyConfig {
    /// How long an answer is remembered.
    pub window_ms: u32,
    /// Longer answers are not.
    pub max_answer_bytes: u32,
    /// `X-Request-Id` counts where there is no `Idempotency-Key`.
    pub request_id: bool,
}

/// Which answers are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// For how long.
    pub ttl_ms: u32,
    /// Longer answers are not kept.
    pub max_entry_bytes: u32,
    /// What each worker of an Envoy keeps in memory, all together.
    pub memory_bytes: u32,
    /// Names of models. Empty: all.
    pub models: Vec<String>,
    /// Whatever the temperature is; else only where the client sets it to 0.
    pub everything: bool,
    /// For the key that asked alone, and not for its tenant.
    pub per_key: bool,
    /// Kept answers use tokens and money like others.
    pub counted: bool,
    /// Answers to similar questions serve, too. `None`: only those to the same.
    pub semantic: Option<SemanticConfig>,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self { window_ms: 5_000, max_answer_bytes: 1 << 20, request_id: true }
    }
}

impl Reader<'_> {
    /// Reads what ids mean. `None`: nothing.
    pub(super) fn idempotency(&mut self, raw: &RawIdempotency) -> Option<IdempotencyConfig> {
        let default = IdempotencyConfig::default();
        let window = self.millis("idempotency.window_seconds", raw.window_seconds);
        let most = raw
            .max_answer_bytes
            .map(|bytes| self.within("idempotency.max_answer_bytes", bytes, 0..=MOST_ANSWER_BYTES));
        let most = most.flatten().and_then(|bytes| u32::try_from(bytes).ok());
        let config = IdempotencyConfig {
            window_ms: window.unwrap_or(default.window_ms),
            max_answer_bytes: most.unwrap_or(default.max_answer_bytes),
            request_id: raw.request_id.unwrap_or(default.request_id),
        };
        raw.enabled.unwrap_or(true).then_some(config)
    }

    /// Reads which answers are kept. `None`: none.
    pub(super) fn cache(
        &mut self,
        raw: RawCache,
        models: &[ModelConfig],
        providers: &[ProviderConfig],
    ) -> Option<CacheConfig> {
        let ttl = self.millis("cache.ttl_seconds", raw.ttl_seconds).unwrap_or(3_600_000);
        let mut bytes = |place: &str, written: Option<u64>, default: u32, most: u64| {
            let bytes = written.and_then(|bytes| self.within(place, bytes, 0..=most));
            bytes.and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(default)
        };
        let max_entry_bytes =
            bytes("cache.max_entry_bytes", raw.max_entry_bytes, 1 << 20, MOST_ANSWER_BYTES);
        let memory_bytes =
            bytes("cache.memory_bytes", raw.memory_bytes, 8 << 20, MOST_MEMORY_BYTES);
        self.known_models("cache.models", &raw.models, models);
        let words = ["deterministic", "all"];
        let everything = self.second("cache.eligibility", raw.eligibility.as_deref(), words);
        let per_key = self.second("cache.scope", raw.scope.as_deref(), ["tenant", "key"]);
        let semantic = raw.semantic.and_then(|raw| self.semantic(raw, ttl, models, providers));
        let config = CacheConfig {
            ttl_ms: ttl,
            max_entry_bytes,
            memory_bytes,
            models: raw.models,
            everything,
            per_key,
            counted: raw.count_in_budget,
            semantic,
        };
        raw.enabled.then_some(config)
    }

    pub(super) fn known_models(&mut self, place: &str, names: &[String], models: &[ModelConfig]) {
        for name in names.iter().filter(|name| !models.iter().any(|model| model.name == **name)) {
            self.problem(place, format!("there is no model {name:?}"));
        }
    }

    /// Tells whether the second of two words is written; the first is what holds without any.
    fn second(&mut self, place: &str, written: Option<&str>, words: [&str; 2]) -> bool {
        let [first, second] = words;
        match written {
            None => false,
            Some(word) if word == first => false,
            Some(word) if word == second => true,
            Some(word) => {
                self.problem(place, format!("{word:?} is neither {first} nor {second}"));
                false
            }
        }
    }
}

/// So much of it each worker of each Envoy may take.
const MOST_MEMORY_BYTES: u64 = 256 << 20;
/// Whoever waits for an answer gets it in one message.
const MOST_ANSWER_BYTES: u64 = 16 << 20;
