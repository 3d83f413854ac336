//! Keys, records and changes that checks begin with.

use std::collections::BTreeMap;

use serde_json::Map;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::{
    ApiKey, Change, Endpoint, Entity, KeyChange, LedgerRecord, Limits, RecordId, Report, Reported,
    Scope, Timestamp, UsageSource,
};
use crate::store::{Changed, KeyQuery, KeySort, Store};

pub(super) async fn add(store: &dyn Store, key: &ApiKey) -> Changed {
    let change = change(&format!("add-{}", key.name), 0);
    store.add_key(key, &KeyChange::default(), &change).await.unwrap()
}

pub(super) fn key(name: &str) -> ApiKey {
    ApiKey {
        hash: hash(name),
        name: name.into(),
        alias: None,
        user_id: None,
        team_id: None,
        models: Vec::new(),
        aliases: BTreeMap::new(),
        metadata: Map::new(),
        tags: Vec::new(),
        expires_at: None,
        allowed_routes: Vec::new(),
        organization_id: None,
        budget_id: None,
        limits: Limits::default(),
        budget: None,
        spend: NanoDollars::ZERO,
        blocked: None,
        created_at: at(0),
        created_by: "somebody".into(),
        updated_at: at(0),
        updated_by: "somebody".into(),
        last_active: None,
        first_hash: None,
        renewals: 0,
        renewed_at: None,
    }
}

pub(super) fn entity(kind: Scope, id: &str) -> Entity {
    Entity::new(kind, id.to_owned(), &change("c", 1))
}

pub(super) fn budget(nanos: i64) -> Limits {
    Limits { max_budget: Some(NanoDollars(nanos)), ..Limits::default() }
}

pub(super) fn query() -> KeyQuery {
    KeyQuery {
        deleted: false,
        user_id: None,
        teams: None,
        team_id: None,
        organization_id: None,
        alias: None,
        hash: None,
        owners: None,
        has_alias: false,
        sort: KeySort::CreatedAt,
        descending: true,
        offset: 0,
        limit: 100,
    }
}

pub(super) fn record(number: u64, key: &str, cost: i64) -> LedgerRecord {
    let mut id = [7; 24];
    id[16..].copy_from_slice(&number.to_be_bytes());
    let started = 1_000 + i64::try_from(number).unwrap();
    LedgerRecord {
        id: RecordId::from_bytes(&id).unwrap(),
        key_hash: hash(key),
        started_at: at(started),
        first_byte_at: None,
        ended_at: at(started + 1),
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o-mini".into(),
        provider: None,
        provider_model: None,
        provider_response_id: None,
        status: 200,
        streamed: false,
        aborted: false,
        tokens: TokenUsage::default(),
        usage_source: UsageSource::Provider,
        cost: NanoDollars(cost),
        unpriced: false,
        end_user: None,
        tags: Vec::new(),
        error_code: None,
        debits: Vec::new(),
        account: None,
        attempt: 0,
        first_attempt: None,
        cached: false,
        units: None,
    }
}

impl LedgerRecord {
    /// The number that [`record`] was given.
    pub(super) fn cost_id(&self) -> u64 {
        u64::from_str_radix(self.id.to_hex().get(32..).unwrap(), 16).unwrap()
    }
}

/// Records usage that nobody holds leases for.
pub(super) async fn record_usage(store: &dyn Store, records: &[LedgerRecord]) -> Reported {
    let report = Report { records: records.to_vec(), ..Report::default() };
    store.report(&report, at(10_000)).await.unwrap()
}

pub(super) fn hash(name: &str) -> KeyHash {
    KeyHash::of(name.as_bytes())
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

pub(super) fn change(id: &str, second: i64) -> Change {
    Change {
        id: id.into(),
        at: at(second),
        actor: "somebody".into(),
        action: "test",
        request_id: Some("request".into()),
    }
}
