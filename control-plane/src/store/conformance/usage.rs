//! What a store does with usage.

use std::time::Duration;

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::fixtures::{add, at, budget, change, hash, key, record, record_usage};
use crate::domain::{ApiKey, Debit, KeyChange, LedgerRecord, Timestamp, Units, UsageSource};
use crate::store::{LedgerEntry, Store, UsageQuery};

pub(super) async fn usage_is_counted_once(store: &dyn Store) {
    add(store, &key("sk-1")).await;
    let batch: Vec<LedgerRecord> = (0..700).map(|n| record(n, "sk-1", 10)).collect();

    let first = record_usage(store, &batch).await;
    let again = record_usage(store, &batch).await;
    let overlap = [record(699, "sk-1", 10), record(700, "sk-1", 10), record(700, "sk-1", 10)];
    let third = record_usage(store, &overlap).await;

    assert_eq!((first.added, again.added, third.added), (700, 0, 1));
    let key = store.key_by_hash(&hash("sk-1")).await.unwrap().unwrap();
    assert_eq!(key.spend, NanoDollars(7_010));
    assert_eq!(key.last_active, Some(at(1_000 + 700 + 1)));
    assert_eq!(store.usage(&UsageQuery::default(), 10_000).await.unwrap().len(), 701);
}

pub(super) async fn a_key_is_exhausted_once(store: &dyn Store) {
    add(store, &ApiKey { limits: budget(25), ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let revision = store.revision().await.unwrap();
    let spend =
        async |n| record_usage(store, &[record(n, "sk-1", 10), record(n + 100, "sk-2", 10)]).await;

    let mut told = Vec::new();
    for n in 1..=4 {
        let exhausted = spend(n).await.exhausted;
        told.push((exhausted, store.revision().await.unwrap() - revision));
    }

    assert_eq!(told, [(vec![], 0), (vec![], 0), (vec![hash("sk-1")], 1), (vec![], 1)]);
}

pub(super) async fn usage_of_unknown_keys_is_kept(store: &dyn Store) {
    let recorded = record_usage(store, &[record(1, "sk-gone", 10)]).await;

    assert_eq!(recorded.added, 1);
    assert_eq!(store.usage(&UsageQuery::default(), 10).await.unwrap().len(), 1);
    assert_eq!(record_usage(store, &[]).await.added, 0);
}

pub(super) async fn ledger_records_come_back_as_they_were(store: &dyn Store) {
    let owner = ApiKey {
        user_id: Some("u".into()),
        team_id: Some("t".into()),
        alias: Some("a".into()),
        ..key("sk-1")
    };
    add(store, &owner).await;
    let full = LedgerRecord {
        first_byte_at: Some(at(2)),
        provider: Some("openai".into()),
        provider_model: Some("gpt".into()),
        provider_response_id: Some("chatcmpl-1".into()),
        streamed: true,
        aborted: true,
        tokens: TokenUsage {
            input: 1,
            output: 2,
            total: 3,
            cached_input: 4,
            cache_write: 5,
            reasoning: 6,
            audio_input: 7,
            audio_output: u64::try_from(i64::MAX).unwrap(),
        },
        usage_source: UsageSource::Estimated,
        unpriced: true,
        end_user: Some("e".into()),
        tags: vec!["x".into(), "ü".into()],
        error_code: Some("provider_error".into()),
        debits: vec![Debit { meter: 7, amount: 3 }, Debit { meter: u64::MAX, amount: i64::MAX }],
        account: Some("spare".into()),
        attempt: 2,
        first_attempt: Some(record(9, "sk-1", 0).id),
        cached: true,
        units: Some(Units { images: 1, audio_ms: 8_470, ..Units::default() }),
        ..record(1, "sk-1", 10)
    };

    record_usage(store, std::slice::from_ref(&full)).await;
    let found = store.usage(&UsageQuery::default(), 10).await.unwrap();

    let expected = LedgerEntry {
        record: full,
        user_id: Some("u".into()),
        team_id: Some("t".into()),
        key_alias: Some("a".into()),
    };
    assert_eq!(found, [expected]);
}

pub(super) async fn usage_is_found_by_what_it_is_about(store: &dyn Store) {
    add(store, &ApiKey { user_id: Some("u".into()), ..key("sk-1") }).await;
    let batch = [record(1, "sk-1", 1), record(2, "sk-2", 1), record(3, "sk-1", 1)];
    record_usage(store, &batch).await;
    let found = async |query: UsageQuery, limit| {
        let entries = store.usage(&query, limit).await.unwrap();
        entries.into_iter().map(|entry| entry.record.cost_id()).collect::<Vec<u64>>()
    };
    let all = UsageQuery::default();

    assert_eq!(found(all.clone(), 10).await, [3, 2, 1]);
    assert_eq!(found(all.clone(), 2).await, [3, 2]);
    let id = Some(batch[1].id);
    assert_eq!(found(UsageQuery { id, ..all.clone() }, 10).await, [2]);
    assert_eq!(found(UsageQuery { key: Some(hash("sk-1")), ..all.clone() }, 10).await, [3, 1]);
    assert_eq!(found(UsageQuery { user_id: Some("u".into()), ..all.clone() }, 10).await, [3, 1]);
    let (from, until) = (Some(at(1_002)), Some(at(1_003)));
    assert_eq!(found(UsageQuery { from, until, ..all }, 10).await, [2]);
}

pub(super) async fn spend_adds_up_by_day(store: &dyn Store) {
    let on = |n, day: i64, model: &str, cost| LedgerRecord {
        started_at: Timestamp::from_micros(day * 86_400_000_000 + 1),
        model: model.into(),
        ..record(n, "sk-1", cost)
    };
    let batch = [on(1, 5, "a", 1), on(2, 5, "a", 2), on(3, 5, "b", 4), on(4, 6, "a", 8)];
    record_usage(store, &batch).await;

    let spend = store.daily_spend(&UsageQuery::default()).await.unwrap();

    let key = hash("sk-1").to_hex();
    let of = |parts: &[(i64, &str, i64)]| {
        let own = |&(day, name, cost): &(i64, &str, i64)| (day, name.to_owned(), NanoDollars(cost));
        parts.iter().map(own).collect::<Vec<_>>()
    };
    assert_eq!(spend.keys, of(&[(5, &key, 7), (6, &key, 8)]));
    assert_eq!(spend.users, []);
    assert_eq!(spend.models, of(&[(5, "a", 3), (5, "b", 4), (6, "a", 8)]));
}

pub(super) async fn concurrent_batches_lose_nothing(store: &dyn Store) {
    for name in ["sk-1", "sk-2"] {
        add(store, &key(name)).await;
    }
    let batch = |first: u64| -> Vec<LedgerRecord> {
        (first..first + 50)
            .flat_map(|n| [record(n, "sk-1", 1), record(n + 10_000, "sk-2", 1)])
            .collect()
    };
    let (one, two, three) = (batch(0), batch(25), batch(50));
    let block = KeyChange { blocked: Some(true), ..KeyChange::default() };
    let stamp = change("c2", 2);

    let (sk1, everything) = (hash("sk-1"), Duration::from_secs(30));
    let all = async {
        tokio::join!(
            record_usage(store, &one),
            record_usage(store, &two),
            store.change_key(&sk1, &block, &stamp),
            record_usage(store, &three),
        )
    };
    let (one, two, changed, three) = tokio::time::timeout(everything, all).await.unwrap();

    assert!(changed.unwrap().is_some());
    assert_eq!(one.added + two.added + three.added, 200);
    for name in ["sk-1", "sk-2"] {
        let key = store.key_by_hash(&hash(name)).await.unwrap().unwrap();
        assert_eq!((key.spend, key.blocked), (NanoDollars(100), (name == "sk-1").then_some(true)));
    }
}

pub(super) async fn text_with_nul_is_stored(store: &dyn Store) {
    let odd = LedgerRecord { end_user: Some("a\0b".into()), ..record(1, "sk-1", 1) };

    record_usage(store, &[odd]).await;

    let found = store.usage(&UsageQuery::default(), 1).await.unwrap();
    assert_eq!(found[0].record.end_user.as_deref(), Some("a\u{fffd}b"));
}
