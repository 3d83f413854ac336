//! What a store tells in its own process.

use std::time::Duration;

use super::fixtures::{add, at, budget, change, hash, key, record, record_usage};
use crate::domain::{ApiKey, Edit, KeyChange};
use crate::store::Store;
use crate::store::news::{Feed, Heard, News};

pub(super) async fn every_change_of_a_key_is_told(store: &dyn Store) {
    let mut feed = store.newsroom().feed();
    let block = KeyChange { blocked: Some(true), ..KeyChange::default() };
    let (one, other) = (hash("sk-1"), hash("sk-2"));

    let added = add(store, &ApiKey { limits: budget(5), ..key("sk-1") }).await;
    let changed = store.change_key(&one, &block, &change("c2", 2)).await.unwrap().unwrap();
    record_usage(store, &[record(1, "sk-1", 5)]).await;
    let spent = store.revision().await.unwrap();
    let second = add(store, &key("sk-2")).await;
    let deleted = store.delete_keys(&[one, other, hash("sk-3")], &change("c3", 3)).await.unwrap();

    let expected = [
        (one, added.revision),
        (one, changed.revision),
        (one, spent),
        (other, second.revision),
        (one, deleted.revision),
        (other, deleted.revision),
    ];
    for (hash, revision) in expected {
        assert_eq!(next(&mut feed).await, Heard::News(News::KeyChanged { hash, revision }));
    }
}

pub(super) async fn what_is_not_committed_is_not_told(store: &dyn Store) {
    add(store, &ApiKey { alias: Some("a".into()), ..key("sk-1") }).await;
    let mut feed = store.newsroom().feed();
    let same = ApiKey { alias: Some("a".into()), ..key("sk-2") };
    let taken = KeyChange { alias: Edit::Set("a".into()), ..KeyChange::default() };

    store.add_key(&same, &taken, &change("c2", 2)).await.unwrap_err();
    assert_eq!(store.change_key(&hash("sk-9"), &taken, &change("c3", 3)).await.unwrap(), None);
    store.delete_keys(&[hash("sk-9")], &change("c4", 4)).await.unwrap();
    record_usage(store, &[record(1, "sk-1", 5)]).await;
    let last = add(store, &ApiKey { created_at: at(1), ..key("sk-3") }).await;

    let news = News::KeyChanged { hash: hash("sk-3"), revision: last.revision };
    assert_eq!(next(&mut feed).await, Heard::News(news));
}

pub(super) async fn what_belongs_to_no_change_is_told(store: &dyn Store) {
    let mut feed = store.newsroom().feed();
    let news = News::KeyChanged { hash: hash("sk-1"), revision: 7 };

    store.tell(std::slice::from_ref(&news)).await.unwrap();

    assert_eq!(next(&mut feed).await, Heard::News(news));
}

/// Waits for what a feed has next.
pub(super) async fn next(feed: &mut Feed) -> Heard {
    tokio::time::timeout(Duration::from_secs(30), feed.next()).await.unwrap()
}
