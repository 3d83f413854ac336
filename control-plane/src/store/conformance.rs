//! What any [`Store`] must do, run against both databases.
//!
//! Each check gets a store of its own. PostgreSQL runs all of them in one test, since nextest
//! starts a process for each test and a server takes a second to start.

mod postgres_server;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::*;
use crate::domain::{Edit, Endpoint, UsageSource};

/// Makes a list of the checks, a test of each for SQLite, and one of all for PostgreSQL.
macro_rules! store_tests {
    ($($check:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                let store = super::open(&super::Secret::new(url)).await.unwrap();
                super::$check(store.as_ref()).await;
            })*
        }

        #[tokio::test]
        async fn postgres_keeps_the_contract() {
            let Some(server) = postgres_server::PostgresServer::start() else { return };
            $({
                let store = server.fresh(stringify!($check)).await;
                $check(store.as_ref()).await;
            })*
        }
    };
}

store_tests!(
    a_key_comes_back_as_it_was,
    a_key_that_is_added_again_is_changed,
    an_alias_belongs_to_one_key,
    a_change_keeps_what_it_does_not_name,
    every_change_has_a_higher_revision_and_an_audit_record,
    a_refused_change_leaves_no_trace,
    deleted_keys_are_kept_apart,
    lists_are_filtered_sorted_and_paged,
    usage_is_counted_once,
    a_key_is_exhausted_once,
    usage_of_unknown_keys_is_kept,
    ledger_records_come_back_as_they_were,
    usage_is_found_by_what_it_is_about,
    spend_adds_up_by_day,
    concurrent_batches_lose_nothing,
    text_with_nul_is_stored,
);

async fn a_key_comes_back_as_it_was(store: &dyn Store) {
    let Value::Object(metadata) = json!({"a": {"b": [1, null, "ü"]}}) else { panic!("object") };
    let key = ApiKey {
        alias: Some("alias".into()),
        user_id: Some("user".into()),
        team_id: Some("team".into()),
        models: vec!["openai/*".into()],
        aliases: BTreeMap::from([("fast".into(), "gpt-4o-mini".into())]),
        metadata,
        tags: vec!["tag".into()],
        expires_at: Some(at(9)),
        max_budget: Some(NanoDollars(5)),
        spend: NanoDollars(1),
        blocked: Some(false),
        ..key("sk-1")
    };

    let added = store.add_key(&key, &KeyChange::default(), &change("c1", 1)).await.unwrap();

    assert_eq!(added.key, key);
    assert_eq!(store.key_by_hash(&key.hash).await.unwrap().as_ref(), Some(&key));
    assert_eq!(store.key_by_alias("alias").await.unwrap().as_ref(), Some(&key));
    assert_eq!(store.key_by_hash(&KeyHash::of(b"other")).await.unwrap(), None);
    assert_eq!(store.key_by_alias("other").await.unwrap(), None);
}

async fn a_key_that_is_added_again_is_changed(store: &dyn Store) {
    add(store, &ApiKey { spend: NanoDollars(7), ..key("sk-1") }).await;
    let otherwise = KeyChange { user_id: Edit::Set("u".into()), ..KeyChange::default() };

    let changed = store.add_key(&key("sk-1"), &otherwise, &change("c2", 2)).await.unwrap();

    assert_eq!(changed.key.spend, NanoDollars(7));
    assert_eq!(changed.key.user_id.as_deref(), Some("u"));
    assert_eq!(changed.key.created_at, at(0));
    assert_eq!(changed.key.updated_at, at(2));
    assert_eq!(store.keys(&query()).await.unwrap().total, 1);
}

async fn an_alias_belongs_to_one_key(store: &dyn Store) {
    add(store, &ApiKey { alias: Some("a".into()), ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let taken = KeyChange { alias: Edit::Set("a".into()), ..KeyChange::default() };

    let changed = store.change_key(&hash("sk-2"), &taken, &change("c3", 3)).await;
    let same = ApiKey { alias: Some("a".into()), ..key("sk-3") };
    let added = store.add_key(&same, &taken, &change("c4", 4)).await;

    assert!(matches!(changed, Err(StoreError::Conflict { what: "alias" })), "{changed:?}");
    assert!(matches!(added, Err(StoreError::Conflict { what: "alias" })), "{added:?}");
}

async fn a_change_keeps_what_it_does_not_name(store: &dyn Store) {
    let before = ApiKey {
        models: vec!["m".into()],
        max_budget: Some(NanoDollars(5)),
        expires_at: Some(at(9)),
        ..key("sk-1")
    };
    add(store, &before).await;
    let what = KeyChange {
        max_budget: Edit::Clear,
        blocked: Some(true),
        tags: Some(vec!["t".into()]),
        ..KeyChange::default()
    };

    let changed = store.change_key(&before.hash, &what, &change("c2", 2)).await.unwrap().unwrap();

    let expected = ApiKey {
        max_budget: None,
        blocked: Some(true),
        tags: vec!["t".into()],
        updated_at: at(2),
        updated_by: "somebody".into(),
        ..before
    };
    assert_eq!(changed.key, expected);
    assert_eq!(store.key_by_hash(&expected.hash).await.unwrap(), Some(expected));
    let missing = store.change_key(&hash("sk-9"), &what, &change("c3", 3)).await.unwrap();
    assert_eq!(missing, None);
}

async fn every_change_has_a_higher_revision_and_an_audit_record(store: &dyn Store) {
    let first = store.revision().await.unwrap();
    let block = KeyChange { blocked: Some(true), ..KeyChange::default() };

    let added = add(store, &key("sk-1")).await;
    let changed = store.change_key(&hash("sk-1"), &block, &change("c2", 2)).await.unwrap().unwrap();
    let deleted = store.delete_keys(&[hash("sk-1")], &change("c3", 3)).await.unwrap();
    let bumped = store.next_revision().await.unwrap();

    let revisions = [first, added.revision, changed.revision, deleted.revision, bumped];
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    assert_eq!(store.revision().await.unwrap(), bumped);
    let audit = store.audit(&hash("sk-1").to_hex()).await.unwrap();
    let said: Vec<_> = audit
        .iter()
        .map(|entry| (entry.change_id.as_str(), entry.before.is_some(), entry.after.is_some()))
        .collect();
    assert_eq!(said, [("add-sk-1", false, true), ("c2", true, true), ("c3", true, false)]);
    let entry = audit.get(1).unwrap();
    assert_eq!(
        (entry.at, entry.actor.as_str(), entry.action.as_str()),
        (at(2), "somebody", "test")
    );
    assert_eq!(entry.request_id.as_deref(), Some("request"));
    assert!(entry.before.as_ref().unwrap().contains("\"blocked\":null"));
    assert!(entry.after.as_ref().unwrap().contains("\"blocked\":true"));
}

async fn a_refused_change_leaves_no_trace(store: &dyn Store) {
    add(store, &ApiKey { alias: Some("a".into()), ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let revision = store.revision().await.unwrap();
    let taken = KeyChange { alias: Edit::Set("a".into()), ..KeyChange::default() };

    let refused = store.change_key(&hash("sk-2"), &taken, &change("c3", 3)).await;
    let nothing = store.delete_keys(&[hash("sk-9")], &change("c4", 4)).await.unwrap();

    assert!(refused.is_err());
    assert_eq!(nothing, Deleted::default());
    assert_eq!(store.revision().await.unwrap(), revision);
    assert_eq!(store.audit(&hash("sk-2").to_hex()).await.unwrap().len(), 1);
    assert_eq!(store.key_by_hash(&hash("sk-2")).await.unwrap(), Some(key("sk-2")));
}

async fn deleted_keys_are_kept_apart(store: &dyn Store) {
    let kept = ApiKey { alias: Some("a".into()), spend: NanoDollars(3), ..key("sk-1") };
    add(store, &kept).await;

    let gone = store.delete_keys(&[hash("sk-1"), hash("sk-9")], &change("c2", 2)).await.unwrap();
    add(store, &ApiKey { alias: Some("a".into()), ..key("sk-2") }).await;

    assert_eq!(gone.hashes, [hash("sk-1")]);
    assert_eq!(store.key_by_hash(&hash("sk-1")).await.unwrap(), None);
    let deleted = store.keys(&KeyQuery { deleted: true, ..query() }).await.unwrap();
    let expected = ListedKey { key: kept, deleted: Some((at(2), "somebody".into())) };
    assert_eq!(deleted, KeyPage { keys: vec![expected], total: 1 });
    // The same key may come and go again.
    let again = store.add_key(&key("sk-1"), &KeyChange::default(), &change("c4", 4)).await;
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(store.delete_keys(&[hash("sk-1")], &change("c5", 5)).await.unwrap().hashes.len(), 1);
}

async fn lists_are_filtered_sorted_and_paged(store: &dyn Store) {
    for (name, second, user, spend, budget, alias) in [
        ("sk-1", 1, "u", 30, None, Some("c")),
        ("sk-2", 2, "v", 10, Some(7), None),
        ("sk-3", 3, "u", 20, Some(9), Some("b")),
    ] {
        let key = ApiKey {
            created_at: at(second),
            updated_at: at(10 - second),
            user_id: Some(user.into()),
            spend: NanoDollars(spend),
            max_budget: budget.map(NanoDollars),
            alias: alias.map(str::to_owned),
            ..key(name)
        };
        add(store, &key).await;
    }
    let listed = async |query: KeyQuery| {
        let page = store.keys(&query).await.unwrap();
        let names: Vec<String> = page.keys.into_iter().map(|listed| listed.key.name).collect();
        (names.join(" "), page.total)
    };
    let by = |sort, descending| KeyQuery { sort, descending, ..query() };

    assert_eq!(listed(by(KeySort::CreatedAt, true)).await.0, "sk-3 sk-2 sk-1");
    assert_eq!(listed(by(KeySort::UpdatedAt, true)).await.0, "sk-1 sk-2 sk-3");
    assert_eq!(listed(by(KeySort::Spend, false)).await.0, "sk-2 sk-3 sk-1");
    assert_eq!(listed(by(KeySort::MaxBudget, true)).await.0, "sk-3 sk-2 sk-1");
    assert_eq!(listed(by(KeySort::MaxBudget, false)).await.0, "sk-2 sk-3 sk-1");
    assert_eq!(listed(by(KeySort::Alias, false)).await.0, "sk-3 sk-1 sk-2");
    let user = |user: &str| KeyQuery { user_id: Some(user.into()), ..query() };
    assert_eq!(listed(user("u")).await, ("sk-3 sk-1".into(), 2));
    assert_eq!(listed(KeyQuery { offset: 1, limit: 1, ..query() }).await, ("sk-2".into(), 3));
    assert_eq!(listed(KeyQuery { alias: Some("b".into()), ..user("u") }).await.0, "sk-3");
    assert_eq!(listed(KeyQuery { hash: Some(hash("sk-2")), ..query() }).await.0, "sk-2");
    assert_eq!(listed(KeyQuery { team_id: Some("t".into()), ..query() }).await, (String::new(), 0));
}

async fn usage_is_counted_once(store: &dyn Store) {
    add(store, &key("sk-1")).await;
    let batch: Vec<LedgerRecord> = (0..700).map(|n| record(n, "sk-1", 10)).collect();

    let first = store.record_usage(&batch).await.unwrap();
    let again = store.record_usage(&batch).await.unwrap();
    let overlap = [record(699, "sk-1", 10), record(700, "sk-1", 10), record(700, "sk-1", 10)];
    let third = store.record_usage(&overlap).await.unwrap();

    assert_eq!((first.added, again.added, third.added), (700, 0, 1));
    let key = store.key_by_hash(&hash("sk-1")).await.unwrap().unwrap();
    assert_eq!(key.spend, NanoDollars(7_010));
    assert_eq!(key.last_active, Some(at(1_000 + 700 + 1)));
    assert_eq!(store.usage(&UsageQuery::default(), 10_000).await.unwrap().len(), 701);
}

async fn a_key_is_exhausted_once(store: &dyn Store) {
    let budget = Some(NanoDollars(25));
    add(store, &ApiKey { max_budget: budget, ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let revision = store.revision().await.unwrap();
    let spend = async |n| {
        store.record_usage(&[record(n, "sk-1", 10), record(n + 100, "sk-2", 10)]).await.unwrap()
    };

    let batches = [spend(1).await, spend(2).await, spend(3).await, spend(4).await];

    let exhausted: Vec<&[KeyHash]> = batches.iter().map(|it| it.exhausted.as_slice()).collect();
    assert_eq!(exhausted, [&[][..], &[], &[hash("sk-1")], &[]]);
    let revisions: Vec<u64> = batches.iter().map(|it| it.revision - revision).collect();
    assert_eq!(revisions, [0, 0, 1, 1]);
}

async fn usage_of_unknown_keys_is_kept(store: &dyn Store) {
    let recorded = store.record_usage(&[record(1, "sk-gone", 10)]).await.unwrap();

    assert_eq!(recorded.added, 1);
    assert_eq!(store.usage(&UsageQuery::default(), 10).await.unwrap().len(), 1);
    assert_eq!(store.record_usage(&[]).await.unwrap().added, 0);
}

async fn ledger_records_come_back_as_they_were(store: &dyn Store) {
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
        ..record(1, "sk-1", 10)
    };

    store.record_usage(std::slice::from_ref(&full)).await.unwrap();
    let found = store.usage(&UsageQuery::default(), 10).await.unwrap();

    let expected = LedgerEntry {
        record: full,
        user_id: Some("u".into()),
        team_id: Some("t".into()),
        key_alias: Some("a".into()),
    };
    assert_eq!(found, [expected]);
}

async fn usage_is_found_by_what_it_is_about(store: &dyn Store) {
    add(store, &ApiKey { user_id: Some("u".into()), ..key("sk-1") }).await;
    let batch = [record(1, "sk-1", 1), record(2, "sk-2", 1), record(3, "sk-1", 1)];
    store.record_usage(&batch).await.unwrap();
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

async fn spend_adds_up_by_day(store: &dyn Store) {
    let on = |n, day: i64, model: &str, cost| LedgerRecord {
        started_at: Timestamp::from_micros(day * 86_400_000_000 + 1),
        model: model.into(),
        ..record(n, "sk-1", cost)
    };
    let batch = [on(1, 5, "a", 1), on(2, 5, "a", 2), on(3, 5, "b", 4), on(4, 6, "a", 8)];
    store.record_usage(&batch).await.unwrap();

    let spend = store.daily_spend(&UsageQuery::default()).await.unwrap();

    let part = |day, model: &str, cost| DailySpend {
        day,
        key_hash: hash("sk-1"),
        user_id: None,
        model: model.into(),
        cost: NanoDollars(cost),
    };
    assert_eq!(spend, [part(5, "a", 3), part(5, "b", 4), part(6, "a", 8)]);
}

async fn concurrent_batches_lose_nothing(store: &dyn Store) {
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
            store.record_usage(&one),
            store.record_usage(&two),
            store.change_key(&sk1, &block, &stamp),
            store.record_usage(&three),
        )
    };
    let (one, two, changed, three) = tokio::time::timeout(everything, all).await.unwrap();

    assert!(changed.unwrap().is_some());
    assert_eq!(one.unwrap().added + two.unwrap().added + three.unwrap().added, 200);
    for name in ["sk-1", "sk-2"] {
        let key = store.key_by_hash(&hash(name)).await.unwrap().unwrap();
        assert_eq!((key.spend, key.blocked), (NanoDollars(100), (name == "sk-1").then_some(true)));
    }
}

async fn text_with_nul_is_stored(store: &dyn Store) {
    let odd = LedgerRecord { end_user: Some("a\0b".into()), ..record(1, "sk-1", 1) };

    store.record_usage(&[odd]).await.unwrap();

    let found = store.usage(&UsageQuery::default(), 1).await.unwrap();
    assert_eq!(found[0].record.end_user.as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn both_databases_have_the_same_tables() {
    let read = |database: &str| {
        let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|file| {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let statements: Vec<String> =
                text.lines().filter(|line| !line.starts_with("--")).map(str::to_owned).collect();
            (file.file_name().into_string().unwrap(), statements)
        });
        files.collect::<BTreeMap<_, _>>()
    };

    assert_eq!(read("sqlite"), read("postgres"));
}

async fn add(store: &dyn Store, key: &ApiKey) -> Changed {
    let change = change(&format!("add-{}", key.name), 0);
    store.add_key(key, &KeyChange::default(), &change).await.unwrap()
}

fn key(name: &str) -> ApiKey {
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
        max_budget: None,
        spend: NanoDollars::ZERO,
        blocked: None,
        created_at: at(0),
        created_by: "somebody".into(),
        updated_at: at(0),
        updated_by: "somebody".into(),
        last_active: None,
    }
}

fn query() -> KeyQuery {
    KeyQuery {
        deleted: false,
        user_id: None,
        team_id: None,
        alias: None,
        hash: None,
        sort: KeySort::CreatedAt,
        descending: true,
        offset: 0,
        limit: 100,
    }
}

fn record(number: u64, key: &str, cost: i64) -> LedgerRecord {
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
    }
}

impl LedgerRecord {
    /// The number that [`record`] was given.
    fn cost_id(&self) -> u64 {
        u64::from_str_radix(self.id.to_hex().get(32..).unwrap(), 16).unwrap()
    }
}

fn hash(name: &str) -> KeyHash {
    KeyHash::of(name.as_bytes())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn change(id: &str, second: i64) -> Change {
    Change {
        id: id.into(),
        at: at(second),
        actor: "somebody".into(),
        action: "test",
        request_id: Some("request".into()),
    }
}
