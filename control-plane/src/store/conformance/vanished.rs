//! What becomes of leases when their holder vanishes.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, hash, key, record_usage};
use super::leases::{debiting, holding, limited, money, one, says};
use super::news::next;
use crate::domain::meter::Outlook;
use crate::domain::{ApiKey, Limits, LimitsChange, Report};
use crate::domain::{Edit, KeyChange};
use crate::store::Store;
use crate::store::news::{Heard, News};

pub(super) async fn what_a_vanished_holder_held_counts_as_used(store: &dyn Store) {
    let meter = money(store, 100).await;
    one(store, 1, 1, says(meter, 0, 0, 60, 60), 0).await;
    one(store, 2, 1, says(meter, 0, 0, 20, 20), 50).await;

    assert_eq!(store.give_up_holders(at(0), at(90)).await.unwrap(), 0);
    assert_eq!(store.give_up_holders(at(1), at(91)).await.unwrap(), 1);
    assert_eq!(store.give_up_holders(at(1), at(92)).await.unwrap(), 0);

    let other = one(store, 2, 2, says(meter, 20, 0, 21, 21), 93).await;
    assert_eq!((other.used, other.granted, other.outlook), (60, 0, Outlook::Exhausted));
}

pub(super) async fn a_holder_that_comes_back_says_what_was_used(store: &dyn Store) {
    let meter = money(store, 100).await;
    one(store, 1, 1, says(meter, 0, 0, 60, 60), 0).await;
    store.give_up_holders(at(1), at(91)).await.unwrap();
    let report = Report {
        records: vec![debiting(1, &[(meter, 10)])],
        holding: Some(holding(1, 2, vec![says(meter, 5, 5, 0, 0)])),
        ..Report::default()
    };

    let back = store.report(&report, at(100)).await.unwrap().answers[0].unwrap();

    assert_eq!((back.used, back.left), (10, 85));
    assert_eq!(store.give_up_holders(at(101), at(191)).await.unwrap(), 1);
    let again = one(store, 1, 3, says(meter, 0, 0, 90, 90), 200).await;
    assert_eq!((again.used, again.granted), (10, 90));
}

pub(super) async fn a_holder_that_comes_back_holds_what_it_does_not_mention(store: &dyn Store) {
    let limits = Limits {
        max_budget: Some(NanoDollars(100)),
        tpd: Some(100),
        tpm: Some(100),
        ..Limits::default()
    };
    let meters = limited(store, limits).await;
    let said = meters.iter().map(|meter| says(*meter, 0, 0, 60, 60)).collect();
    let report = Report { holding: Some(holding(1, 1, said)), ..Report::default() };
    store.report(&report, at(0)).await.unwrap();
    store.give_up_holders(at(1), at(91)).await.unwrap();

    let back = Report { holding: Some(holding(1, 2, Vec::new())), ..Report::default() };
    store.report(&back, at(100)).await.unwrap();

    let mut granted = Vec::new();
    for (sequence, meter) in (1..).zip(meters) {
        let answer = one(store, 2, sequence, says(meter, 0, 0, 90, 90), 101).await;
        granted.push((answer.used, answer.granted));
    }
    // The minute is over, and with it all that was held in it.
    assert_eq!(granted, [(0, 90), (0, 0), (0, 0)]);
}

pub(super) async fn who_waits_hears_of_a_holder_that_vanished(store: &dyn Store) {
    let meter = limited(store, Limits { parallel: Some(5), ..Limits::default() }).await[0];
    one(store, 1, 1, says(meter, 0, 0, 5, 5), 0).await;
    let mut feed = store.newsroom().feed();

    store.give_up_holders(at(1), at(91)).await.unwrap();

    let (recalled, returned) = (Vec::new(), vec![meter]);
    assert_eq!(next(&mut feed).await, Heard::News(News::MetersMoved { recalled, returned }));
    assert_eq!(one(store, 2, 1, says(meter, 0, 0, 5, 5), 92).await.granted, 5);
}

pub(super) async fn holders_hear_of_changed_limits(store: &dyn Store) {
    let meter = money(store, 100).await;
    one(store, 1, 1, says(meter, 0, 0, 60, 60), 0).await;
    let mut feed = store.newsroom().feed();
    let limits = LimitsChange { max_budget: Edit::Set(NanoDollars(50)), ..LimitsChange::default() };
    let lower = KeyChange { limits, ..KeyChange::default() };

    let change = super::fixtures::change("c2", 2);
    let changed = store.change_key(&hash("sk-1"), &lower, &change).await.unwrap().unwrap();
    add(store, &ApiKey { ..key("sk-2") }).await;

    let change = News::KeyChanged { hash: hash("sk-1"), revision: changed.revision };
    assert_eq!(next(&mut feed).await, Heard::News(change));
    for (recalled, returned) in [(vec![meter], vec![]), (vec![], vec![meter])] {
        assert_eq!(next(&mut feed).await, Heard::News(News::MetersMoved { recalled, returned }));
    }
    let answer = one(store, 1, 2, says(meter, 55, 0, 1, 1), 3).await;
    assert_eq!((answer.granted, answer.left, answer.limit), (0, 50, 50));
}

pub(super) async fn a_record_nobody_holds_for_is_charged_all_the_same(store: &dyn Store) {
    let meter = money(store, 100).await;

    record_usage(store, &[debiting(1, &[(meter, 30)])]).await;

    assert_eq!(one(store, 1, 1, says(meter, 0, 0, 0, 0), 1).await.used, 30);
}
