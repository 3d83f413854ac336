//! How meters follow limits.

use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, budget, change, hash, key, record, record_usage};
use crate::domain::{
    ApiKey, Budget, BudgetState, Debit, Dimension, Edit, KeyChange, LedgerRecord, Limits,
    LimitsChange, Meter, Period, RateWindow, Scope, Window,
};
use crate::store::proofs::Proofs;
use crate::store::{Configured, Store};

pub(super) async fn limits_come_back_as_they_were(store: &dyn Store) {
    let limits = Limits {
        max_budget: Some(NanoDollars(5)),
        soft_budget: Some(NanoDollars(4)),
        budget_duration: Period::parse("30d"),
        budget_windows: vec![
            Budget { amount: NanoDollars(1), period: Period::parse("1d") },
            Budget { amount: NanoDollars(9), period: None },
        ],
        tpm: Some(1),
        rpm: Some(2),
        tpd: Some(3),
        parallel: Some(0),
        model_tpm: [("ü/m".to_owned(), 5)].into(),
        model_rpm: [("m".to_owned(), 6)].into(),
        model_budgets: [(
            "m".to_owned(),
            Budget { amount: NanoDollars(2), period: Period::parse("1mo") },
        )]
        .into(),
        observe_only: true,
    };

    let added = add(store, &ApiKey { limits: limits.clone(), ..key("sk-1") }).await.key;

    assert_eq!(added.limits, limits);
    assert_eq!(store.key_by_hash(&hash("sk-1")).await.unwrap().unwrap().limits, limits);
    assert_eq!(meters(store, "sk-1").await.len(), 10);
    store.delete_keys(&[hash("sk-1")], &change("c2", 2)).await.unwrap();
    assert_eq!(meters(store, "sk-1").await, []);
}

pub(super) async fn a_meter_keeps_its_id_while_its_identity_stays(store: &dyn Store) {
    let limits = Limits { rpm: Some(1), tpm: Some(2), ..Limits::default() };
    add(store, &ApiKey { limits, ..key("sk-1") }).await;
    let before = meters(store, "sk-1").await;

    let limits = LimitsChange {
        rpm: Edit::Set(7),
        tpm: Edit::Clear,
        parallel: Edit::Set(3),
        ..LimitsChange::default()
    };
    change_limits(store, "sk-1", limits).await;
    let after = meters(store, "sk-1").await;
    change_limits(store, "sk-1", LimitsChange { tpm: Edit::Set(2), ..Default::default() }).await;
    let again = meters(store, "sk-1").await;

    let [rpm, tpm] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!((rpm.spec.dimension, rpm.spec.window), (Dimension::Requests, Window::Fixed(60)));
    let [kept, parallel] = after.as_slice() else { panic!("{after:?}") };
    assert_eq!((kept.id, kept.spec.amount), (rpm.id, 7));
    assert_eq!((parallel.spec.dimension, parallel.spec.amount), (Dimension::Parallel, 3));
    assert!(parallel.id > tpm.id);
    // The id of a meter that is gone is never given again.
    assert!(again.last().unwrap().id > parallel.id);
}

pub(super) async fn a_budget_begins_with_what_was_spent(store: &dyn Store) {
    add(store, &ApiKey { spend: NanoDollars(3), ..key("sk-1") }).await;
    let monthly = Edit::Set(Period::parse("30d").unwrap());
    let max_budget = Edit::Set(NanoDollars(5));

    let limits = LimitsChange { max_budget, ..LimitsChange::default() };
    let ever = change_limits(store, "sk-1", limits).await;
    let meter = meters(store, "sk-1").await;
    let limits = LimitsChange { budget_duration: monthly, ..LimitsChange::default() };
    let windowed = change_limits(store, "sk-1", limits).await;
    let rewound = meters(store, "sk-1").await;

    assert_eq!((ever.budget, ever.spent(at(2))), (None, NanoDollars(3)));
    // 1970-02-01
    let ends_at = at(31 * 86_400);
    assert_eq!(windowed.budget, Some(BudgetState { used: NanoDollars::ZERO, ends_at }));
    assert_eq!((windowed.spend, windowed.spent(at(2))), (NanoDollars(3), NanoDollars::ZERO));
    assert_eq!(meter[0].id, rewound[0].id);
}

pub(super) async fn a_budget_that_ends_no_more_counts_all_that_was_spent(store: &dyn Proofs) {
    let limits = Limits { budget_duration: Period::parse("1d"), ..budget(9) };
    add(store, &ApiKey { limits, ..key("sk-1") }).await;
    let windowed = meters(store, "sk-1").await;
    let id = windowed[0].id;
    let debits = vec![Debit { meter: id, amount: 4 }];
    record_usage(store, &[LedgerRecord { debits, ..record(1, "sk-1", 4) }]).await;

    let limits = LimitsChange { budget_duration: Edit::Clear, ..LimitsChange::default() };
    change_limits(store, "sk-1", limits).await;

    let endless = meters(store, "sk-1").await;
    assert_eq!(endless.len(), 1);
    assert!(endless[0].id > id);
    assert_eq!(store.verify().await.unwrap(), []);
}

pub(super) async fn spend_that_is_set_counts_against_the_budget(store: &dyn Store) {
    let limits = Limits { budget_duration: Period::parse("1d"), ..budget(9) };
    let made = ApiKey { limits, spend: NanoDollars(4), ..key("sk-1") };

    let added = add(store, &made).await.key;
    let what = KeyChange { spend: Some(NanoDollars(1)), ..KeyChange::default() };
    let set = store.change_key(&hash("sk-1"), &what, &change("c2", 2)).await.unwrap().unwrap().key;
    let later = at(86_400);

    assert_eq!(added.spent(at(1)), NanoDollars(4));
    assert_eq!((set.spent(at(1)), set.spent(later)), (NanoDollars(1), NanoDollars::ZERO));
}

pub(super) async fn configured_limits_come_and_go_with_the_configuration(store: &dyn Store) {
    let rpm = |rpm| Limits { rpm: Some(rpm), ..Limits::default() };
    let configure = async |limits| {
        let configured = Configured { rates: RateWindow::Fixed, limits };
        let revision = store.configure(&configured, at(1)).await.unwrap();
        assert_eq!(store.revision().await.unwrap(), revision);
        store.shared_limits().await.unwrap().meters
    };

    let model = (Scope::Model, "m".to_owned());
    let first = configure(vec![
        (model.0, model.1.clone(), rpm(5)),
        (Scope::Provider, "p".into(), budget(7)),
        (Scope::Tag, "t".into(), Limits::default()),
    ])
    .await;
    let second = configure(vec![(model.0, model.1, rpm(6))]).await;

    let scopes: Vec<Scope> = first.iter().map(|meter| meter.spec.scope).collect();
    assert_eq!(scopes, [Scope::Model, Scope::Provider]);
    let [kept] = second.as_slice() else { panic!("{second:?}") };
    assert_eq!((kept.id, kept.spec.amount), (first[0].id, 6));
}

// proves: config.limits.window
pub(super) async fn rates_are_counted_as_configured(store: &dyn Store) {
    let limits = Limits { rpm: Some(5), tpd: Some(6), ..budget(7) };
    let before = add(store, &ApiKey { limits, ..key("sk-1") }).await.key;
    let windows = async || {
        let meters = meters(store, "sk-1").await;
        meters.iter().map(|meter| (meter.id, meter.spec.window)).collect::<Vec<_>>()
    };
    let configure = async |rates| {
        let configured = Configured { rates, limits: Vec::new() };
        store.configure(&configured, at(1)).await.unwrap();
    };

    let fixed = windows().await;
    configure(RateWindow::Sliding).await;
    let sliding = windows().await;
    add(store, &ApiKey { limits: before.limits, ..key("sk-2") }).await;
    let others = meters(store, "sk-2").await;
    configure(RateWindow::Fixed).await;

    let ids: Vec<u64> = fixed.iter().map(|(id, _)| *id).collect();
    let expected = [Window::Sliding(60), Window::Sliding(86_400), Window::Never];
    assert_eq!(sliding, ids.iter().copied().zip(expected).collect::<Vec<_>>());
    assert_eq!(others[0].spec.window, Window::Sliding(60));
    assert_eq!(windows().await, fixed);
}

async fn change_limits(store: &dyn Store, name: &str, limits: LimitsChange) -> ApiKey {
    let what = KeyChange { limits, ..KeyChange::default() };
    let id = format!("change-{}", store.revision().await.unwrap());
    store.change_key(&hash(name), &what, &change(&id, 2)).await.unwrap().unwrap().key
}

async fn meters(store: &dyn Store, name: &str) -> Vec<Meter> {
    store.meters(&[(Scope::Key, hash(name).to_hex())]).await.unwrap()
}
