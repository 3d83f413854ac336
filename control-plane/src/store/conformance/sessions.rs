//! What a store does about people who sign in.

use super::fixtures::{at, hash};
use crate::domain::Session;
use crate::store::StoreError;
use crate::store::proofs::Proofs;

fn session(token: &str, user: Option<&str>, login: &str, ends_at: i64) -> Session {
    Session {
        token: hash(token),
        user: user.map(str::to_owned),
        login: login.to_owned(),
        created_at: at(1),
        seen_at: at(2),
        ends_at: at(ends_at),
        ended_at: None,
    }
}

pub(super) async fn a_session_comes_back_as_it_was(store: &dyn Proofs) {
    let both = [session("t", Some("u"), "l1", 100), session("a", None, "l2", 100)];
    for session in &both {
        store.add_session(session).await.unwrap();
        let found = store.session(&session.token).await.unwrap();
        assert_eq!(found.as_ref(), Some(session));
    }
    let [mut used, _] = both;
    store.see_session(&used.token, at(9)).await.unwrap();
    store.see_session(&used.token, at(8)).await.unwrap();
    store.end_session(&used.token, at(20)).await.unwrap();
    store.end_session(&used.token, at(30)).await.unwrap();

    (used.seen_at, used.ended_at) = (at(9), Some(at(20)));
    assert_eq!(store.session(&used.token).await.unwrap(), Some(used));
    assert_eq!(store.session(&hash("nobody")).await.unwrap(), None);
}

pub(super) async fn a_login_begins_one_session(store: &dyn Proofs) {
    let first = session("t", Some("u"), "l", 100);
    store.add_session(&first).await.unwrap();
    store.end_session(&first.token, at(3)).await.unwrap();

    let again = store.add_session(&session("t2", Some("u"), "l", 100)).await;

    assert!(matches!(again, Err(StoreError::Conflict { what: "login" })));
    assert_eq!(store.session(&hash("t2")).await.unwrap(), None);
}

pub(super) async fn sessions_that_are_over_are_forgotten(store: &dyn Proofs) {
    for (token, end) in [("a", 10), ("b", 20), ("c", 21)] {
        store.add_session(&session(token, None, token, end)).await.unwrap();
    }

    assert_eq!(store.sweep_sessions(at(20)).await.unwrap(), 2);
    assert_eq!(store.sweep_sessions(at(20)).await.unwrap(), 0);
    assert!(store.session(&hash("c")).await.unwrap().is_some());
}

pub(super) async fn an_identity_is_one_users_and_a_users_only_one(store: &dyn Proofs) {
    let add = async |issuer: &str, subject: &str, user: &str| {
        store.add_identity((issuer, subject), user, at(1)).await
    };
    add("i", "s", "u").await.unwrap();
    add("other", "s", "u").await.unwrap();

    for (subject, user) in [("s", "v"), ("t", "u")] {
        let taken = add("i", subject, user).await;
        assert!(matches!(taken, Err(StoreError::Conflict { what: "identity" })), "{subject}");
    }
    assert_eq!(store.identity("i", "s").await.unwrap().as_deref(), Some("u"));
    assert_eq!(store.identity("i", "t").await.unwrap(), None);
}
