//! What a store does about a master key that no configuration names.

use super::fixtures::{add, change, hash, key};
use crate::store::proofs::Proofs;

pub(super) async fn the_first_master_key_is_made_once(store: &dyn Proofs) {
    assert_eq!(store.master_key().await.unwrap(), None);

    assert!(store.begin_master_key(&hash("sk-1"), &change("c1", 1)).await.unwrap());
    assert!(!store.begin_master_key(&hash("sk-2"), &change("c2", 2)).await.unwrap());
    assert_eq!(store.master_key().await.unwrap(), Some(hash("sk-1")));

    store.replace_master_key(&hash("sk-3"), &change("c3", 3)).await.unwrap();
    assert_eq!(store.master_key().await.unwrap(), Some(hash("sk-3")));
    let told = store.audit("master_key:").await.unwrap();
    assert_eq!(told.len(), 2);
    let hashes = [hash("sk-1"), hash("sk-3")].map(|hash| hash.to_hex());
    let told = format!("{told:?}");
    assert!(!hashes.iter().any(|hash| told.contains(hash)), "{told}");
}

pub(super) async fn a_database_in_use_gets_no_master_key_by_itself(store: &dyn Proofs) {
    add(store, &key("sk-1")).await;

    assert!(!store.begin_master_key(&hash("sk-2"), &change("c2", 2)).await.unwrap());
    assert_eq!(store.master_key().await.unwrap(), None);
}
