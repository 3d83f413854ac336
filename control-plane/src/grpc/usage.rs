//! `tollgate.v1.Usage`: what filters report.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;
use tollgate_proto::v1;
use tollgate_proto::v1::usage_server::Usage;
use tonic::{Request, Response, Status};

use super::error::status;
use crate::domain::{
    Debit, Endpoint, HolderId, Holding, LedgerRecord, Place, RecordId, Report, Resource,
    ResourceKind, Timestamp, Units, UsageSource,
};
use crate::service::Service;
use crate::snapshot::lease::{grant, statement};

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
        let acknowledged = request.get_ref().records.len() as u64;
        let v1::ReportRequest { records: sent, holder, sequence, meters, sent_at_us } =
            request.into_inner();
        let now = self.service.now();
        let mut records = Vec::with_capacity(sent.len());
        let stored = sent.iter().filter_map(|record| stored(record, now)).collect();
        let similar = sent.iter().filter(|record| record.similarity > 0).count();
        self.service.count_similar(similar as u64);
        for record in sent {
            match ledger_record(record) {
                Ok(record) => records.push(record),
                Err(why) => {
                    tracing::error!(why, "a usage record cannot be stored and is lost");
                }
            }
        }
        let statements = meters.iter().map(|state| statement(state, now)).collect();
        let holding = match (holder.as_slice(), HolderId::from_bytes(&holder)) {
            (_, Some(holder)) => Some(Holding { holder, sequence, statements }),
            ([], None) if meters.is_empty() => None,
            _ => return Err(Status::invalid_argument("holder: not 16 bytes")),
        };
        // Records of a filter that does not tell its time are taken by their own.
        let clock_ahead =
            if sent_at_us == 0 { 0 } else { now.as_micros().saturating_sub(sent_at_us) };
        // What can never be stored is acknowledged too: sent again, it would be no better.
        let report = Report { records, stored, clock_ahead, holding };
        let reported = self.service.report(report).await.map_err(|error| status(&error))?;
        let grants = meters.iter().zip(reported.answers);
        let grants = grants.map(|(state, answer)| grant(state.meter, answer, now)).collect();
        Ok(Response::new(v1::ReportResponse { acknowledged, grants }))
    }
}

fn ledger_record(record: v1::UsageRecord) -> Result<LedgerRecord, &'static str> {
    let (endpoint, usage_source) = (endpoint(record.endpoint()), source(record.usage_source()));
    let served = record.served();
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
        debits: record.debits.iter().map(debit).collect(),
        account: record.account.map(text).filter(|account| !account.is_empty()),
        attempt: record.attempt,
        first_attempt: match record.first_attempt.as_slice() {
            [] => None,
            id => Some(RecordId::from_bytes(id).ok_or("first_attempt is not 24 bytes long")?),
        },
        cached: served == v1::Served::Cache,
        units: record.units.map(units),
    })
}

/// Returns the answer that a provider has stored. `None`: it has stored none.
fn stored(record: &v1::UsageRecord, now: Timestamp) -> Option<Resource> {
    let id = record.provider_response_id.clone().filter(|id| !id.is_empty())?;
    Some(Resource {
        body: serde_json::json!({ "id": id }).to_string(),
        id,
        kind: ResourceKind::Response,
        place: Place {
            provider: record.provider.clone()?,
            account: record.account.clone().unwrap_or_default(),
        },
        tenant: Some(record.stored_for.clone()).filter(|tenant| !tenant.is_empty())?,
        key_hash: KeyHash::from_bytes(&record.key_hash)?,
        model: text(record.model.clone()),
        purpose: String::new(),
        tags: Vec::new(),
        created_at: now,
        deleted_at: None,
        commitment: None,
    })
}

fn debit(debit: &v1::Debit) -> Debit {
    Debit { meter: debit.meter, amount: debit.amount.max(0) }
}

fn endpoint(endpoint: v1::Endpoint) -> Endpoint {
    match endpoint {
        v1::Endpoint::Unspecified => Endpoint::Unknown,
        v1::Endpoint::ChatCompletions => Endpoint::ChatCompletions,
        v1::Endpoint::Completions => Endpoint::Completions,
        v1::Endpoint::Embeddings => Endpoint::Embeddings,
        v1::Endpoint::Responses => Endpoint::Responses,
        v1::Endpoint::Messages => Endpoint::Messages,
        v1::Endpoint::GenerateContent => Endpoint::GenerateContent,
        v1::Endpoint::EmbedContent => Endpoint::EmbedContent,
        v1::Endpoint::BatchEmbedContents => Endpoint::BatchEmbedContents,
        v1::Endpoint::OllamaChat => Endpoint::OllamaChat,
        v1::Endpoint::OllamaGenerate => Endpoint::OllamaGenerate,
        v1::Endpoint::OllamaEmbed => Endpoint::OllamaEmbed,
        v1::Endpoint::OllamaEmbeddings => Endpoint::OllamaEmbeddings,
        v1::Endpoint::ImagesGenerations => Endpoint::ImagesGenerations,
        v1::Endpoint::ImagesEdits => Endpoint::ImagesEdits,
        v1::Endpoint::ImagesVariations => Endpoint::ImagesVariations,
        v1::Endpoint::Speech => Endpoint::Speech,
        v1::Endpoint::Transcriptions => Endpoint::Transcriptions,
        v1::Endpoint::Translations => Endpoint::Translations,
        v1::Endpoint::Moderations => Endpoint::Moderations,
        v1::Endpoint::Realtime => Endpoint::Realtime,
        v1::Endpoint::Files => Endpoint::Files,
        v1::Endpoint::Batches => Endpoint::Batches,
        v1::Endpoint::FineTuning => Endpoint::FineTuning,
        v1::Endpoint::Assistants => Endpoint::Assistants,
        v1::Endpoint::Threads => Endpoint::Threads,
        v1::Endpoint::Runs => Endpoint::Runs,
        v1::Endpoint::VectorStores => Endpoint::VectorStores,
        v1::Endpoint::StoredResponses => Endpoint::StoredResponses,
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
pub(super) fn tokens(tokens: v1::TokenUsage) -> TokenUsage {
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

fn units(units: v1::Units) -> Units {
    Units {
        images: units.images,
        characters: units.characters,
        audio_ms: units.audio_ms,
        image_input_tokens: units.image_input_tokens,
        image_output_tokens: units.image_output_tokens,
    }
}

/// PostgreSQL refuses NUL in text, and one such record would hold up its whole batch for ever.
fn text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
