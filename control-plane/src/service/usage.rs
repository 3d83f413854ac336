//! Usage: recording and showing.

use tollgate_core::money::NanoDollars;

use crate::domain::meter::{Answer, Statement};
use crate::domain::{LedgerRecord, MeterRow, Report, Reported};
use crate::service::{Actor, Service, ServiceError};
use crate::store::{
    AlertPage, AuditPage, AuditQuery, Counts, DailyQuery, DailySpend, DailyUsage, Dearest,
    LedgerEntry, SpendBy, SpendPart, UsagePage, UsageQuery,
};

impl Service {
    /// Takes a filter's report: stores its records, each once, and settles and grants leases.
    pub async fn report(&self, mut report: Report) -> Result<Reported, ServiceError> {
        if report == Report::default() {
            return Ok(Reported::default());
        }
        report.records = report.records.into_iter().map(bounded).collect();
        self.count_served(&report.records);
        Ok(self.store.report(&report, self.now()).await?)
    }

    /// Says what limits would grant a filter that holds nothing of them.
    pub async fn would_grant(
        &self,
        statements: &[Statement],
    ) -> Result<Vec<(MeterRow, Answer)>, ServiceError> {
        Ok(self.store.would_grant(statements, self.now()).await?)
    }

    /// Returns one page of the audit log.
    pub async fn changes(&self, query: &AuditQuery) -> Result<AuditPage, ServiceError> {
        Ok(self.store.changes(query).await?)
    }

    /// Returns soft limits that were crossed, the latest first.
    pub async fn alerts(&self, limit: u32, offset: u32) -> Result<AlertPage, ServiceError> {
        Ok(self.store.alerts(limit, offset).await?)
    }

    /// Returns ledger records that match, newest first.
    pub async fn usage(
        &self,
        query: &UsageQuery,
        limit: u32,
    ) -> Result<Vec<LedgerEntry>, ServiceError> {
        Ok(self.store.usage(query, limit).await?)
    }

    /// Returns one page of the ledger records that match.
    pub async fn usage_page(
        &self,
        query: &UsageQuery,
        limit: u32,
        offset: u32,
    ) -> Result<UsagePage, ServiceError> {
        Ok(self.store.usage_page(query, limit, offset).await?)
    }

    /// Sums matching records by day, key, model and more.
    pub async fn spend_parts(
        &self,
        query: &UsageQuery,
        by: SpendBy,
    ) -> Result<Vec<SpendPart>, ServiceError> {
        Ok(self.store.spend_parts(query, by).await?)
    }

    /// Returns the tags of matching records that cost most, dearest first.
    pub async fn tag_spend(
        &self,
        query: &UsageQuery,
    ) -> Result<Vec<(String, Counts)>, ServiceError> {
        Ok(self.store.tag_spend(query).await?)
    }

    /// Sets what keys and teams spent to nothing; the ledger stays as it is.
    pub async fn reset_spend(&self, actor: &Actor) -> Result<(), ServiceError> {
        let change = self.change("spend.reset", actor);
        Ok(self.store.reset_spend(&change).await?)
    }

    /// Returns what matching records cost by day.
    pub async fn daily_spend(&self, query: &UsageQuery) -> Result<DailySpend, ServiceError> {
        Ok(self.store.daily_spend(query).await?)
    }

    /// Returns what was used, by day, model and provider.
    pub async fn daily_usage(&self, query: &DailyQuery) -> Result<Vec<DailyUsage>, ServiceError> {
        Ok(self.store.daily_usage(query).await?)
    }

    /// Returns what each of them cost on each day.
    pub async fn daily_costs(
        &self,
        query: &DailyQuery,
        of: Dearest,
    ) -> Result<Vec<(i64, String, NanoDollars)>, ServiceError> {
        Ok(self.store.daily_costs(query, of).await?)
    }

    /// Returns who, among those that a query is about, cost most.
    pub async fn dearest(
        &self,
        query: &DailyQuery,
        among: Dearest,
        limit: u32,
    ) -> Result<Vec<(String, Counts)>, ServiceError> {
        Ok(self.store.dearest(query, among, limit).await?)
    }
}

/// Keeps what clients and providers wrote within bounds: a ledger row is small, and sums of
/// costs must not overflow.
fn bounded(mut record: LedgerRecord) -> LedgerRecord {
    record.cost = NanoDollars(record.cost.0.clamp(0, MAX_COST.0));
    shorten(&mut record.model);
    let texts = [
        &mut record.provider,
        &mut record.provider_model,
        &mut record.provider_response_id,
        &mut record.end_user,
        &mut record.error_code,
        &mut record.account,
    ];
    texts.into_iter().flatten().for_each(shorten);
    record.tags.truncate(MAX_TAGS);
    record.tags.iter_mut().for_each(shorten);
    record
}

fn shorten(text: &mut String) {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}

const MAX_TEXT: usize = 512;
const MAX_TAGS: usize = 64;
/// A million dollars for one request.
const MAX_COST: NanoDollars = NanoDollars(1_000_000 * 1_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut text = "é".repeat(MAX_TEXT);
        text.insert(0, 'a');

        shorten(&mut text);

        assert_eq!(text.len(), MAX_TEXT - 1);
    }
}
