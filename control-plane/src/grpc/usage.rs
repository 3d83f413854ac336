//! `tollgate.v1.Usage`: what filters report.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;
use tollgate_proto::v1;
use tollgate_proto::v1::usage_server::Usage;
use tonic::{Request, Response, Status};

use super::error::status;
use crate::domain::{Endpoint, LedgerRecord, RecordId, Timestamp, UsageSource};
use crate::service::Service;

/// Serves [`Usage`].
pub(super) struct UsageServer {
    pub(super) service: Service,
}

#[tonic::async_trait]
impl Usage for UsageServer {
    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let sent = request.into_inner().records;
        let mut records = Vec::with_capacity(sent.len());
        let mut refused = 0;
        for record in sent {
            match ledger_record(record) {
                Ok(record) => records.push(record),
                Err(why) => {
                    tracing::error!(why, "a usage record cannot be stored and is lost");
                    refused += 1;
                }
            }
        }
        let stored = self.service.record_usage(&records).await.map_err(|error| status(&error))?;
        // What can never be stored is acknowledged too: sent again, it would be no better.
        Ok(Response::new(v1::ReportResponse { acknowledged: stored + refused, grants: Vec::new() }))
    }
}

fn ledger_record(record: v1::UsageRecord) -> Result<LedgerRecord, &'static str> {
    let (endpoint, usage_source) = (endpoint(record.endpoint()), source(record.usage_source()));
    Ok(LedgerRecord {
        id: RecordId::from_bytes(&record.id).ok_or("id is not 24 bytes long")?,
        key_hash: KeyHash::from_bytes(&record.key_hash).ok_or("key_hash is not 32 bytes long")?,
        started_at: Timestamp::from_micros(record.started_at_us),
        first_byte_at: record.first_byte_at_us.map(Timestamp::from_micros),
        ended_at: Timestamp::from_micros(record.ended_at_us),
        endpoint,
        model: text(record.model),
        provider: record.provider.map(text),
        provider_model: record.provider_model.map(text),
        provider_response_id: record.provider_response_id.map(text),
        status: u16::try_from(record.status).map_err(|_| "status is no HTTP status")?,
        streamed: record.streamed,
        aborted: record.aborted,
        tokens: tokens(record.tokens.unwrap_or_default()),
        usage_source,
        cost: NanoDollars(record.cost_nanos),
        unpriced: record.unpriced,
        end_user: record.end_user.map(text),
        tags: record.tags.into_iter().map(text).collect(),
        error_code: record.error_code.map(text),
    })
}

fn endpoint(endpoint: v1::Endpoint) -> Endpoint {
    match endpoint {
        v1::Endpoint::Unspecified => Endpoint::Unknown,
        v1::Endpoint::ChatCompletions => Endpoint::ChatCompletions,
        v1::Endpoint::Completions => Endpoint::Completions,
        v1::Endpoint::Embeddings => Endpoint::Embeddings,
    }
}

fn source(source: v1::UsageSource) -> UsageSource {
    match source {
        v1::UsageSource::Unspecified => UsageSource::None,
        v1::UsageSource::Provider => UsageSource::Provider,
        v1::UsageSource::Estimated => UsageSource::Estimated,
        v1::UsageSource::Counted => UsageSource::Counted,
        v1::UsageSource::Presumed => UsageSource::Presumed,
    }
}

/// Both databases count in 63 bits; a provider that claims more is not believed.
fn tokens(tokens: v1::TokenUsage) -> TokenUsage {
    let count = |tokens: u64| tokens.min(i64::MAX.unsigned_abs());
    TokenUsage {
        input: count(tokens.input),
        output: count(tokens.output),
        total: count(tokens.total),
        cached_input: count(tokens.cached_input),
        cache_write: count(tokens.cache_write),
        reasoning: count(tokens.reasoning),
        audio_input: count(tokens.audio_input),
        audio_output: count(tokens.audio_output),
    }
}

/// PostgreSQL refuses NUL in text, and one such record would hold up its whole batch for ever.
fn text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
