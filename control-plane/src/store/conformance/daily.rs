//! What a store says of days.

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::fixtures::{add, change, entity, hash, key, record, record_usage};
use crate::domain::{ApiKey, Entity, LedgerRecord, Scope};
use crate::store::{Counts, DailyQuery, DailyUsage, Dearest, Store, StoreError};

/// Two keys of one team; one request is tried twice, and fails at first.
pub(super) fn some_records() -> Vec<LedgerRecord> {
    let tokens =
        TokenUsage { input: 3, output: 2, total: 5, cached_input: 1, ..TokenUsage::default() };
    let served = |number, name| LedgerRecord {
        tokens,
        provider: Some("p".into()),
        provider_model: Some("gpt-4o-mini-2024-07-18".into()),
        end_user: Some("c".into()),
        tags: vec!["a".into(), "b".into(), "a".into()],
        ..record(number, name, 10)
    };
    let failed = LedgerRecord {
        error_code: Some("upstream".into()),
        tokens: TokenUsage::default(),
        ..LedgerRecord { cost: NanoDollars(0), ..served(2, "sk-1") }
    };
    let again = LedgerRecord { attempt: 2, first_attempt: Some(failed.id), ..served(3, "sk-1") };
    let mut tomorrow = served(4, "sk-2");
    tomorrow.started_at = tomorrow.started_at.plus_micros(86_400_000_000);
    vec![served(1, "sk-1"), failed, again, tomorrow]
}

pub(super) fn counts(times: u64, requests: u64, attempts: u64) -> Counts {
    Counts {
        cost: NanoDollars(i64::try_from(10 * times).unwrap()),
        input: 3 * times,
        output: 2 * times,
        total: 5 * times,
        cached_input: times,
        cache_write: 0,
        requests,
        attempts,
        succeeded: times,
    }
}

pub(super) async fn what_was_used_is_added_up_by_day_and_by_whom(store: &dyn Store) {
    let team = Entity { organization_id: Some("o".into()), ..entity(Scope::Team, "t") };
    store.add_entity(&team, &change("c1", 1)).await.unwrap();
    let owned = |name| ApiKey { team_id: Some("t".into()), user_id: Some("u".into()), ..key(name) };
    add(store, &owned("sk-1")).await;
    add(store, &owned("sk-2")).await;

    record_usage(store, &some_records()).await;
    record_usage(store, &some_records()).await;

    let day = |day, owner: &str, key: Option<&str>, counts| DailyUsage {
        day,
        owner: owner.into(),
        key: key.map(hash),
        model: "gpt-4o-mini".into(),
        provider: "p".into(),
        counts,
    };
    let all = store.daily_usage(&DailyQuery::default()).await.unwrap();
    assert_eq!(all, [day(0, "", None, counts(2, 2, 3)), day(1, "", None, counts(1, 1, 1))]);

    let by_key = DailyQuery { by_key: true, ..DailyQuery::default() };
    let by_key = store.daily_usage(&by_key).await.unwrap();
    let expected =
        [day(0, "", Some("sk-1"), counts(2, 2, 3)), day(1, "", Some("sk-2"), counts(1, 1, 1))];
    assert_eq!(by_key, expected);

    for (scope, owner) in [
        (Scope::User, "u"),
        (Scope::Team, "t"),
        (Scope::Organization, "o"),
        (Scope::Customer, "c"),
        (Scope::Tag, "a"),
        (Scope::Tag, "b"),
    ] {
        let query = DailyQuery {
            scope: Some(scope),
            owners: Some(vec![owner.into()]),
            by_owner: true,
            until: Some(0),
            ..DailyQuery::default()
        };
        let found = store.daily_usage(&query).await.unwrap();
        assert_eq!(found, [day(0, owner, None, counts(2, 2, 3))], "{scope:?}");
        let nobody = DailyQuery { owners: Some(vec!["x".into()]), ..query };
        assert_eq!(store.daily_usage(&nobody).await.unwrap(), []);
    }
}

pub(super) async fn days_tell_who_cost_most_and_what_a_model_did(store: &dyn Store) {
    record_usage(store, &some_records()).await;

    let of_key = DailyQuery { keys: Some(vec![hash("sk-2")]), ..DailyQuery::default() };
    let [found] = <[_; 1]>::try_from(store.daily_usage(&of_key).await.unwrap()).unwrap();
    assert_eq!((found.day, found.counts), (1, counts(1, 1, 1)));
    let dearest = async |query: &DailyQuery, among, limit| {
        let found = store.dearest(query, among, limit).await.unwrap();
        found.into_iter().map(|(name, counts)| (name, counts.cost.0)).collect::<Vec<_>>()
    };
    let (first, second) = (hash("sk-1").to_hex(), hash("sk-2").to_hex());
    let all = DailyQuery::default();
    assert_eq!(dearest(&all, Dearest::Keys, 2).await, [(first.clone(), 20), (second, 10)]);
    assert_eq!(dearest(&all, Dearest::Keys, 1).await, [(first, 20)]);
    assert_eq!(dearest(&all, Dearest::Models, 9).await, [("gpt-4o-mini".to_owned(), 30)]);
    let tags = DailyQuery { scope: Some(Scope::Tag), from: Some(1), ..DailyQuery::default() };
    let tags = dearest(&tags, Dearest::Owners, 9).await;
    assert_eq!(tags, [("a".to_owned(), 10), ("b".to_owned(), 10)]);
    let of_model = async |name: &str| {
        let query = DailyQuery { model: Some(name.into()), ..DailyQuery::default() };
        store.daily_usage(&query).await.unwrap().len()
    };
    assert_eq!(of_model("x").await, 0);
    assert_eq!(of_model("gpt-4o-mini").await, 2);
    assert_eq!(of_model("gpt-4o-mini-2024-07-18").await, 2);
    let few = DailyQuery { most: Some(1), ..DailyQuery::default() };
    let refused = store.daily_usage(&few).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooMany { most: 1 }), "{refused:?}");
}

/// Days are in SQLite what they were in a database of before, and after they were damaged.
#[tokio::test]
async fn days_are_added_up_anew_when_they_are_missing_or_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let open =
        async || crate::store::open_for_proofs(&crate::domain::Secret::new(&*url)).await.unwrap();
    let damage = async |statement: &'static str| {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    };
    let query = DailyQuery {
        scope: Some(Scope::Tag),
        by_owner: true,
        by_key: true,
        ..DailyQuery::default()
    };
    let store = open().await;
    record_usage(&*store, &some_records()).await;
    let before = store.daily_usage(&query).await.unwrap();
    assert_eq!(before.len(), 4);
    store.close().await;

    damage("DELETE FROM daily_usage").await;
    let store = open().await;
    assert_eq!(store.daily_usage(&query).await.unwrap(), before);
    assert_eq!(store.verify().await.unwrap(), []);

    // Whoever added them up was killed before the oldest.
    damage("DELETE FROM daily_usage WHERE day = 0").await;
    let store = open().await;
    assert_eq!(store.daily_usage(&query).await.unwrap(), before);

    damage("UPDATE daily_usage SET cost_nanos = cost_nanos + 1 WHERE day = 0").await;
    let found: Vec<String> =
        store.verify().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["spend of day 0: 21 stored, 20 proven"]);
    store.rebuild().await.unwrap();
    assert_eq!(store.verify().await.unwrap(), []);
    assert_eq!(store.daily_usage(&query).await.unwrap(), before);
}
