//! Holders of leases that vanish.

use crate::domain::Timestamp;
use crate::domain::meter::VANISHED_AFTER_SECONDS;
use crate::service::{Service, ServiceError};

/// Gives up holders that were not heard of for long enough.
///
/// Only time in which they could have been heard counts: while this control plane or its database
/// was away, or stood still, everybody was silent.
#[derive(Debug, Clone, Copy)]
pub struct Watchman {
    listening_since: Timestamp,
    last_round: Timestamp,
}

impl Watchman {
    /// Begins to listen.
    pub fn new(now: Timestamp) -> Self {
        Self { listening_since: now, last_round: now }
    }

    /// Looks for holders that vanished, and returns how many there were. To be called every
    /// [`ROUND_SECONDS`].
    pub async fn round(&mut self, service: &Service) -> Result<u64, ServiceError> {
        let now = service.now();
        if now > self.last_round.plus_micros(3 * ROUND_SECONDS * SECOND) {
            self.listening_since = now;
        }
        self.last_round = now;
        let unseen_since = now.plus_micros(-i64::from(VANISHED_AFTER_SECONDS) * SECOND);
        if unseen_since < self.listening_since {
            // Still a question to the database: a failure is time in which nobody was heard.
            service.ping().await.inspect_err(|_| self.listening_since = now)?;
            return Ok(0);
        }
        let given_up = service.store.give_up_holders(unseen_since, now).await;
        Ok(given_up.inspect_err(|_| self.listening_since = now)?)
    }
}

/// How often to look for holders that vanished.
pub const ROUND_SECONDS: i64 = 10;

const SECOND: i64 = 1_000_000;
