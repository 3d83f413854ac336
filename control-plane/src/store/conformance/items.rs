//! What a store does with what the management API adds to the configuration.

use serde_json::{Value, json};

use super::fixtures::{at, change};
use super::news::next;
use crate::domain::{Item, ItemKind, Stamps};
use crate::store::news::{Heard, News};
use crate::store::{Store, StoreError};

pub(super) async fn an_item_comes_back_as_it_was(store: &dyn Store) {
    let sealed = Some("c2VhbGVk".to_owned());
    let item = Item { sealed, ..item("one", json!({"name": "ü", "list": [1, {"a": null}]})) };
    let other = Item { kind: ItemKind::Combo, ..self::item("one", json!({})) };

    store.put_item(&item, true, &change("c1", 1)).await.unwrap();
    store.put_item(&other, true, &change("c2", 2)).await.unwrap();
    let taken = store.put_item(&item, true, &change("c3", 3)).await;

    assert_eq!(store.items().await.unwrap(), [other, item]);
    assert!(matches!(taken, Err(StoreError::Conflict { what: "id" })), "{taken:?}");
}

pub(super) async fn a_change_of_an_item_is_told_and_audited_without_its_secret(store: &dyn Store) {
    let mut feed = store.newsroom().feed();
    let first = Item { sealed: Some("hush".into()), ..item("one", json!({"n": 1})) };
    let second = Item { sealed: None, ..item("one", json!({"n": 2, "api_key": "oops"})) };
    let ids = [(ItemKind::Connection, "one".to_owned()), (ItemKind::Node, "one".to_owned())];

    let added = store.put_item(&first, true, &change("c1", 1)).await.unwrap();
    let changed = store.put_item(&second, false, &change("c2", 2)).await.unwrap();
    let (gone, deleted) = store.delete_items(&ids, &change("c3", 3)).await.unwrap();

    assert_eq!(gone, [second]);
    assert_eq!(store.items().await.unwrap(), []);
    for revision in [added, changed, deleted] {
        assert_eq!(next(&mut feed).await, Heard::News(News::ItemsChanged { revision }));
    }
    let audit = store.audit("connection:one").await.unwrap();
    assert_eq!(audit.len(), 3);
    assert!(!format!("{audit:?}").contains("hush") && !format!("{audit:?}").contains("oops"));
    assert!(audit[0].after.as_ref().unwrap().contains("…"));
}

pub(super) async fn a_seal_is_replaced_unless_it_is_another_by_now(store: &dyn Store) {
    let old = Item { sealed: Some("old".into()), ..item("one", json!({"n": 1})) };
    let bare = item("two", json!({}));
    store.put_item(&old, true, &change("c1", 1)).await.unwrap();
    store.put_item(&bare, true, &change("c2", 2)).await.unwrap();

    assert!(store.reseal(&old, "new").await.unwrap());
    assert!(!store.reseal(&old, "newer").await.unwrap());
    assert!(!store.reseal(&bare, "new").await.unwrap());

    let new = Item { sealed: Some("new".into()), ..old };
    assert_eq!(store.items().await.unwrap(), [new, bare]);
}

fn item(id: &str, body: Value) -> Item {
    let Value::Object(body) = body else { panic!("an object") };
    let (created_at, updated_at) = (at(1), at(2));
    let stamps = Stamps { created_at, created_by: "a".into(), updated_at, updated_by: "b".into() };
    Item { kind: ItemKind::Connection, id: id.into(), body, sealed: None, stamps }
}
