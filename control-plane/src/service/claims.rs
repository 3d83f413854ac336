//! Requests that come more than once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::claim::{Claim, Claims, Delivery, Outcome, Said, Waiter};
use crate::service::Service;

/// The claims of this process. One lock for all: what is done under it takes microseconds.
pub(super) type Claimed = Arc<Mutex<Claims<oneshot::Sender<Outcome>>>>;

impl Waiter for oneshot::Sender<Outcome> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

impl Service {
    /// Lets one take part in a request, and returns where to wait for what it is to do.
    pub fn claim(&self, claim: Claim) -> oneshot::Receiver<Outcome> {
        let (waiter, outcome) = oneshot::channel();
        let said = self.claims().claim(claim, waiter, self.now());
        say(said);
        outcome
    }

    /// Notes that leaders are there.
    pub fn renew_claims(&self, claimants: &[Vec<u8>]) {
        self.claims().renew(claimants, self.now());
    }

    /// Takes what came of a request, and remembers an answer for `window_us`.
    pub fn deliver(&self, claim: Claim, delivery: Delivery, window_us: i64) {
        let said = self.claims().deliver(claim, delivery, window_us, self.now());
        say(said);
    }

    /// Lets others lead where a leader has vanished. To be called every second or so.
    pub fn sweep_claims(&self) {
        let said = self.claims().sweep(self.now());
        say(said);
    }

    /// Returns how many requests are being made or remembered under an id.
    pub fn claimed(&self) -> usize {
        self.claims().len()
    }

    fn claims(&self) -> MutexGuard<'_, Claims<oneshot::Sender<Outcome>>> {
        // Nothing that is done under it leaves it half done.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say(said: Said<oneshot::Sender<Outcome>>) {
    for (waiter, outcome) in said {
        // One that is gone is not told; if it was to lead, it is not heard of and another one is.
        let _ = waiter.send(outcome);
    }
}
