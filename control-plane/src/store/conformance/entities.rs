//! What a store does with users, teams and the like, and with budgets they share.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::money::NanoDollars;

use super::fixtures::{add, at, budget, change, hash, key};
use super::news::next;
use crate::domain::{
    ApiKey, Edit, Entity, EntityChange, Limits, LimitsChange, Scope, SharedBudget, Stamps,
};
use crate::store::news::{Heard, News};
use crate::store::{EntityQuery, EntitySort, KeyQuery, Store, StoreError};

pub(super) async fn an_entity_comes_back_as_it_was(store: &dyn Store) {
    let Value::Object(map) = json!({"a": [1, "ü"]}) else { panic!("object") };
    let full = Entity {
        alias: Some("alias".into()),
        email: Some("a@b".into()),
        organization_id: Some("o".into()),
        budget_id: Some("b".into()),
        models: vec!["m".into()],
        metadata: map.clone(),
        details: map,
        limits: Limits { tpm: Some(7), ..budget(5) },
        spend: NanoDollars(3),
        blocked: Some(true),
        ..entity(Scope::User, "u")
    };

    let added = store.add_entity(&full, &change("c1", 1)).await.unwrap();
    let again = store.add_entity(&full, &change("c2", 2)).await;
    let email = Entity { email: Some("a@b".into()), ..entity(Scope::User, "v") };
    let email = store.add_entity(&email, &change("c3", 3)).await;

    assert_eq!(added.entity, full);
    assert_eq!(store.entity(Scope::User, "u").await.unwrap().as_ref(), Some(&full));
    // Ids belong to their kind.
    assert_eq!(store.entity(Scope::Team, "u").await.unwrap(), None);
    assert!(matches!(again, Err(StoreError::Conflict { what: "id" })), "{again:?}");
    assert!(matches!(email, Err(StoreError::Conflict { what: "email" })), "{email:?}");
    assert_eq!(store.meters(&[(Scope::User, "u".into())]).await.unwrap().len(), 2);
    assert_eq!(store.audit("user:u").await.unwrap().len(), 1);
}

pub(super) async fn entities_come_in_the_order_that_is_asked_for(store: &dyn Store) {
    let (alias, email) = (|text: &str| Some(text.to_owned()), Some("z@b".to_owned()));
    for one in [
        Entity { alias: alias("b"), email, spend: NanoDollars(2), ..entity(Scope::User, "u1") },
        Entity { alias: alias("a"), limits: budget(5), ..entity(Scope::User, "u2") },
        Entity { spend: NanoDollars(1), limits: budget(1), ..entity(Scope::User, "u3") },
    ] {
        store.add_entity(&one, &change(&one.id, 1)).await.unwrap();
    }

    for (sort, wanted) in [
        (EntitySort::CreatedAt, ["u1", "u2", "u3"]),
        (EntitySort::UpdatedAt, ["u1", "u2", "u3"]),
        (EntitySort::Id, ["u1", "u2", "u3"]),
        (EntitySort::Spend, ["u2", "u3", "u1"]),
        // What is not there comes last.
        (EntitySort::MaxBudget, ["u3", "u2", "u1"]),
        (EntitySort::Alias, ["u2", "u1", "u3"]),
        (EntitySort::Email, ["u1", "u2", "u3"]),
    ] {
        let query = EntityQuery { sort, ..EntityQuery::all(Scope::User) };
        let page = store.entities(&query).await.unwrap();
        let ids: Vec<&str> = page.entities.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, wanted, "{sort:?}");
    }
    let query = EntityQuery {
        sort: EntitySort::Alias,
        descending: true,
        offset: 1,
        ..EntityQuery::all(Scope::User)
    };
    let page = store.entities(&query).await.unwrap();
    let ids: Vec<&str> = page.entities.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((ids, page.total), (vec!["u2", "u3"], 3));
}

pub(super) async fn a_change_of_a_team_is_told_of_its_keys(store: &dyn Store) {
    let team = entity(Scope::Team, "t");
    store.add_entity(&team, &change("c1", 1)).await.unwrap();
    let team_id = Some("t".to_owned());
    let added = add(store, &ApiKey { team_id, ..key("sk-1") }).await;
    add(store, &key("sk-2")).await;
    let mut feed = store.newsroom().feed();

    let block = EntityChange { blocked: Some(true), ..EntityChange::default() };
    let changed = store.change_entity((Scope::Team, "t"), &block, &change("c2", 2)).await;
    let changed = changed.unwrap().unwrap();
    let unknown = store.change_entity((Scope::Team, "x"), &block, &change("c3", 3)).await.unwrap();

    assert_eq!(unknown, None);
    assert_eq!(changed.entity.blocked, Some(true));
    assert_eq!(changed.entity.stamps.updated_at, at(2));
    assert!(changed.revision > added.revision);
    let news = News::KeyChanged { hash: hash("sk-1"), revision: changed.revision };
    assert_eq!(next(&mut feed).await, Heard::News(news));
}

pub(super) async fn what_belongs_to_an_organization_goes_with_it(store: &dyn Store) {
    let own = Entity { organization_id: Some("o".into()), ..entity(Scope::Team, "t") };
    let limited = Entity { limits: budget(5), ..entity(Scope::Organization, "o") };
    for (at, entity) in [limited, own, entity(Scope::Team, "other")].iter().enumerate() {
        store.add_entity(entity, &change(&format!("c{at}"), 1)).await.unwrap();
    }
    add(store, &ApiKey { team_id: Some("t".into()), ..key("sk-1") }).await;
    add(store, &ApiKey { organization_id: Some("o".into()), ..key("sk-2") }).await;
    add(store, &ApiKey { team_id: Some("other".into()), ..key("sk-3") }).await;

    let ids = ["o".to_owned(), "unknown".to_owned()];
    let gone = store.delete_entities(Scope::Organization, &ids, &change("d", 2)).await.unwrap();

    assert_eq!(gone, ["o", "t"]);
    let query = KeyQuery { limit: 10, ..KeyQuery::default() };
    let left = store.keys(&query).await.unwrap().keys;
    assert_eq!(left.iter().map(|listed| listed.key.name.as_str()).collect::<Vec<_>>(), ["sk-3"]);
    assert_eq!(store.meters(&[(Scope::Organization, "o".into())]).await.unwrap(), []);
    let teams = store.entities(&EntityQuery::all(Scope::Team)).await.unwrap();
    assert_eq!((teams.total, teams.entities[0].id.as_str()), (1, "other"));
}

pub(super) async fn members_go_with_what_they_are_members_of(store: &dyn Store) {
    let part = |kind, of| Entity::member((kind, of), ("u", "user"), &change("m", 1));
    let team = Entity { organization_id: Some("o".into()), ..entity(Scope::Team, "t") };
    for (at, one) in [
        entity(Scope::Organization, "o"),
        team,
        entity(Scope::User, "u"),
        Entity { limits: budget(5), ..part(Scope::TeamMember, "t") },
        part(Scope::TeamMember, "other"),
        part(Scope::OrganizationMember, "o"),
    ]
    .iter()
    .enumerate()
    {
        store.add_entity(one, &change(&format!("c{at}"), 1)).await.unwrap();
    }
    let (user_id, team_id) = (Some("u".to_owned()), Some("t".to_owned()));
    let owned = |name, team: &Option<String>| ApiKey {
        user_id: user_id.clone(),
        team_id: team.clone(),
        ..key(name)
    };
    add(store, &owned("sk-1", &team_id)).await;
    add(store, &owned("sk-2", &None)).await;
    add(store, &ApiKey { team_id, ..key("sk-3") }).await;
    let left = async |kind| {
        let query = EntityQuery { users: Some(vec!["u".into()]), ..EntityQuery::all(kind) };
        let page = store.entities(&query).await.unwrap();
        page.entities.into_iter().map(|part| part.id).collect::<Vec<_>>()
    };
    assert_eq!(left(Scope::TeamMember).await, ["u:other", "u:t"]);
    assert_eq!(store.meters(&[(Scope::TeamMember, "u:t".into())]).await.unwrap().len(), 1);

    // With a member go their keys of the team, and no others.
    let ids = ["u:t".to_owned()];
    store.delete_entities(Scope::TeamMember, &ids, &change("d1", 2)).await.unwrap();
    assert_eq!(left(Scope::TeamMember).await, ["u:other"]);
    assert_eq!(store.key_by_hash(&hash("sk-1")).await.unwrap(), None);
    for kept in ["sk-2", "sk-3"] {
        assert!(store.key_by_hash(&hash(kept)).await.unwrap().is_some(), "{kept}");
    }
    assert_eq!(store.meters(&[(Scope::TeamMember, "u:t".into())]).await.unwrap(), []);

    let gone = store.delete_entities(Scope::User, &["u".into()], &change("d2", 3)).await.unwrap();
    assert_eq!(gone, ["u"]);
    assert_eq!(left(Scope::TeamMember).await, Vec::<String>::new());
    assert_eq!(left(Scope::OrganizationMember).await, Vec::<String>::new());
}

pub(super) async fn customers_and_tags_are_told_to_all(store: &dyn Store) {
    assert!(!store.shared_limits().await.unwrap().customers);
    let mut feed = store.newsroom().feed();

    let customer = entity(Scope::Customer, "c");
    let first = store.add_entity(&customer, &change("c1", 1)).await.unwrap().revision;
    let tag = Entity { limits: budget(5), ..entity(Scope::Tag, "t") };
    let second = store.add_entity(&tag, &change("c2", 2)).await.unwrap().revision;

    let told = [next(&mut feed).await, next(&mut feed).await, next(&mut feed).await];
    let news = [
        News::CustomerChanged { customer: "c".into(), revision: first },
        News::SharedChanged { revision: first },
        News::SharedChanged { revision: second },
    ];
    assert_eq!(told, news.map(Heard::News));
    let shared = store.shared_limits().await.unwrap();
    assert_eq!((shared.customers, shared.meters.len()), (true, 1));
}

pub(super) async fn a_shared_budget_limits_each_of_those_that_share_it(store: &dyn Store) {
    let limits = Limits { rpm: Some(5), ..budget(9) };
    let shared = SharedBudget { id: "b".into(), limits, stamps: Stamps::of(&change("c0", 1)) };
    store.add_budget(&shared, &change("c1", 1)).await.unwrap();
    let taken = store.add_budget(&shared, &change("c2", 2)).await;
    let budget_id = Some("b".to_owned());
    let own = Limits { rpm: Some(1), ..Limits::default() };
    add(store, &ApiKey { budget_id: budget_id.clone(), limits: own, ..key("sk-1") }).await;
    let customer = Entity { budget_id, ..entity(Scope::Customer, "c") };
    store.add_entity(&customer, &change("c3", 3)).await.unwrap();
    let amounts = async || {
        let of = [(Scope::Key, hash("sk-1").to_hex()), (Scope::Customer, "c".into())];
        let meters = store.meters(&of).await.unwrap();
        meters.into_iter().map(|meter| meter.spec.amount).collect::<Vec<_>>()
    };

    let first = amounts().await;
    let what = LimitsChange { max_budget: Edit::Set(NanoDollars(8)), ..LimitsChange::default() };
    let changed = store.change_budget("b", &what, &change("c4", 4)).await.unwrap().unwrap();
    let second = amounts().await;
    let deleted = store.delete_budget("b", &change("c5", 5)).await.unwrap();

    assert!(matches!(taken, Err(StoreError::Conflict { what: "budget_id" })), "{taken:?}");
    assert_eq!(first, [1, 9, 5, 9]);
    assert_eq!(second, [1, 8, 5, 8]);
    assert_eq!(deleted, Some(changed));
    assert_eq!(amounts().await, [1]);
    assert_eq!(store.budgets().await.unwrap(), []);
}

pub(super) async fn too_many_keys_to_name_are_told_as_all(store: &dyn Store) {
    let user = entity(Scope::User, "u");
    store.add_entity(&user, &change("c1", 1)).await.unwrap();
    for number in 0..501 {
        add(store, &ApiKey { user_id: Some("u".into()), ..key(&format!("sk-{number}")) }).await;
    }
    let mut feed = store.newsroom().feed();

    let what = EntityChange { models: Some(vec!["m".into()]), ..EntityChange::default() };
    let changed = store.change_entity((Scope::User, "u"), &what, &change("c2", 2)).await.unwrap();

    let heard = tokio::time::timeout(Duration::from_secs(30), feed.next()).await.unwrap();
    let revision = changed.unwrap().revision;
    assert_eq!(heard, Heard::News(News::KeysChanged { revision }));
}

fn entity(kind: Scope, id: &str) -> Entity {
    Entity::new(kind, id.to_owned(), &change("c", 1))
}
