//! What is asked before a request is looked at: whether its sender has had enough for now.
//!
//! All of it is this process's own memory, and bounded.

pub(crate) mod address;
mod backoff;
mod buckets;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_core::key::KeyHash;

use crate::domain::Timestamp;
use crate::http::error::ApiError;
use crate::http::gate::backoff::Backoff;
use crate::http::gate::buckets::Buckets;

/// Counts who asks how often, and who guesses wrong.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: Buckets,
    bad_keys: Buckets,
    /// Credentials that were good lately, in the order in which they were found so.
    good: (BTreeSet<[u8; 32]>, VecDeque<[u8; 32]>),
    addresses: Backoff,
    accounts: Backoff,
}

impl Default for Gate {
    fn default() -> Self {
        let state = State {
            requests: Buckets::default(),
            bad_keys: Buckets::default(),
            good: Default::default(),
            addresses: Backoff::new(LONGEST_FOR_ADDRESSES),
            accounts: Backoff::new(LONGEST_FOR_ACCOUNTS),
        };
        Self { state: Mutex::new(state) }
    }
}

impl Gate {
    /// Counts a request of somebody who may make so many a minute.
    pub(crate) fn request(
        &self,
        who: &str,
        rate: Option<u32>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(rate) = rate else { return Ok(()) };
        self.state().requests.take(who, rate, now).map_err(|wait| {
            let message = format!("Too many requests: {rate} a minute are served. Wait a moment.");
            ApiError::too_many(wait, message)
        })
    }

    /// Refuses to look at a credential from an address that has tried too many that are good for
    /// nothing. One that was good lately is looked at in any case, so that who shares an address
    /// with somebody who guesses is not shut out.
    pub(crate) fn credential(
        &self,
        credential: &KeyHash,
        address: &str,
        rate: Option<u32>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(rate) = rate else { return Ok(()) };
        let state = self.state();
        if state.good.0.contains(credential.as_bytes()) {
            return Ok(());
        }
        state.bad_keys.look(address, rate, now).map_err(|wait| {
            let message = "Too many invalid keys from this address. Wait a moment.";
            ApiError::too_many(wait, message)
        })
    }

    /// Notes that a credential is good.
    pub(crate) fn good(&self, credential: &KeyHash) {
        let mut state = self.state();
        let (known, order) = &mut state.good;
        if known.insert(*credential.as_bytes()) {
            order.push_back(*credential.as_bytes());
            if order.len() > MOST_GOOD
                && let Some(oldest) = order.pop_front()
            {
                known.remove(&oldest);
            }
        }
    }

    /// Notes that a credential is good for nothing.
    pub(crate) fn bad(&self, address: &str, rate: Option<u32>, now: Timestamp) {
        if let Some(rate) = rate {
            // Several at once may each have been the last one.
            let _ = self.state().bad_keys.take(address, rate, now);
        }
    }

    /// Counts an attempt to sign in as wrong, until it is said to be right.
    pub(crate) fn attempt(
        &self,
        address: &str,
        account: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let mut state = self.state();
        let by_address = state.addresses.attempt(address, now);
        by_address.and_then(|()| state.accounts.attempt(account, now)).map_err(|wait| {
            let message = "Too many attempts to sign in. Wait a moment.";
            ApiError::too_many(wait, message)
        })
    }

    /// Notes that an attempt to sign in was right.
    pub(crate) fn succeed(&self, address: &str, account: &str) {
        let mut state = self.state();
        state.addresses.succeed(address);
        state.accounts.succeed(account);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MOST_GOOD: usize = 4_096;
const LONGEST_FOR_ADDRESSES: Duration = Duration::from_mins(15);
/// Whoever guesses must not keep out who knows.
const LONGEST_FOR_ACCOUNTS: Duration = Duration::from_secs(30);
