//! What a store says about spend, and whom it counts it for.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use super::fixtures::{add, budget, change, entity, hash, key, record, record_usage};
use crate::domain::{ApiKey, Debit, Entity, LedgerRecord, Limits, Scope};
use crate::store::{SpendBy, SpendPart, Store, TagSpend, UsageQuery};

pub(super) async fn spend_is_counted_for_all_whom_a_record_names(store: &dyn Store) {
    let team = Entity { organization_id: Some("o".into()), ..entity(Scope::Team, "t") };
    let all = [
        team,
        entity(Scope::User, "u"),
        entity(Scope::Organization, "o"),
        entity(Scope::Customer, "c"),
        entity(Scope::Tag, "x"),
        entity(Scope::Tag, "y"),
    ];
    let part = Entity::member((Scope::TeamMember, "t"), ("u", "user"), &change("m", 1));
    for (at, entity) in all.iter().chain([&part]).enumerate() {
        store.add_entity(entity, &change(&format!("c{at}"), 1)).await.unwrap();
    }
    let owned = |name| ApiKey { team_id: Some("t".into()), user_id: Some("u".into()), ..key(name) };
    add(store, &owned("sk-1")).await;
    add(store, &ApiKey { organization_id: Some("p".into()), ..owned("sk-2") }).await;
    let named = |number, name, cost| LedgerRecord {
        end_user: Some("c".into()),
        tags: vec!["x".into(), "x".into(), "unknown".into()],
        ..record(number, name, cost)
    };

    let batch = [named(1, "sk-1", 10), named(2, "sk-2", 5), record(3, "sk-1", 1)];
    record_usage(store, &batch).await;
    record_usage(store, &batch).await;

    for (kind, id, spent) in [
        (Scope::User, "u", 16),
        (Scope::Team, "t", 16),
        (Scope::TeamMember, "u:t", 16),
        (Scope::Organization, "o", 11),
        (Scope::Customer, "c", 15),
        (Scope::Tag, "x", 15),
        (Scope::Tag, "y", 0),
    ] {
        let entity = store.entity(kind, id).await.unwrap().unwrap();
        assert_eq!(entity.spend, NanoDollars(spent), "{kind:?}");
    }
}

pub(super) async fn spend_is_summed_by_whom_and_by_tags(store: &dyn Store) {
    add(store, &ApiKey { team_id: Some("t".into()), ..key("sk-1") }).await;
    let tagged = |number, name, tags: &[&str]| LedgerRecord {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        end_user: (name == "sk-1").then(|| "c".into()),
        ..record(number, name, 10)
    };
    let batch = [tagged(1, "sk-1", &["a"]), tagged(2, "sk-1", &["a"]), tagged(3, "sk-2", &[])];
    // A second attempt is no second request.
    let again = LedgerRecord {
        attempt: 2,
        first_attempt: Some(batch[1].id),
        cost: NanoDollars(0),
        ..tagged(4, "sk-1", &["a"])
    };
    record_usage(store, &batch).await;
    record_usage(store, &[again]).await;
    let all = UsageQuery::default();

    let teams = store.spend_parts(&all, SpendBy::Team).await.unwrap();
    let keys = store.spend_parts(&all, SpendBy::Key).await.unwrap();
    let customers = UsageQuery { end_user: Some("c".into()), ..all.clone() };
    let customers = store.spend_parts(&customers, SpendBy::Customer).await.unwrap();
    let tags = store.tag_spend(&all).await.unwrap();

    let part = |of: Option<&str>, key_hash: KeyHash, cost| SpendPart {
        day: 0,
        of: of.map(str::to_owned),
        key_hash,
        model: "gpt-4o-mini".into(),
        cost: NanoDollars(cost),
        input: 0,
        output: 0,
        total: 0,
    };
    assert_eq!(
        sorted(teams),
        sorted(vec![part(None, hash("sk-2"), 10), part(Some("t"), hash("sk-1"), 20),])
    );
    assert_eq!(
        sorted(keys),
        sorted(vec![part(None, hash("sk-1"), 20), part(None, hash("sk-2"), 10),])
    );
    assert_eq!(customers, [part(Some("c"), hash("sk-1"), 20)]);
    let expected = TagSpend { tags: vec!["a".into()], count: 2, cost: NanoDollars(20) };
    assert_eq!(tags, [expected]);
}

pub(super) async fn usage_comes_in_pages(store: &dyn Store) {
    let failed = LedgerRecord { error_code: Some("x".into()), ..record(3, "sk-1", 1) };
    record_usage(store, &[record(1, "sk-1", 1), record(2, "sk-1", 1), failed]).await;
    let page = async |failed, limit, offset| {
        let query = UsageQuery { failed, ..UsageQuery::default() };
        let page = store.usage_page(&query, limit, offset).await.unwrap();
        let ids = page.entries.iter().map(|entry| entry.record.cost_id());
        (ids.collect::<Vec<u64>>(), page.total)
    };

    assert_eq!(page(None, 2, 0).await, (vec![3, 2], 3));
    assert_eq!(page(None, 2, 2).await, (vec![1], 3));
    assert_eq!(page(Some(true), 10, 0).await, (vec![3], 1));
    assert_eq!(page(Some(false), 10, 0).await, (vec![2, 1], 2));
}

pub(super) async fn spend_can_be_forgotten(store: &dyn Store) {
    add(store, &ApiKey { limits: budget(9), spend: NanoDollars(5), ..key("sk-1") }).await;
    let team = Entity { spend: NanoDollars(7), ..entity(Scope::Team, "t") };
    store.add_entity(&team, &change("c1", 1)).await.unwrap();

    store.reset_spend(&change("c2", 2)).await.unwrap();

    let key = store.key_by_hash(&hash("sk-1")).await.unwrap().unwrap();
    let team = store.entity(Scope::Team, "t").await.unwrap().unwrap();
    assert_eq!((key.spend, team.spend), (NanoDollars::ZERO, NanoDollars::ZERO));
    assert_eq!(store.audit("spend").await.unwrap().len(), 1);
}

pub(super) async fn soft_limits_that_are_crossed_are_listed(store: &dyn Store) {
    let limits = Limits { soft_budget: Some(NanoDollars(5)), ..budget(9) };
    add(store, &ApiKey { limits, ..key("sk-1") }).await;
    let meters = store.meters(&[(Scope::Key, hash("sk-1").to_hex())]).await.unwrap();
    let spent = |number, amount| LedgerRecord {
        debits: vec![Debit { meter: meters[0].id, amount }],
        ..record(number, "sk-1", amount)
    };

    record_usage(store, &[spent(1, 4)]).await;
    record_usage(store, &[spent(2, 2)]).await;
    record_usage(store, &[spent(2, 2), spent(3, 1)]).await;

    let page = store.alerts(10, 0).await.unwrap();
    let [alert] = page.alerts.as_slice() else { panic!("{page:?}") };
    assert_eq!((page.total, alert.used), (1, 6));
    assert_eq!(alert.meter, meters[0]);
    assert_eq!(store.alerts(10, 1).await.unwrap().alerts, []);
}

fn sorted(mut parts: Vec<SpendPart>) -> Vec<SpendPart> {
    parts.sort_by_key(|part| part.key_hash.to_hex());
    parts
}
