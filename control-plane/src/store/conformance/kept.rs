//! What a store does with answers that are kept.

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::fixtures::{at, change};
use crate::domain::kept::{KeptAnswer, KeptFigures, Purge};
use crate::store::Store;

pub(super) async fn an_answer_comes_back_until_it_is_too_old(store: &dyn Store) {
    let kept = answer(1, "m");
    assert!(store.keep_answer(&kept, 1).await.unwrap());
    let newer = KeptAnswer { body: "newer".into(), ..kept.clone() };
    assert!(store.keep_answer(&newer, 1).await.unwrap());

    assert_eq!(store.kept_answer(&[1; 32], at(9)).await.unwrap(), Some(newer));
    assert_eq!(store.kept_answer(&[2; 32], at(9)).await.unwrap(), None);
    assert_eq!(store.kept_answer(&[1; 32], at(10)).await.unwrap(), None);
    assert_eq!(store.kept_figures(at(9)).await.unwrap(), KeptFigures { entries: 1, bytes: 5 });
    assert_eq!(store.sweep_answers(at(10)).await.unwrap(), 1);
    assert_eq!(store.kept_figures(at(9)).await.unwrap(), KeptFigures::default());
}

pub(super) async fn a_purge_forgets_what_it_names_and_refuses_what_is_older(store: &dyn Store) {
    for (number, model) in [(1, "a"), (2, "b"), (3, "b"), (4, "c")] {
        store.keep_answer(&answer(number, model), 1).await.unwrap();
    }
    assert_eq!(store.shared_limits().await.unwrap().cache_generation, 1);
    let purge = async |what: Purge| store.purge_answers(&what, &change("p", 1)).await.unwrap().0;

    assert_eq!(purge(Purge::Model("b".into())).await, 2);
    assert_eq!(purge(Purge::One([1; 32])).await, 1);
    assert_eq!(purge(Purge::MadeBefore(at(1))).await, 0);
    assert_eq!(purge(Purge::MadeBefore(at(2))).await, 1);

    assert_eq!(store.shared_limits().await.unwrap().cache_generation, 5);
    assert!(!store.keep_answer(&answer(5, "a"), 4).await.unwrap(), "asked for before the purge");
    assert!(store.keep_answer(&answer(5, "a"), 5).await.unwrap());
    assert_eq!(purge(Purge::All).await, 1);
}

fn answer(number: u8, model: &str) -> KeptAnswer {
    KeptAnswer {
        key: [number; 32],
        tenant: "team:t".into(),
        model: model.into(),
        content_type: "text/event-stream".into(),
        body: "data: ü\n\n".into(),
        tokens: TokenUsage { input: 1, output: 2, total: 3, ..TokenUsage::default() },
        cost: NanoDollars(7),
        created_at: at(1),
        expires_at: at(10),
    }
}
