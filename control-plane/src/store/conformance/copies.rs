//! A copy has everything, between databases of either kind.

use serde_json::json;

use super::fixtures::{add, at, change, key};
use super::postgres_server::PostgresServer;
use crate::domain::{Item, ItemKind, Secret, Stamps};
use crate::store::copy::{CopyError, copy};
use crate::store::{Store, open_for_proofs};

/// Fills a database with what the suites of other parts write, and a little of its own.
async fn fill(store: &dyn Store) {
    super::spend::spend_is_counted_for_all_whom_a_record_names(store).await;
    super::kept::the_newest_vectors_are_compared(store).await;
    super::resources::an_object_comes_back_as_it_was(store).await;
    super::health::marks_come_back_until_they_are_over(store).await;
    add(store, &key("sk-ünï")).await;
    let created_at = at(1);
    let stamps = Stamps {
        created_at,
        created_by: "a".into(),
        updated_at: created_at,
        updated_by: "b".into(),
    };
    let body = json!({"name": "a'b\"c"}).as_object().unwrap().clone();
    let sealed = Some("sealed".to_owned());
    for nth in 0..1_203 {
        let item = Item {
            kind: ItemKind::Connection,
            id: format!("id-{nth}"),
            body: body.clone(),
            sealed: sealed.clone(),
            stamps: stamps.clone(),
        };
        store.put_item(&item, true, &change(&format!("item-{nth}"), 1)).await.unwrap();
    }
}

#[tokio::test]
async fn everything_arrives_whichever_way() {
    let Some(server) = PostgresServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Secret::new(format!("sqlite:{}", folder.path().join(name).display()));
    let (first, back) = (file("first.db"), file("back.db"));
    server.run("CREATE DATABASE copied").await;
    let there = Secret::new(server.url("copied"));
    let store = open_for_proofs(&first).await.unwrap();
    fill(store.as_ref()).await;
    let (keys, items) = (store.revision().await.unwrap(), store.items().await.unwrap());
    store.close().await;

    let to_postgres = copy(&first, &there).await.unwrap();
    let to_sqlite = copy(&there, &back).await.unwrap();

    assert_eq!(to_postgres, to_sqlite);
    assert_eq!(to_postgres.rows["items"], 1_203);
    assert!(to_postgres.rows["ledger"] > 0 && to_postgres.rows["audit_log"] > 1_203);
    for url in [&there, &back] {
        let copied = open_for_proofs(url).await.unwrap();
        assert_eq!(copied.revision().await.unwrap(), keys);
        assert_eq!(copied.items().await.unwrap(), items);
        assert!(copied.verify().await.unwrap().is_empty());
        // It goes on where the other ended.
        add(copied.as_ref(), &key("sk-next")).await;
        copied.close().await;
    }
    for (from, to) in [(&first, &there), (&there, &back)] {
        let refused = copy(from, to).await.unwrap_err();
        assert!(matches!(refused, CopyError::Filled(_)), "{refused}");
    }
}

#[tokio::test]
async fn what_is_no_source_is_refused_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Secret::new(format!("sqlite:{}", folder.path().join(name).display()));

    let missing = copy(&file("none.db"), &file("to.db")).await.unwrap_err();
    let same = copy(&file("to.db"), &file("to.db")).await.unwrap_err();

    assert!(matches!(missing, CopyError::Missing(_)) && matches!(same, CopyError::Same));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
