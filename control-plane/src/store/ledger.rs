//! Statements about usage.

use std::collections::{BTreeMap, HashMap};

use tollgate_core::key::KeyHash;

use crate::domain::{LedgerRecord, RecordId, Timestamp};
use crate::store::daily::{Days, Owners};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::entity_spend::EntitySpend;
use crate::store::rows::{Fields, debits_text, usage_source_name};
use crate::store::{StoreError, endpoints, sql, units};

/// What adding records to the ledger did.
#[derive(Default)]
pub(super) struct Added<'a> {
    /// Those that were new.
    pub(super) records: Vec<&'a LedgerRecord>,
    /// Keys whose spend reached their budget by it.
    pub(super) exhausted: Vec<KeyHash>,
}

impl<D: Driver> SqlStore<D> {
    /// Adds records to the ledger and their cost to their keys.
    pub(super) async fn add_usage<'a>(
        &self,
        tx: &mut D::Tx,
        records: &'a [LedgerRecord],
    ) -> Result<Added<'a>, StoreError> {
        let by_id: HashMap<RecordId, &LedgerRecord> =
            records.iter().map(|record| (record.id, record)).collect();
        let mut added = Added::default();
        let mut spent = BTreeMap::<KeyHash, (i64, i64)>::new();
        let mut days = Days::default();
        for (piece, statement) in self.batches.usage.filled(records) {
            let args = piece.flat_map(values).collect();
            for row in D::run(tx, statement, args).await? {
                let row = Fields::<D>(&row);
                let id = RecordId::from_hex(&row.text("id")?);
                let Some(record) = id.and_then(|id| by_id.get(&id)) else { continue };
                added.records.push(record);
                days.add(record, Owners::of(&row)?);
                let (cost, ended) = spent.entry(record.key_hash).or_default();
                *cost = cost.saturating_add(record.cost.0);
                *ended = (*ended).max(record.ended_at.as_micros());
            }
        }
        let mut owned = EntitySpend::default();
        let rows: Vec<(&KeyHash, &(i64, i64))> = spent.iter().collect();
        for (piece, statement) in self.batches.spend.filled(&rows) {
            let args = piece.flat_map(|(hash, (cost, ended))| {
                [hash.to_hex().into(), (*cost).into(), (*ended).into()]
            });
            for row in D::run(tx, statement, args.collect()).await? {
                added.exhausted.extend(exhausted::<D>(&row, &spent)?);
                owned.add_key::<D>(&row, &spent)?;
            }
        }
        owned.add_records(&added.records);
        self.add_entity_spend(tx, owned).await?;
        self.add_days(tx, days).await?;
        Ok(added)
    }
}

/// Returns the key of the row when what was added took it to its budget.
fn exhausted<D: Driver>(
    row: &D::Row,
    spent: &BTreeMap<KeyHash, (i64, i64)>,
) -> Result<Option<KeyHash>, StoreError> {
    let row = Fields::<D>(row);
    let (hash, spend) = (row.key_hash()?, row.int("spend_nanos")?);
    let added = spent.get(&hash).map_or(0, |(cost, _)| *cost);
    let budget = row.maybe_int("max_budget_nanos")?;
    Ok(budget.filter(|budget| spend >= *budget && spend - added < *budget).map(|_| hash))
}

fn values(record: &LedgerRecord) -> [Value; sql::LEDGER_VALUES] {
    let tokens = &record.tokens;
    [
        record.id.to_hex().into(),
        record.key_hash.to_hex().into(),
        record.started_at.as_micros().into(),
        record.first_byte_at.map(Timestamp::as_micros).into(),
        record.ended_at.as_micros().into(),
        endpoints::name(record.endpoint).into(),
        record.model.as_str().into(),
        (&record.provider).into(),
        (&record.provider_model).into(),
        (&record.provider_response_id).into(),
        i64::from(record.status).into(),
        record.streamed.into(),
        record.aborted.into(),
        tokens.input.into(),
        tokens.output.into(),
        tokens.total.into(),
        tokens.cached_input.into(),
        tokens.cache_write.into(),
        tokens.reasoning.into(),
        tokens.audio_input.into(),
        tokens.audio_output.into(),
        usage_source_name(record.usage_source).into(),
        record.cost.0.into(),
        record.unpriced.into(),
        (&record.end_user).into(),
        serde_json::json!(record.tags).to_string().into(),
        (&record.error_code).into(),
        (&debits_text(&record.debits)).into(),
        (&record.account).into(),
        i64::from(record.attempt).into(),
        (&record.first_attempt.map(RecordId::to_hex)).into(),
        (&record.units.as_ref().map(units::text)).into(),
        (&record.cached.then(|| CACHED.to_owned())).into(),
    ]
}

/// What the ledger calls records of answers that were kept.
pub(super) const CACHED: &str = "cache";
