//! One conversation with the control plane's ledger: records and leases out, grants in.

use prost::Message;
use tollgate_proto::v1::{ReportRequest, ReportResponse};

use super::Gateway;

/// Records in one report. What is not answered is sent again in at least the same size, so this
/// may grow from one version to the next but not within the life of a VM.
const BATCH: usize = 500;

impl Gateway {
    /// Returns an encoded [`ReportRequest`] when there is something to say and nothing under way.
    /// [`Gateway::report_answered`] or [`Gateway::report_failed`] must follow.
    pub fn next_report(&mut self, now_us: i64) -> Option<Vec<u8>> {
        if self.leases.is_reporting() {
            return None;
        }
        let batch = self.outbox.next_batch(BATCH);
        if batch.is_none() && !self.leases.has_news() {
            return None;
        }
        let batch = batch.unwrap_or_default();
        let (sequence, meters) = self.leases.report(&batch.debits, now_us);
        let holder = self.holder.map(Vec::from).unwrap_or_default();
        let rest =
            ReportRequest { records: Vec::new(), holder, sequence, meters, sent_at_us: now_us };
        // Encoded messages that follow each other are one message.
        let mut report = batch.records;
        rest.encode(&mut report).ok()?;
        Some(report)
    }

    /// Takes the answer to a report, an encoded [`ReportResponse`].
    pub fn report_answered(&mut self, answer: &[u8], now_us: i64) {
        let Ok(answer) = ReportResponse::decode(answer) else { return self.report_failed() };
        self.outbox.acknowledged();
        self.leases.answered(&answer.grants, now_us);
    }

    /// Notes that a report was not answered: all of it will be sent again.
    pub fn report_failed(&mut self) {
        self.outbox.not_acknowledged();
        self.leases.not_answered();
    }

    /// Tells whether more records wait than go into one report.
    pub fn has_backlog(&self) -> bool {
        self.outbox.len() >= BATCH
    }

    /// Puts an exchange on the list of those that wait for units.
    pub(crate) fn awaits_units(&mut self, exchange: u64) {
        self.waiting.push(exchange);
    }

    /// Tells whether requests wait for units, and units have moved.
    pub fn has_moved(&self) -> bool {
        !self.waiting.is_empty() && self.leases.has_moved()
    }

    /// Returns the exchanges that are to try again, in the order in which they came: all that
    /// wait, when units moved or `anyway`.
    pub fn take_waiting(&mut self, anyway: bool) -> Vec<u64> {
        let moved = self.leases.take_moved();
        if moved || anyway { std::mem::take(&mut self.waiting) } else { Vec::new() }
    }
}
