//! How filters hold and use parts of limits.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, change, hash, key, record};
use super::news::next;
use crate::domain::meter::{Answer, Outlook, Statement};
use crate::domain::{
    ApiKey, Debit, HolderId, Holding, LedgerRecord, Limits, Report, Scope, Timestamp,
};
use crate::store::Store;
use crate::store::news::{Heard, News};

pub(super) async fn holders_share_a_limit(store: &dyn Store) {
    let meter = money(store, 100).await;

    let first = one(store, 1, 1, says(meter, 0, 0, 60, 60), 0).await;
    let second = one(store, 2, 1, says(meter, 0, 0, 60, 60), 0).await;
    let third = one(store, 2, 2, says(meter, 0, 0, 40, 40), 0).await;
    one(store, 1, 2, says(meter, 0, 10, 0, 0), 0).await;
    let fourth = one(store, 2, 3, says(meter, 40, 0, 50, 50), 0).await;

    assert_eq!([&first, &second, &third, &fourth].map(|it| it.granted), [60, 0, 40, 50]);
    assert_eq!((first.limit, first.left, second.left), (100, 100, 100));
    assert_eq!((second.outlook, fourth.outlook), (Outlook::Wait, Outlook::Tight));
}

pub(super) async fn a_debit_counts_with_its_record_once(store: &dyn Store) {
    let meter = money(store, 100).await;
    one(store, 1, 1, says(meter, 0, 0, 50, 50), 0).await;
    let records = vec![debiting(1, &[(meter, 10)]), debiting(2, &[(meter, 20), (99, 5)])];
    let report = |sequence, records| Report {
        records,
        holding: Some(holding(1, sequence, vec![says(meter, 0, 20, 0, 0)])),
        ..Report::default()
    };

    let first = store.report(&report(2, records.clone()), at(1)).await.unwrap();
    let again = store.report(&report(2, records.clone()), at(2)).await.unwrap();
    let late = Report { records, ..Report::default() };
    let late = store.report(&late, at(3)).await.unwrap();

    assert_eq!((first.added, again.added, late.added), (2, 0, 0));
    let used = [&first, &again].map(|reported| reported.answers[0].unwrap().used);
    assert_eq!(used, [30, 30]);
    let last = one(store, 1, 3, says(meter, 0, 20, 50, 50), 4).await;
    assert_eq!((last.used, last.granted), (30, 50));
}

pub(super) async fn what_is_consumed_counts_once_a_sequence(store: &dyn Store) {
    let meter = limited(store, Limits { rpm: Some(10), ..Limits::default() }).await[0];
    let consumed = |sequence, consumed| {
        let said = Statement { consumed, ..says(meter, 0, 0, 0, 0) };
        one(store, 1, sequence, said, 10)
    };

    let used = [consumed(1, 3).await, consumed(1, 3).await, consumed(2, 4).await];

    assert_eq!(used.map(|answer| answer.used), [3, 3, 7]);
    assert_eq!(used.map(|answer| answer.resets_at), [Some(at(70)); 3]);
    assert_eq!(one(store, 1, 1, says(meter, 0, 0, 1, 1), 11).await.granted, 0);
}

pub(super) async fn a_window_begins_anew(store: &dyn Store) {
    let meter = limited(store, Limits { tpm: Some(100), ..Limits::default() }).await[0];
    let spend = |number, second, amount| {
        let records =
            vec![LedgerRecord { ended_at: at(second), ..debiting(number, &[(meter, amount)]) }];
        let holding = Some(holding(1, number, vec![says(meter, 0, 0, 0, 0)]));
        Report { records, holding, ..Report::default() }
    };
    let mut used = Vec::new();
    for (number, second, amount) in [(1, 100, 60), (2, 159, 30), (3, 160, 7), (4, 219, 1)] {
        let report = spend(number, second, amount);
        used.push(store.report(&report, at(second)).await.unwrap().answers[0].unwrap().used);
    }

    assert_eq!(used, [60, 90, 7, 8]);
}

pub(super) async fn a_senders_clock_may_be_wrong(store: &dyn Store) {
    let meter = limited(store, Limits { tpm: Some(100), ..Limits::default() }).await[0];
    one(store, 1, 1, says(meter, 0, 0, 9, 9), 10_000).await;
    let report = Report {
        records: vec![LedgerRecord { ended_at: at(5), ..debiting(1, &[(meter, 9)]) }],
        clock_ahead: 10_000_000_000,
        holding: Some(holding(1, 2, vec![says(meter, 0, 0, 0, 0)])),
        ..Report::default()
    };

    let answer = store.report(&report, at(10_010)).await.unwrap().answers[0].unwrap();

    assert_eq!((answer.used, answer.resets_at), (9, Some(at(10_060))));
}

pub(super) async fn who_waits_is_told(store: &dyn Store) {
    let meter = money(store, 100).await;
    let mut feed = store.newsroom().feed();
    let moved = |recalled: &[u64], returned: &[u64]| {
        let (recalled, returned) = (recalled.to_vec(), returned.to_vec());
        Heard::News(News::MetersMoved { recalled, returned })
    };

    one(store, 1, 1, says(meter, 0, 0, 100, 100), 0).await;
    one(store, 2, 1, says(meter, 0, 0, 10, 10), 1).await;
    assert_eq!(next(&mut feed).await, moved(&[meter], &[]));
    one(store, 1, 2, says(meter, 0, 30, 0, 0), 2).await;
    assert_eq!(next(&mut feed).await, moved(&[], &[meter]));
    one(store, 1, 3, says(meter, 0, 20, 0, 0), 3).await;

    store.tell(&[News::MetersMoved { recalled: vec![7], returned: vec![8] }]).await.unwrap();
    assert_eq!(next(&mut feed).await, moved(&[7], &[8]));
}

pub(super) async fn a_meter_that_is_gone_limits_nothing(store: &dyn Store) {
    let meter = money(store, 100).await;
    let said = vec![says(99, 0, 0, 5, 5), says(meter, 0, 0, 5, 5)];
    let report = Report { holding: Some(holding(1, 1, said)), ..Report::default() };

    let answers = store.report(&report, at(0)).await.unwrap().answers;

    assert_eq!(
        answers.iter().map(|it| it.map(|it| it.granted)).collect::<Vec<_>>(),
        [None, Some(5)]
    );
    store.delete_keys(&[hash("sk-1")], &change("c2", 2)).await.unwrap();
    let report = Report {
        records: vec![debiting(1, &[(meter, 5)])],
        holding: Some(holding(1, 2, vec![says(meter, 0, 0, 5, 5)])),
        ..Report::default()
    };
    let reported = store.report(&report, at(3)).await.unwrap();
    assert_eq!((reported.added, reported.answers), (1, vec![None]));
}

pub(super) async fn many_meters_go_into_one_report(store: &dyn Store) {
    let models = (0..300).map(|n| (format!("m{n}"), 100));
    let limits = Limits { model_tpm: models.collect(), ..Limits::default() };
    let meters = limited(store, limits).await;
    let said = |idle| meters.iter().map(|meter| says(*meter, idle, 0, 10, 10)).collect();
    let report = |sequence, idle, records| Report {
        records,
        holding: Some(holding(1, sequence, said(idle))),
        ..Report::default()
    };

    let first = store.report(&report(1, 0, Vec::new()), at(1_001)).await.unwrap().answers;
    let debits: Vec<(u64, i64)> = meters.iter().map(|meter| (*meter, 7)).collect();
    let second = report(2, 3, vec![debiting(1, &debits)]);
    let second = store.report(&second, at(1_002)).await.unwrap().answers;

    assert_eq!(meters.len(), 300);
    assert!(first.iter().all(|it| it.is_some_and(|it| it.granted == 10)));
    for (meter, answer) in meters.iter().zip(&second) {
        let answer = answer.unwrap();
        assert_eq!((answer.meter, answer.used, answer.granted), (*meter, 7, 10));
    }
}

/// Makes a key with a budget and returns its meter.
pub(super) async fn money(store: &dyn Store, nanos: i64) -> u64 {
    let limits = Limits { max_budget: Some(NanoDollars(nanos)), ..Limits::default() };
    limited(store, limits).await[0]
}

/// Makes a key with limits and returns its meters.
pub(super) async fn limited(store: &dyn Store, limits: Limits) -> Vec<u64> {
    add(store, &ApiKey { limits, ..key("sk-1") }).await;
    let meters = store.meters(&[(Scope::Key, hash("sk-1").to_hex())]).await.unwrap();
    meters.iter().map(|meter| meter.id).collect()
}

/// Reports on one meter.
pub(super) async fn one(
    store: &dyn Store,
    holder: u8,
    sequence: u64,
    said: Statement,
    second: i64,
) -> Answer {
    let now = at(second);
    let said = Statement { consumed_at: now, ..said };
    let report =
        Report { holding: Some(holding(holder, sequence, vec![said])), ..Report::default() };
    store.report(&report, now).await.unwrap().answers[0].unwrap()
}

pub(super) fn says(meter: u64, idle: i64, reserved: i64, need: i64, want: i64) -> Statement {
    let consumed_at = Timestamp::from_micros(0);
    Statement { meter, consumed: 0, consumed_at, idle, reserved, need, want }
}

pub(super) fn holding(holder: u8, sequence: u64, statements: Vec<Statement>) -> Holding {
    let holder = HolderId::from_bytes(&[holder; 16]).unwrap();
    Holding { holder, sequence, statements }
}

pub(super) fn debiting(number: u64, debits: &[(u64, i64)]) -> LedgerRecord {
    let debits = debits.iter().map(|(meter, amount)| Debit { meter: *meter, amount: *amount });
    LedgerRecord { debits: debits.collect(), ..record(number, "sk-1", 1) }
}
