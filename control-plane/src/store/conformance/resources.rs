//! What a store does with objects that providers keep for tenants.

use super::fixtures::{at, hash};
use crate::domain::{Place, Resource, ResourceKind, ResourceQuery, Timestamp};
use crate::store::Store;

pub(super) async fn an_object_comes_back_as_it_was(store: &dyn Store) {
    let file = object("file-1", "team:a", 5);
    let output = Resource { body: String::new(), ..object("file-2", "team:a", 6) };

    assert!(store.keep_resources(&file, std::slice::from_ref(&output)).await.unwrap());
    let changed = Resource { body: r#"{"id":"file-1","n":2}"#.into(), ..file.clone() };
    assert!(store.keep_resources(&changed, &[]).await.unwrap());

    let ids = ["file-1", "file-2", "file-3"].map(str::to_owned);
    let mut found = store.resources_by_ids(&ids).await.unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [changed.clone(), output]);
    // What its provider has not described yet is in no list.
    assert_eq!(store.resources(&query("team:a")).await.unwrap(), [changed]);
    assert_eq!(store.resources(&query("team:b")).await.unwrap(), []);
}

pub(super) async fn nobody_takes_an_object_that_is_anothers(store: &dyn Store) {
    let own = object("file-1", "team:a", 1);
    store.keep_resources(&own, &[]).await.unwrap();
    let elsewhere = Place { provider: "other".into(), account: String::new() };

    for other in [
        object("file-1", "team:b", 2),
        Resource { place: elsewhere, ..own.clone() },
        Resource { kind: ResourceKind::Batch, ..own.clone() },
    ] {
        let side = object("file-9", "team:b", 2);
        assert!(!store.keep_resources(&other, &[side]).await.unwrap());
    }
    let batch = Resource { kind: ResourceKind::Batch, ..object("batch-1", "team:b", 3) };
    let adopted = object("file-1", "team:b", 3);
    assert!(store.keep_resources(&batch, &[adopted]).await.unwrap());
    store.forget_resource("team:b", "file-1", at(4)).await.unwrap();

    let ids = ["file-1", "file-9"].map(str::to_owned);
    assert_eq!(store.resources_by_ids(&ids).await.unwrap(), [own]);
}

pub(super) async fn what_was_deleted_may_be_made_again(store: &dyn Store) {
    store.keep_resources(&object("file-1", "team:a", 1), &[]).await.unwrap();
    store.forget_resource("team:a", "file-1", at(2)).await.unwrap();
    assert_eq!(store.resources(&query("team:a")).await.unwrap(), []);
    let ids = ["file-1".to_owned()];
    assert_eq!(store.resources_by_ids(&ids).await.unwrap()[0].deleted_at, Some(at(2)));

    let again = object("file-1", "team:b", 3);
    assert!(store.keep_resources(&again, &[]).await.unwrap());

    assert_eq!(store.resources_by_ids(&ids).await.unwrap(), [again]);
}

pub(super) async fn pages_follow_each_other_both_ways(store: &dyn Store) {
    // Two of one moment are told apart by their ids.
    for (id, made) in [("a", 1), ("b", 2), ("c", 2), ("d", 3), ("e", 4)] {
        store.keep_resources(&object(id, "t", made), &[]).await.unwrap();
    }
    let other = Resource { purpose: "batch".into(), ..object("f", "t", 5) };
    store.keep_resources(&other, &[]).await.unwrap();
    let cursor = |id: &str, made| Some((at(made), id.to_owned()));
    let page = async |query: ResourceQuery| {
        let found = store.resources(&query).await.unwrap();
        found.into_iter().map(|it| it.id).collect::<String>()
    };

    let all = query("t");
    assert_eq!(page(all.clone()).await, "fedcba");
    assert_eq!(page(ResourceQuery { ascending: true, limit: 2, ..all.clone() }).await, "ab");
    let after = ResourceQuery { after: cursor("c", 2), ..all.clone() };
    assert_eq!(page(after.clone()).await, "ba");
    assert_eq!(page(ResourceQuery { ascending: true, ..after.clone() }).await, "def");
    // From the cursor backwards.
    let before = ResourceQuery { before: cursor("c", 2), limit: 2, ..all.clone() };
    assert_eq!(page(before.clone()).await, "de");
    assert_eq!(page(ResourceQuery { ascending: true, ..before }).await, "ba");
    let between = ResourceQuery { before: cursor("a", 1), ..after };
    assert_eq!(page(between).await, "b");
    assert_eq!(page(ResourceQuery { purpose: Some("batch".into()), ..all }).await, "f");
}

fn query(tenant: &str) -> ResourceQuery {
    ResourceQuery {
        tenant: tenant.into(),
        kind: ResourceKind::File,
        purpose: None,
        after: None,
        before: None,
        ascending: false,
        limit: 10,
    }
}

fn object(id: &str, tenant: &str, made: i64) -> Resource {
    let created_at: Timestamp = at(made);
    Resource {
        id: id.into(),
        kind: ResourceKind::File,
        place: Place { provider: "p".into(), account: "main".into() },
        tenant: tenant.into(),
        key_hash: hash("key"),
        model: "m".into(),
        purpose: "assistants".into(),
        tags: vec!["x".into()],
        body: format!(r#"{{"id":"{id}"}}"#),
        created_at,
        deleted_at: None,
        commitment: None,
    }
}
