//! What this VM owes others who make the same requests.

use std::collections::BTreeSet;

use prost::Message;
use tollgate_proto::v1 as proto;

use super::Gateway;

/// How often the control plane hears that requests are still being made.
const RENEWED_EVERY_US: i64 = 1_000_000;

/// Requests that are made for others too, and answers that are on their way to them.
#[derive(Debug, Default)]
pub struct Replays {
    leading: BTreeSet<Vec<u8>>,
    renewed_us: i64,
    /// Encoded `DeliverRequest`s.
    deliveries: Vec<Vec<u8>>,
    /// Encoded `KeepRequest`s.
    keepings: Vec<Vec<u8>>,
}

impl Replays {
    /// Notes that a request is made for others too.
    pub(crate) fn leads(&mut self, claimant: Vec<u8>) {
        self.leading.insert(claimant);
    }

    /// Notes that it is over.
    pub(crate) fn leads_no_more(&mut self, claimant: &[u8]) {
        self.leading.remove(claimant);
    }

    /// Sends a delivery, as soon as the host gets to it.
    pub(crate) fn deliver(&mut self, delivery: Vec<u8>) {
        self.deliveries.push(delivery);
    }

    /// Tells whether there is something to deliver.
    pub fn has_deliveries(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// Returns, once, what is to be delivered: encoded `DeliverRequest`s.
    pub fn take_deliveries(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.deliveries)
    }

    /// Has an answer kept, as soon as the host gets to it.
    pub(crate) fn keep(&mut self, keeping: Vec<u8>) {
        self.keepings.push(keeping);
    }

    /// Returns, once, what is to be kept: encoded `KeepRequest`s.
    pub fn take_keepings(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.keepings)
    }

    /// Returns what the control plane is to hear of requests under way, when it is time to: an
    /// encoded `RenewRequest`.
    pub fn renewal(&mut self, now_us: i64) -> Option<Vec<u8>> {
        let due = now_us.saturating_sub(self.renewed_us) >= RENEWED_EVERY_US;
        if !due || self.leading.is_empty() {
            return None;
        }
        self.renewed_us = now_us;
        let claimants = self.leading.iter().cloned().collect();
        Some(proto::RenewRequest { claimants }.encode_to_vec())
    }
}

impl Gateway {
    /// Returns who an exchange is, among all of all VMs.
    pub(crate) fn claimant(&self, exchange: u64) -> Vec<u8> {
        let mut claimant = self.holder.unwrap_or_default().to_vec();
        claimant.extend_from_slice(&exchange.to_be_bytes());
        claimant
    }
}
