//! What a store says about spend, and whom it counts it for.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use super::fixtures::{add, budget, change, entity, hash, key, record, record_usage};
use crate::domain::{ApiKey, Debit, Entity, LedgerRecord, Limits, Scope, Timestamp};
use crate::store::{Counts, SpendBy, SpendPart, Store, UsageQuery};

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
        counts: Counts { cost: NanoDollars(cost), ..Counts::default() },
    };
    assert_eq!(
        sorted(teams),
        sorted(vec![part(None, hash("sk-2"), 10), part(Some("t"), hash("sk-1"), 20),])
    );
    assert_eq!(
        sorted(keys),
        sorted(vec![part(None, hash("sk-1"), 20), part(None, hash("sk-2"), 10),])
    );
    assert_eq!(sorted(customers), [part(Some("c"), hash("sk-1"), 20)]);
    let tag = |(name, counts): &(String, Counts)| (name.clone(), counts.requests, counts.cost.0);
    assert_eq!(tags.iter().map(tag).collect::<Vec<_>>(), [("a".to_owned(), 2, 20)]);

    // Of a team's records alone, days do not tell the tags.
    let of_team = UsageQuery { team_id: Some("t".into()), ..all.clone() };
    let tags = store.tag_spend(&of_team).await.unwrap();
    assert_eq!(tags.iter().map(tag).collect::<Vec<_>>(), [("a".to_owned(), 2, 20)]);
    let customers = store.spend_parts(&of_team, SpendBy::Customer).await.unwrap();
    assert_eq!(sorted(customers), [part(Some("c"), hash("sk-1"), 20)]);
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

/// Pages go over days, whatever is asked for, and each record is on one page.
pub(super) async fn pages_of_usage_go_over_days(store: &dyn Store) {
    add(store, &ApiKey { team_id: Some("t".into()), user_id: Some("u".into()), ..key("sk-1") })
        .await;
    let records: Vec<LedgerRecord> = (0_u64..40)
        .map(|number| {
            let mut made = record(number, if number % 2 == 0 { "sk-1" } else { "sk-2" }, 1);
            // Four a day, but for every third day.
            let day = i64::try_from(number / 4).unwrap() * 3 / 2;
            made.started_at = Timestamp::from_micros(day * Timestamp::A_DAY + 1_000);
            made.end_user = (number % 3 == 0).then(|| "c".to_owned());
            made.error_code = (number % 5 == 0).then(|| "x".to_owned());
            if number % 4 == 1 {
                (made.model, made.provider_model) = ("rare".into(), Some("small".into()));
            }
            made
        })
        .collect();
    record_usage(store, &records).await;
    let all = UsageQuery::default();
    let text = |value: &str| Some(value.to_owned());
    let day = |number| Some(Timestamp::from_micros(number * Timestamp::A_DAY));

    for query in [
        all.clone(),
        UsageQuery { key: Some(hash("sk-2")), ..all.clone() },
        UsageQuery { user_id: text("u"), ..all.clone() },
        UsageQuery { team_id: text("t"), failed: Some(true), ..all.clone() },
        UsageQuery { end_user: text("c"), failed: Some(false), ..all.clone() },
        UsageQuery { model: text("rare"), ..all.clone() },
        UsageQuery { model: text("small"), from: day(2), until: day(9), ..all.clone() },
        UsageQuery { user_id: text("u"), end_user: text("c"), ..all.clone() },
        UsageQuery { until: Some(Timestamp::from_micros(500)), ..all.clone() },
        UsageQuery { model: text("none"), ..all.clone() },
    ] {
        let expected = store.usage(&query, 100).await.unwrap();
        for size in [1, 3, 7, 100] {
            let mut found = Vec::new();
            for page in 0_u32.. {
                let page = store.usage_page(&query, size, page * size).await.unwrap();
                assert_eq!(page.total, expected.len() as u64, "{query:?}");
                assert!(page.entries.len() <= size as usize);
                if page.entries.is_empty() {
                    break;
                }
                found.extend(page.entries);
            }
            assert_eq!(found, expected, "pages of {size}: {query:?}");
        }
    }
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
    for part in &mut parts {
        // Single records do not tell all that days do.
        part.counts = Counts { cost: part.counts.cost, ..Counts::default() };
    }
    parts
}
