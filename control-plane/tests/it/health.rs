//! Health, seen from outside.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tollgate_control_plane::domain::kept::{CacheKey, KeptAnswer, KeptFigures, KeptVector, Purge};
use tollgate_control_plane::domain::{
    ApiKey, Change, Commitment, Entity, EntityChange, HealthMark, HolderId, Item, ItemKind,
    KeyChange, LedgerRecord, LimitsChange, Meter, Report, Reported, Resource, ResourceQuery, Scope,
    SharedBudget, Terms, Timestamp,
};
use tollgate_control_plane::store::news::{News, Newsroom};
use tollgate_control_plane::store::{
    AlertPage, AuditEntry, AuditPage, AuditQuery, Changed, ChangedEntity, Commitments, Committed,
    Configured, DailyQuery, DailySpend, DailyUsage, Dearest, Deleted, EntityPage, EntityQuery,
    KeyPage, KeyQuery, LedgerEntry, Renewal, Renewals, SharedLimits, SpendBy, SpendPart, Store,
    StoreError, TagSpend, UsagePage, UsageQuery,
};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::app::{MASTER, TestApp};

async fn open(app: &TestApp, path: &str) -> (u16, Value) {
    let answer = app.call(Method::GET, path, None, Body::empty()).await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn health_needs_no_key_and_tells_little() {
    let app = TestApp::start().await;
    let expected = json!({"status": "healthy", "timestamp": "2026-11-21T08:08:24Z"});

    assert_eq!(open(&app, "/health").await, (200, expected.clone()));
    let wrong = app.call(Method::GET, "/health", Some("sk-wrong"), Body::empty()).await;
    assert_eq!(wrong.ok(), expected);
}

#[tokio::test]
async fn health_shows_the_endpoints_to_the_admin() {
    let app = TestApp::start().await;

    insta::assert_json_snapshot!(app.get("/health").await.ok());
    let one = app.get("/health?model=small/embed").await.ok();
    assert_eq!((&one["healthy_count"], &one["unhealthy_count"]), (&json!(1), &json!(0)));
    assert_eq!(one["healthy_endpoints"][0]["model"], "openai/text-embedding-3-small");
    assert_eq!(app.get("/health?model=none").await.ok()["healthy_count"], 0);
}

#[tokio::test]
async fn a_process_that_answers_is_alive() {
    let app = broken();

    for path in ["/health/liveliness", "/health/liveness"] {
        assert_eq!(open(&app, path).await, (200, json!("I'm alive!")));
        let options = app.call(Method::OPTIONS, path, None, Body::empty()).await;
        assert_eq!((options.status.as_u16(), options.body), (200, json!("I'm alive!")));
    }
}

#[tokio::test]
async fn a_process_with_its_database_is_ready() {
    let app = TestApp::start().await;
    let ready = json!({"status": "healthy", "db": "connected"});

    assert_eq!(open(&app, "/health/readiness").await, (200, ready.clone()));
    let options = app.call(Method::OPTIONS, "/health/readiness", None, Body::empty()).await;
    assert_eq!(options.ok(), ready);
    assert_eq!(
        open(&app, "/ready").await,
        (200, json!({"status": "ready", "services": {"database": {"status": "healthy"}}}))
    );
}

#[tokio::test]
async fn a_process_that_drains_is_not_ready() {
    let app = TestApp::start().await;
    app.draining.send_replace(true);

    assert_eq!(open(&app, "/health/readiness").await, (503, json!({"status": "shutting_down"})));
    let (status, body) = open(&app, "/ready").await;
    assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
    assert_eq!(open(&app, "/health").await.0, 200);
}

#[tokio::test]
async fn without_its_database_a_process_is_degraded_and_not_ready() {
    let app = broken();

    let (status, health) = open(&app, "/health").await;
    let (ready_status, ready) = open(&app, "/ready").await;

    assert_eq!((status, &health["status"]), (503, &json!("degraded")));
    assert_eq!(health["timestamp"], "2026-11-21T08:08:24Z");
    assert_eq!(health["services"]["database"]["status"], "unhealthy");
    assert_eq!(
        open(&app, "/health/readiness").await,
        (503, json!({"status": "unhealthy", "db": "Not connected"}))
    );
    assert_eq!((ready_status, &ready["status"]), (503, &json!("not_ready")));
    assert!(ready["error"].as_str().unwrap().starts_with("database: "));
}

#[tokio::test]
async fn without_its_database_management_says_so() {
    let app = broken();

    let admin = app.get("/key/list").await;
    let key = app.call(Method::GET, "/key/info", Some("sk-some-key"), Body::empty()).await;

    for answer in [admin, key] {
        assert_eq!(answer.headers["retry-after"], "1");
        let (status, kind, _) = answer.refusal();
        assert_eq!((status, kind.as_str()), (503, "no_db_connection"));
    }
    let unknown = app.call(Method::GET, "/nothing", Some(MASTER), Body::empty()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

fn broken() -> TestApp {
    TestApp::over(Arc::new(BrokenStore::default()), tempfile::tempdir().unwrap(), Some(MASTER))
}

/// A database that is away.
#[derive(Default)]
struct BrokenStore(Newsroom);

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut))
}

#[async_trait]
impl Renewals for BrokenStore {
    async fn renew_key(
        &self,
        _: &KeyHash,
        _: &Renewal,
        _: &KeyChange,
        _: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        away()
    }
    async fn key_by_former_hash(
        &self,
        _: &KeyHash,
        _: Timestamp,
    ) -> Result<Option<(ApiKey, Timestamp)>, StoreError> {
        away()
    }
}

#[async_trait]
impl Commitments for BrokenStore {
    async fn commit(&self, _: &Commitment, _: &[(u64, i64)]) -> Result<Committed, StoreError> {
        away()
    }
    async fn commitment(&self, _: HolderId) -> Result<Option<Commitment>, StoreError> {
        away()
    }
    async fn amend(&self, _: HolderId, _: &Terms) -> Result<(), StoreError> {
        away()
    }
    async fn withdraw(&self, _: HolderId, _: Timestamp) -> Result<bool, StoreError> {
        away()
    }
    async fn abandoned(&self, _: Timestamp) -> Result<Vec<HolderId>, StoreError> {
        away()
    }
    async fn claim_work(
        &self,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<(Resource, u64)>, StoreError> {
        away()
    }
    async fn put_off(&self, _: &str, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn settle_work(
        &self,
        _: &Resource,
        _: &Commitment,
        _: &LedgerRecord,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        away()
    }
}

#[async_trait]
impl Store for BrokenStore {
    fn newsroom(&self) -> &Newsroom {
        &self.0
    }
    async fn tell(&self, _: &[News]) -> Result<(), StoreError> {
        away()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        away()
    }
    async fn close(&self) {}
    async fn dearest(
        &self,
        _: &DailyQuery,
        _: Dearest,
        _: u32,
    ) -> Result<Vec<(String, NanoDollars)>, StoreError> {
        away()
    }
    async fn daily_usage(&self, _: &DailyQuery) -> Result<Vec<DailyUsage>, StoreError> {
        away()
    }
    async fn revision(&self) -> Result<u64, StoreError> {
        away()
    }
    async fn next_revision(&self) -> Result<u64, StoreError> {
        away()
    }
    async fn key_by_hash(&self, _: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        away()
    }
    async fn key_by_alias(&self, _: &str) -> Result<Option<ApiKey>, StoreError> {
        away()
    }
    async fn keys(&self, _: &KeyQuery) -> Result<KeyPage, StoreError> {
        away()
    }
    async fn configure(&self, _: &Configured, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn shared_limits(&self) -> Result<SharedLimits, StoreError> {
        away()
    }
    async fn entity(&self, _: Scope, _: &str) -> Result<Option<Entity>, StoreError> {
        away()
    }
    async fn entities(&self, _: &EntityQuery) -> Result<EntityPage, StoreError> {
        away()
    }
    async fn add_entity(&self, _: &Entity, _: &Change) -> Result<ChangedEntity, StoreError> {
        away()
    }
    async fn change_entity(
        &self,
        _: (Scope, &str),
        _: &EntityChange,
        _: &Change,
    ) -> Result<Option<ChangedEntity>, StoreError> {
        away()
    }
    async fn delete_entities(
        &self,
        _: Scope,
        _: &[String],
        _: &Change,
    ) -> Result<Vec<String>, StoreError> {
        away()
    }
    async fn budget(&self, _: &str) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn budgets(&self) -> Result<Vec<SharedBudget>, StoreError> {
        away()
    }
    async fn add_budget(&self, _: &SharedBudget, _: &Change) -> Result<(), StoreError> {
        away()
    }
    async fn change_budget(
        &self,
        _: &str,
        _: &LimitsChange,
        _: &Change,
    ) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn delete_budget(&self, _: &str, _: &Change) -> Result<Option<SharedBudget>, StoreError> {
        away()
    }
    async fn meters(&self, _: &[(Scope, String)]) -> Result<Vec<Meter>, StoreError> {
        away()
    }
    async fn add_key(&self, _: &ApiKey, _: &KeyChange, _: &Change) -> Result<Changed, StoreError> {
        away()
    }
    async fn change_key(
        &self,
        _: &KeyHash,
        _: &KeyChange,
        _: &Change,
    ) -> Result<Option<Changed>, StoreError> {
        away()
    }
    async fn delete_keys(&self, _: &[KeyHash], _: &Change) -> Result<Deleted, StoreError> {
        away()
    }
    async fn report(&self, _: &Report, _: Timestamp) -> Result<Reported, StoreError> {
        away()
    }
    async fn give_up_holders(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn usage(&self, _: &UsageQuery, _: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        away()
    }
    async fn alerts(&self, _: u32, _: u32) -> Result<AlertPage, StoreError> {
        away()
    }
    async fn usage_page(&self, _: &UsageQuery, _: u32, _: u32) -> Result<UsagePage, StoreError> {
        away()
    }
    async fn spend_parts(&self, _: &UsageQuery, _: SpendBy) -> Result<Vec<SpendPart>, StoreError> {
        away()
    }
    async fn tag_spend(&self, _: &UsageQuery) -> Result<Vec<TagSpend>, StoreError> {
        away()
    }
    async fn reset_spend(&self, _: &Change) -> Result<(), StoreError> {
        away()
    }
    async fn daily_spend(&self, _: &UsageQuery) -> Result<Vec<DailySpend>, StoreError> {
        away()
    }
    async fn kept_answer(
        &self,
        _: &CacheKey,
        _: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        away()
    }
    async fn kept_vectors(
        &self,
        _: &CacheKey,
        _: &str,
        _: Timestamp,
    ) -> Result<Vec<KeptVector>, StoreError> {
        away()
    }
    async fn keep_answer(
        &self,
        _: &KeptAnswer,
        _: Option<&KeptVector>,
        _: u64,
    ) -> Result<bool, StoreError> {
        away()
    }
    async fn purge_answers(&self, _: &Purge, _: &Change) -> Result<(u64, u64), StoreError> {
        away()
    }
    async fn sweep_answers(&self, _: Timestamp) -> Result<u64, StoreError> {
        away()
    }
    async fn kept_figures(&self, _: Timestamp) -> Result<KeptFigures, StoreError> {
        away()
    }
    async fn mark_health(
        &self,
        _: &[HealthMark],
        _: Timestamp,
    ) -> Result<Vec<HealthMark>, StoreError> {
        away()
    }
    async fn health(&self, _: Timestamp) -> Result<Vec<HealthMark>, StoreError> {
        away()
    }
    async fn items(&self) -> Result<Vec<Item>, StoreError> {
        away()
    }
    async fn reseal(&self, _: &Item, _: &str) -> Result<bool, StoreError> {
        away()
    }

    async fn put_item(&self, _: &Item, _: bool, _: &Change) -> Result<u64, StoreError> {
        away()
    }
    async fn delete_items(
        &self,
        _: &[(ItemKind, String)],
        _: &Change,
    ) -> Result<(Vec<Item>, u64), StoreError> {
        away()
    }
    async fn resources_by_ids(&self, _: &[String]) -> Result<Vec<Resource>, StoreError> {
        away()
    }
    async fn keep_resources(&self, _: &Resource, _: &[Resource]) -> Result<bool, StoreError> {
        away()
    }
    async fn resources(&self, _: &ResourceQuery) -> Result<Vec<Resource>, StoreError> {
        away()
    }
    async fn forget_resource(&self, _: &str, _: &str, _: Timestamp) -> Result<(), StoreError> {
        away()
    }
    async fn audit(&self, _: &str) -> Result<Vec<AuditEntry>, StoreError> {
        away()
    }
    async fn changes(&self, _: &AuditQuery) -> Result<AuditPage, StoreError> {
        away()
    }
}
