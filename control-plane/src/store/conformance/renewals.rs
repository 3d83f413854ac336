//! What a store does when a key is given a new secret.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, budget, change, hash, key, record, record_usage};
use crate::domain::{ApiKey, Edit, KeyChange, Scope};
use crate::store::proofs::Proofs;
use crate::store::{Renewal, StoreError};

fn renewal(name: &str, until: i64) -> Renewal {
    Renewal { hash: hash(name), name: name.to_owned(), former_until: at(until) }
}

pub(super) async fn a_renewed_key_is_what_it_was(store: &dyn Proofs) {
    let before = ApiKey { alias: Some("a".into()), limits: budget(100), ..key("sk-1") };
    add(store, &before).await;
    record_usage(store, &[record(1, "sk-1", 10)]).await;
    let what = KeyChange { user_id: Edit::Set("u".into()), ..KeyChange::default() };

    let new = renewal("sk-2", 50);
    let changed = store.renew_key(&hash("sk-1"), &new, &what, &change("c", 20)).await;
    let renewed = changed.unwrap().unwrap().key;

    let (id, user) = (renewed.hash, renewed.user_id.as_deref());
    assert_eq!((id, user, renewed.alias.as_deref()), (hash("sk-2"), Some("u"), Some("a")));
    assert_eq!((renewed.spend, renewed.renewals), (NanoDollars(10), 1));
    assert_eq!((renewed.first_hash, renewed.renewed_at), (Some(hash("sk-1")), Some(at(20))));
    assert_eq!(renewed.tenant(), "user:u");
    let nobodys = ApiKey { user_id: None, ..renewed.clone() };
    assert_eq!(nobodys.tenant(), before.tenant(), "what it made stays its own");
    assert_eq!(store.key_by_hash(&hash("sk-1")).await.unwrap(), None);
    let of = |name: &str| [(Scope::Key, hash(name).to_hex())];
    assert_eq!(store.meters(&of("sk-1")).await.unwrap(), []);
    assert_eq!(store.meters(&of("sk-2")).await.unwrap().len(), 1);

    // What was under way with the former secret is the key's.
    record_usage(store, &[record(2, "sk-1", 5), record(3, "sk-2", 1)]).await;
    let stored = store.key_by_hash(&hash("sk-2")).await.unwrap().unwrap();
    assert_eq!(stored.spend, NanoDollars(16));
    assert_eq!(store.verify().await.unwrap(), []);
}

pub(super) async fn a_former_secret_is_good_as_long_as_it_was_said(store: &dyn Proofs) {
    add(store, &key("sk-1")).await;
    let nothing = KeyChange::default();
    let renew = async |from: &str, to: &str, until, id: &str| {
        let renewal = renewal(to, until);
        store.renew_key(&hash(from), &renewal, &nothing, &change(id, 1)).await
    };
    renew("sk-1", "sk-2", 50, "c1").await.unwrap();
    renew("sk-2", "sk-3", 30, "c2").await.unwrap();

    let found = async |name: &str, now| {
        let found = store.key_by_former_hash(&hash(name), at(now)).await.unwrap();
        found.map(|(key, until)| (key.hash, until))
    };
    assert_eq!(found("sk-1", 49).await, Some((hash("sk-3"), at(50))));
    assert_eq!(found("sk-1", 50).await, None);
    assert_eq!(found("sk-2", 29).await, Some((hash("sk-3"), at(30))));
    assert_eq!(found("sk-2", 30).await, None);
    assert_eq!(found("sk-3", 0).await, None, "it is no former one");
    assert!(renew("sk-1", "sk-4", 0, "c3").await.unwrap().is_none(), "there is no such key now");
    add(store, &key("sk-5")).await;
    let taken = renew("sk-3", "sk-5", 0, "c4").await;
    assert!(matches!(taken, Err(StoreError::Conflict { what: "new_key" })));

    store.delete_keys(&[hash("sk-3")], &change("d", 2)).await.unwrap();
    assert_eq!(found("sk-1", 10).await, None, "it goes with its key");
}

pub(super) async fn who_knows_a_key_by_a_former_secret_hears_of_it(store: &dyn Proofs) {
    use futures_util::FutureExt;

    use crate::store::news::{Heard, News};

    add(store, &key("sk-1")).await;
    let nothing = KeyChange::default();
    let mut feed = store.newsroom().feed();
    let mut heard = async || {
        let told = std::iter::from_fn(|| feed.next().now_or_never());
        let hashes = told.filter_map(|heard| match heard {
            Heard::News(News::KeyChanged { hash, .. }) => Some(hash),
            Heard::News(_) | Heard::Missed => None,
        });
        let mut hashes: Vec<_> = hashes.collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    };
    let mut both = [hash("sk-1"), hash("sk-2")];
    both.sort_unstable();

    store.renew_key(&hash("sk-1"), &renewal("sk-2", 50), &nothing, &change("c", 1)).await.unwrap();
    assert_eq!(heard().await, both);
    let block = KeyChange { blocked: Some(true), ..KeyChange::default() };
    store.change_key(&hash("sk-2"), &block, &change("c2", 2)).await.unwrap();
    assert_eq!(heard().await, both);
    store.delete_keys(&[hash("sk-2")], &change("d", 3)).await.unwrap();
    assert_eq!(heard().await, both);
}
