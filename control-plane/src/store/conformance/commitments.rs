//! What a store does with work that providers do after they have answered.

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::fixtures::{at, hash, key};
use super::leases::{money, one, says};
use crate::domain::commitment::asked_again;
use crate::domain::{
    Commitment, Dimension, HolderId, Place, Resource, ResourceKind, Terms, Used, WorkKind, Worst,
};
use crate::store::query::UsageQuery;
use crate::store::{Committed, Store};

pub(super) async fn work_is_charged_once_and_gives_back_the_rest(store: &dyn Store) {
    let meter = money(store, 100).await;
    let commitment = commitment(1, meter);
    assert_eq!(store.commit(&commitment, &[(meter, 70)]).await.unwrap(), Committed::Made);
    assert_eq!(store.commitment(commitment.id).await.unwrap().as_ref(), Some(&commitment));
    // Nobody else is given it, however long nobody is heard of.
    store.give_up_holders(at(9_999), at(10_000)).await.unwrap();
    assert_eq!(one(store, 9, 1, says(meter, 0, 0, 40, 40), 10_000).await.granted, 0);

    let batch = batch(Some(commitment.id));
    assert!(store.keep_resources(&batch, &[]).await.unwrap());
    let first = store.claim_work(at(20_000), at(20_060), 10).await.unwrap();
    assert_eq!(first, [(batch.clone(), 1)]);
    // Another control plane is given nothing meanwhile.
    assert_eq!(store.claim_work(at(20_000), at(20_060), 10).await.unwrap(), []);
    let tokens = TokenUsage { input: 9, total: 9, ..TokenUsage::default() };
    let record = commitment.record(&batch, Used::Said(tokens, NanoDollars(30)), at(20_001));
    let settle = || store.settle_work(&batch, &commitment, &record, at(20_001));
    assert_eq!([settle().await.unwrap(), settle().await.unwrap()], [true, false]);

    let entries = store.usage(&UsageQuery::default(), 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].record, record);
    let known = store.key_by_hash(&hash("sk-1")).await.unwrap().unwrap();
    assert_eq!(known.spend, NanoDollars(30));
    let answer = one(store, 9, 2, says(meter, 0, 0, 70, 70), 20_002).await;
    assert_eq!((answer.used, answer.granted), (30, 70));
    assert_eq!(store.claim_work(at(99_000), at(99_060), 10).await.unwrap(), []);
    assert_eq!(store.commitment(commitment.id).await.unwrap(), None);
}

pub(super) async fn all_is_reserved_or_nothing(store: &dyn Store) {
    let meter = money(store, 100).await;
    let came = store.commit(&commitment(1, meter), &[(meter, 60), (99, 5)]).await.unwrap();
    assert_eq!(came, Committed::Made);

    let second = store.commit(&commitment(2, meter), &[(meter, 41)]).await.unwrap();
    let Committed::Short { meter: short, dimension, answer, .. } = second else {
        panic!("{second:?}")
    };
    assert_eq!((short, dimension, answer.limit), (meter, Dimension::Money, 100));
    assert_eq!(store.commitment(id(2)).await.unwrap(), None);

    let third = store.commit(&commitment(3, meter), &[(meter, 40)]).await.unwrap();
    assert_eq!(third, Committed::Made);
    assert_eq!(one(store, 9, 1, says(meter, 0, 0, 1, 1), 10).await.granted, 0);
}

pub(super) async fn what_no_provider_took_is_given_back(store: &dyn Store) {
    let meter = money(store, 100).await;
    store.commit(&commitment(1, meter), &[(meter, 100)]).await.unwrap();
    assert_eq!(store.abandoned(at(5)).await.unwrap(), []);
    assert_eq!(store.abandoned(at(6)).await.unwrap(), [id(1)]);

    assert!(store.withdraw(id(1), at(7)).await.unwrap());
    assert!(!store.withdraw(id(1), at(8)).await.unwrap());
    assert_eq!(one(store, 9, 1, says(meter, 0, 0, 100, 100), 9).await.granted, 100);

    // What became an object is given back by its end alone.
    let kept = commitment(2, meter);
    store.commit(&kept, &[]).await.unwrap();
    store.keep_resources(&batch(Some(kept.id)), &[]).await.unwrap();
    assert!(!store.withdraw(kept.id, at(9)).await.unwrap());
    assert_eq!(store.abandoned(at(9_999)).await.unwrap(), []);
}

pub(super) async fn work_is_asked_about_when_it_is_due(store: &dyn Store) {
    let meter = money(store, 100).await;
    let mut commitment = commitment(1, meter);
    store.commit(&commitment, &[]).await.unwrap();
    commitment.terms.files = Some(("a".into(), "b".into()));
    store.amend(commitment.id, &commitment.terms).await.unwrap();
    assert_eq!(store.commitment(commitment.id).await.unwrap(), Some(commitment.clone()));
    let batch = batch(Some(commitment.id));
    store.keep_resources(&batch, &[]).await.unwrap();
    // Kept again it is not due sooner or later.
    let changed = Resource { body: r#"{"id":"batch-1","n":2}"#.into(), ..batch.clone() };
    store.keep_resources(&changed, &[]).await.unwrap();

    let due = asked_again(0, batch.created_at);
    let early = due.plus_micros(-1);
    assert_eq!(store.claim_work(early, at(500), 10).await.unwrap(), []);
    assert_eq!(store.claim_work(due, at(500), 10).await.unwrap(), [(changed.clone(), 1)]);
    store.put_off("batch-1", at(300)).await.unwrap();
    assert_eq!(store.claim_work(at(299), at(500), 10).await.unwrap(), []);
    assert_eq!(store.claim_work(at(300), at(500), 10).await.unwrap(), [(changed, 2)]);
    // What is no work is never due.
    let file =
        Resource { id: "file-1".into(), kind: ResourceKind::File, commitment: None, ..batch };
    store.keep_resources(&file, &[]).await.unwrap();
    store.put_off("file-1", at(1)).await.unwrap();
    assert_eq!(store.claim_work(at(400), at(500), 10).await.unwrap(), []);
}

pub(super) async fn work_of_a_key_that_is_gone_is_charged(store: &dyn Store) {
    let meter = money(store, 100).await;
    let commitment = commitment(1, meter);
    store.commit(&commitment, &[(meter, 50)]).await.unwrap();
    let batch = batch(Some(commitment.id));
    store.keep_resources(&batch, &[]).await.unwrap();
    store.delete_keys(&[key("sk-1").hash], &super::fixtures::change("c9", 9)).await.unwrap();

    let record = commitment.record(&batch, Used::Unknown, at(20));
    assert!(store.settle_work(&batch, &commitment, &record, at(20)).await.unwrap());

    let entries = store.usage(&UsageQuery::default(), 10).await.unwrap();
    assert_eq!((entries.len(), entries[0].record.cost), (1, NanoDollars(70)));
}

fn id(number: u8) -> HolderId {
    HolderId::from_array([number; 16])
}

fn commitment(number: u8, meter: u64) -> Commitment {
    let terms = Terms {
        kind: WorkKind::Batch,
        place: Place { provider: "p".into(), account: "main".into() },
        model: "m".into(),
        provider_model: "pm".into(),
        price: None,
        worst: Some(Worst { input: 7, output: 0, cost: NanoDollars(70) }),
        customer: None,
        meters: vec![(meter, Dimension::Money)],
        files: None,
    };
    Commitment { id: id(number), made_at: at(5), terms }
}

fn batch(commitment: Option<HolderId>) -> Resource {
    Resource {
        id: "batch-1".into(),
        kind: ResourceKind::Batch,
        place: Place { provider: "p".into(), account: "main".into() },
        tenant: "key:1".into(),
        key_hash: hash("sk-1"),
        model: String::new(),
        purpose: String::new(),
        tags: Vec::new(),
        body: r#"{"id":"batch-1"}"#.into(),
        created_at: at(6),
        deleted_at: None,
        commitment,
    }
}
