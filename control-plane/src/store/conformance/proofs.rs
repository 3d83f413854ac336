//! Totals are what the ledger says, whatever was done.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, change, hash, key};
use super::leases::{debiting, holding, money, one, says};
use crate::domain::{ApiKey, KeyChange, Report};
use crate::store::proofs::Proofs;

pub(super) async fn totals_are_proven(store: &dyn Proofs) {
    let meter = money(store, 100).await;
    one(store, 1, 1, says(meter, 0, 0, 30, 30), 0).await;
    one(store, 2, 1, says(meter, 0, 0, 30, 30), 100).await;
    store.give_up_holders(at(1), at(91)).await.unwrap();
    let report = Report {
        records: vec![debiting(1, &[(meter, 20)]), debiting(2, &[(meter, 5)])],
        holding: Some(holding(2, 2, vec![says(meter, 0, 5, 0, 0)])),
        ..Report::default()
    };
    store.report(&report, at(101)).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), []);

    let spend = KeyChange { spend: Some(NanoDollars(7)), ..KeyChange::default() };
    store.change_key(&hash("sk-1"), &spend, &change("c2", 2)).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), []);

    one(store, 1, 2, says(meter, 0, 0, 0, 0), 200).await;
    assert_eq!(store.verify().await.unwrap(), []);

    store.delete_keys(&[hash("sk-1")], &change("c3", 3)).await.unwrap();
    add(store, &ApiKey { name: "again".into(), ..key("sk-1") }).await;
    assert_eq!(store.verify().await.unwrap(), []);
    assert_eq!(store.rebuild().await.unwrap(), []);
}
