//! Usage records on their way to the ledger: kept until acknowledged, and never silently lost.

use std::collections::{BTreeMap, VecDeque};

use prost::Message;
use tollgate_proto::v1::{Debit, ReportRequest, UsageRecord};

/// Records that have ended but are not in the ledger yet.
///
/// When it is full the gateway refuses new requests: what cannot be billed is not served.
#[derive(Debug)]
pub struct Outbox {
    records: VecDeque<Entry>,
    capacity: usize,
    in_flight: usize,
}

/// An encoded record, and what it takes from leases once it is in the ledger.
#[derive(Debug)]
struct Entry {
    record: Vec<u8>,
    debits: Vec<Debit>,
}

/// What goes out at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// An encoded [`ReportRequest`] with nothing but records.
    pub records: Vec<u8>,
    /// The sum of their debits, by meter.
    pub debits: BTreeMap<u64, i64>,
}

impl Outbox {
    /// Makes an outbox for `capacity` records.
    pub fn new(capacity: usize) -> Self {
        Self { records: VecDeque::new(), capacity, in_flight: 0 }
    }

    /// Tells whether a request that starts now may find no room when it ends.
    ///
    /// `open` requests are still running, and each will need a place.
    pub fn is_full(&self, open: usize) -> bool {
        self.records.len().saturating_add(open) >= self.capacity
    }

    /// Queues a record. Always succeeds: [`Outbox::is_full`] is asked before a request starts.
    pub fn push(&mut self, record: &UsageRecord) {
        let debits = record.debits.clone();
        self.records.push_back(Entry { record: record.encode_to_vec(), debits });
    }

    /// Returns the next batch, or `None` when there is nothing to send or a batch is on its way.
    /// What was sent before and not acknowledged comes first.
    pub fn next_batch(&mut self, at_most: usize) -> Option<Batch> {
        if self.in_flight > 0 || self.records.is_empty() {
            return None;
        }
        self.in_flight = self.records.len().min(at_most);
        let entries = || self.records.iter().take(self.in_flight);
        let size = entries().map(|entry| entry.record.len() + 6).sum();
        let mut batch = Batch { records: Vec::with_capacity(size), debits: BTreeMap::new() };
        for Entry { record, debits } in entries() {
            // Field 1, length-delimited: the records are encoded already.
            batch.records.push(0x0A);
            prost::encode_length_delimiter(record.len(), &mut batch.records).ok()?;
            batch.records.extend_from_slice(record);
            for Debit { meter, amount } in debits {
                *batch.debits.entry(*meter).or_default() += amount;
            }
        }
        Some(batch)
    }

    /// Drops the batch that was on its way: the ledger has it.
    pub fn acknowledged(&mut self) {
        self.records.drain(..std::mem::take(&mut self.in_flight).min(self.records.len()));
        if self.records.capacity() > 4096 && self.records.len() < 1024 {
            self.records.shrink_to(2048);
        }
    }

    /// Keeps the batch that was on its way, to be sent again.
    pub fn not_acknowledged(&mut self) {
        self.in_flight = 0;
    }

    /// Returns how many records wait.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Tells whether no record waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// Decodes a batch; for tests and tools.
///
/// # Errors
/// When it is not an encoded [`ReportRequest`].
pub fn decode_batch(batch: &[u8]) -> Result<ReportRequest, prost::DecodeError> {
    ReportRequest::decode(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u8) -> UsageRecord {
        UsageRecord { id: vec![n; 24], model: "m".repeat(200), ..UsageRecord::default() }
    }

    fn ids(batch: &Batch) -> Vec<u8> {
        decode_batch(&batch.records).unwrap().records.iter().map(|record| record.id[0]).collect()
    }

    #[test]
    fn sends_one_batch_at_a_time_and_keeps_it_until_acknowledged() {
        let mut outbox = Outbox::new(10);
        (1..=3).for_each(|n| outbox.push(&record(n)));

        assert_eq!(ids(&outbox.next_batch(2).unwrap()), [1, 2]);
        assert!(outbox.next_batch(2).is_none());
        outbox.push(&record(4));
        outbox.not_acknowledged();
        assert_eq!(ids(&outbox.next_batch(2).unwrap()), [1, 2]);
        outbox.acknowledged();
        assert_eq!(ids(&outbox.next_batch(9).unwrap()), [3, 4]);
        outbox.acknowledged();
        assert!(outbox.is_empty());
        assert!(outbox.next_batch(9).is_none());
    }

    #[test]
    fn is_full_while_running_requests_could_fill_it() {
        let mut outbox = Outbox::new(3);
        outbox.push(&record(1));

        assert!(!outbox.is_full(1));
        assert!(outbox.is_full(2));
    }
}
