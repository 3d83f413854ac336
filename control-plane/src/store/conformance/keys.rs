//! What a store does with keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, budget, change, hash, key, query};
use crate::domain::{ApiKey, Change, Edit, KeyChange, Limits, LimitsChange};
use crate::store::{
    AuditQuery, ChangeKind, Deleted, KeyPage, KeyQuery, KeySort, ListedKey, Store, StoreError,
};
use tollgate_core::key::KeyHash;

pub(super) async fn a_key_comes_back_as_it_was(store: &dyn Store) {
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
        limits: budget(5),
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

pub(super) async fn a_key_that_is_added_again_is_changed(store: &dyn Store) {
    add(store, &ApiKey { spend: NanoDollars(7), ..key("sk-1") }).await;
    let otherwise = KeyChange { user_id: Edit::Set("u".into()), ..KeyChange::default() };

    let changed = store.add_key(&key("sk-1"), &otherwise, &change("c2", 2)).await.unwrap();

    assert_eq!(changed.key.spend, NanoDollars(7));
    assert_eq!(changed.key.user_id.as_deref(), Some("u"));
    assert_eq!(changed.key.created_at, at(0));
    assert_eq!(changed.key.updated_at, at(2));
    assert_eq!(store.keys(&query()).await.unwrap().total, 1);
}

pub(super) async fn an_alias_belongs_to_one_key(store: &dyn Store) {
    add(store, &ApiKey { alias: Some("a".into()), ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let taken = KeyChange { alias: Edit::Set("a".into()), ..KeyChange::default() };

    let changed = store.change_key(&hash("sk-2"), &taken, &change("c3", 3)).await;
    let same = ApiKey { alias: Some("a".into()), ..key("sk-3") };
    let added = store.add_key(&same, &taken, &change("c4", 4)).await;

    assert!(matches!(changed, Err(StoreError::Conflict { what: "alias" })), "{changed:?}");
    assert!(matches!(added, Err(StoreError::Conflict { what: "alias" })), "{added:?}");
}

pub(super) async fn a_change_keeps_what_it_does_not_name(store: &dyn Store) {
    let before = ApiKey {
        models: vec!["m".into()],
        limits: budget(5),
        expires_at: Some(at(9)),
        ..key("sk-1")
    };
    add(store, &before).await;
    let what = KeyChange {
        limits: LimitsChange { max_budget: Edit::Clear, ..LimitsChange::default() },
        blocked: Some(true),
        tags: Some(vec!["t".into()]),
        ..KeyChange::default()
    };

    let changed = store.change_key(&before.hash, &what, &change("c2", 2)).await.unwrap().unwrap();

    let expected = ApiKey {
        limits: Limits::default(),
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

pub(super) async fn every_change_has_a_higher_revision_and_an_audit_record(store: &dyn Store) {
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

pub(super) async fn the_audit_log_is_filtered_and_paged(store: &dyn Store) {
    let block = KeyChange { blocked: Some(true), ..KeyChange::default() };
    for (number, name) in [(1, "sk-1"), (2, "sk-2")] {
        let first = Change { action: "key.generate", ..change(&format!("a{number}"), number) };
        store.add_key(&key(name), &KeyChange::default(), &first).await.unwrap();
    }
    let blocked = Change { action: "key.block", actor: "other".into(), ..change("b1", 3) };
    store.change_key(&hash("sk-1"), &block, &blocked).await.unwrap().unwrap();
    let deleted = Change { action: "key.delete", ..change("c1", 4) };
    store.delete_keys(&[hash("sk-1"), hash("sk-2")], &deleted).await.unwrap();

    let all = AuditQuery { limit: 10, ..AuditQuery::default() };
    let ids = async |query: &AuditQuery| {
        let page = store.changes(query).await.unwrap();
        let ids = page.entries.into_iter().map(|it| it.change_id).collect::<Vec<_>>();
        (ids.join(" "), page.total)
    };
    let is = |text: &str, total: u64| (text.to_owned(), total);
    assert_eq!(ids(&all).await, is("c1 c1 b1 a2 a1", 5));
    assert_eq!(ids(&AuditQuery { ascending: true, limit: 2, ..all.clone() }).await, is("a1 a2", 5));
    assert_eq!(ids(&AuditQuery { offset: 3, limit: 1, ..all.clone() }).await, is("a2", 5));
    let objects = Some(vec!["another".to_owned(), hash("sk-2").to_hex()]);
    assert_eq!(ids(&AuditQuery { objects, ..all.clone() }).await, is("c1 a2", 2));
    let actor = Some("other".to_owned());
    assert_eq!(ids(&AuditQuery { actor, ..all.clone() }).await, is("b1", 1));
    assert_eq!(ids(&AuditQuery { of: Some("key"), ..all.clone() }).await.1, 5);
    assert_eq!(ids(&AuditQuery { of: Some("team"), ..all.clone() }).await, is("", 0));
    let from = AuditQuery { from: Some(at(2)), before: Some(at(4)), ..all.clone() };
    assert_eq!(ids(&from).await, is("b1 a2", 2));
    for (kind, expected) in [
        (ChangeKind::Created, "a2 a1"),
        (ChangeKind::Blocked, "b1"),
        (ChangeKind::Deleted, "c1 c1"),
        (ChangeKind::Updated, ""),
        (ChangeKind::Unblocked, ""),
    ] {
        let query = AuditQuery { kind: Some(kind), ..all.clone() };
        assert_eq!(ids(&query).await.0, expected, "{kind:?}");
        let page = store.changes(&query).await.unwrap();
        assert!(page.entries.iter().all(|entry| entry.kind() == kind));
    }
}

pub(super) async fn a_refused_change_leaves_no_trace(store: &dyn Store) {
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

pub(super) async fn deleted_keys_are_kept_apart(store: &dyn Store) {
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

pub(super) async fn lists_are_filtered_sorted_and_paged(store: &dyn Store) {
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
            limits: Limits { max_budget: budget.map(NanoDollars), ..Limits::default() },
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
