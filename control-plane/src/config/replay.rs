//! Requests that come more than once.

use crate::config::parse::Reader;
use crate::config::raw::RawIdempotency;

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
}

/// Whoever waits for an answer gets it in one message.
const MOST_ANSWER_BYTES: u64 = 16 << 20;
