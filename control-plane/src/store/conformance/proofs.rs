//! Totals are what the ledger says, whatever was done.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, change, entity, hash, key, record, record_usage};
use super::leases::{debiting, holding, money, one, says};
use crate::domain::{ApiKey, Edit, Entity, EntityChange, KeyChange, LedgerRecord, Report, Scope};
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

pub(super) async fn what_owners_spent_is_proven(store: &dyn Proofs) {
    let named = |number| LedgerRecord {
        end_user: Some("it".into()),
        tags: vec!["it".into(), "it".into(), "other".into()],
        ..record(number, "sk-1", 10)
    };
    let owned = ApiKey {
        user_id: Some("it".into()),
        team_id: Some("it".into()),
        spend: NanoDollars(3),
        ..key("sk-1")
    };
    add(store, &owned).await;
    // Nobody is there whom it could be counted for.
    record_usage(store, &[named(1)]).await;
    let organization = Some("it".to_owned());
    for kind in [Scope::User, Scope::Customer, Scope::Tag, Scope::Organization] {
        let entity = Entity { spend: NanoDollars(7), ..entity(kind, "it") };
        store.add_entity(&entity, &change(kind.as_str(), 1)).await.unwrap();
    }
    let team = Entity { organization_id: organization.clone(), ..entity(Scope::Team, "it") };
    store.add_entity(&team, &change("team", 1)).await.unwrap();
    let part = Entity::member((Scope::TeamMember, "it"), ("it", "user"), &change("part", 1));
    store.add_entity(&part, &change("part", 1)).await.unwrap();
    record_usage(store, &[named(2)]).await;
    assert_eq!(store.verify().await.unwrap(), []);

    let moved = EntityChange { organization_id: Edit::Clear, ..EntityChange::default() };
    store.change_entity((Scope::Team, "it"), &moved, &change("c1", 2)).await.unwrap();
    let spent = EntityChange { spend: Some(NanoDollars(1)), ..EntityChange::default() };
    store.change_entity((Scope::Customer, "it"), &spent, &change("c2", 2)).await.unwrap();
    record_usage(store, &[named(2), named(3)]).await;
    assert_eq!(store.verify().await.unwrap(), []);

    for (kind, spent) in [(Scope::Organization, 17), (Scope::Customer, 11), (Scope::Tag, 27)] {
        let stored = store.entity(kind, "it").await.unwrap().unwrap();
        assert_eq!(stored.spend, NanoDollars(spent), "{kind:?}");
        store.delete_entities(kind, &["it".into()], &change("c3", 3)).await.unwrap();
        store.add_entity(&entity(kind, "it"), &change("c4", 4)).await.unwrap();
    }
    record_usage(store, &[named(4)]).await;
    assert_eq!(store.verify().await.unwrap(), []);
}
