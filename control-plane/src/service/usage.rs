//! Usage: recording and showing.

use tollgate_core::money::NanoDollars;

use crate::domain::{LedgerRecord, Report, Reported};
use crate::service::{Service, ServiceError};
use crate::store::{DailySpend, LedgerEntry, UsageQuery};

impl Service {
    /// Takes a filter's report: stores its records, each once, and settles and grants leases.
    pub async fn report(&self, mut report: Report) -> Result<Reported, ServiceError> {
        if report == Report::default() {
            return Ok(Reported::default());
        }
        report.records = report.records.into_iter().map(bounded).collect();
        let reported = self.store.report(&report, self.now()).await?;
        for answer in reported.answers.iter().flatten().filter(|answer| answer.over_soft_limit) {
            tracing::warn!(
                meter.id = answer.meter,
                used = answer.used,
                limit = answer.limit,
                "a soft limit was reached"
            );
        }
        Ok(reported)
    }

    /// Returns ledger records that match, newest first.
    pub async fn usage(
        &self,
        query: &UsageQuery,
        limit: u32,
    ) -> Result<Vec<LedgerEntry>, ServiceError> {
        Ok(self.store.usage(query, limit).await?)
    }

    /// Returns what matching records cost, by day, key, user and model.
    pub async fn daily_spend(&self, query: &UsageQuery) -> Result<Vec<DailySpend>, ServiceError> {
        Ok(self.store.daily_spend(query).await?)
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
