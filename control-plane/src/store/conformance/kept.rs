//! What a store does with answers that are kept.

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use super::fixtures::{at, change};
use crate::domain::Vector;
use crate::domain::kept::{KeptAnswer, KeptFigures, KeptVector, Purge};
use crate::store::{MOST_VECTORS, Store};

pub(super) async fn an_answer_comes_back_until_it_is_too_old(store: &dyn Store) {
    let kept = answer(1, "m");
    assert!(store.keep_answer(&kept, None, 1).await.unwrap());
    let newer = KeptAnswer { body: "newer".into(), ..kept.clone() };
    assert!(store.keep_answer(&newer, None, 1).await.unwrap());

    assert_eq!(store.kept_answer(&[1; 32], at(9)).await.unwrap(), Some(newer));
    assert_eq!(store.kept_answer(&[2; 32], at(9)).await.unwrap(), None);
    assert_eq!(store.kept_answer(&[1; 32], at(10)).await.unwrap(), None);
    assert_eq!(
        store.kept_figures(at(9)).await.unwrap(),
        KeptFigures { entries: 1, bytes: 5, similar: 0 }
    );
    assert_eq!(store.sweep_answers(at(10)).await.unwrap(), 1);
    assert_eq!(store.kept_figures(at(9)).await.unwrap(), KeptFigures::default());
}

pub(super) async fn a_purge_forgets_what_it_names_and_refuses_what_is_older(store: &dyn Store) {
    for (number, model) in [(1, "a"), (2, "b"), (3, "b"), (4, "c")] {
        store.keep_answer(&answer(number, model), None, 1).await.unwrap();
    }
    assert_eq!(store.shared_limits().await.unwrap().cache_generation, 1);
    let purge = async |what: Purge| store.purge_answers(&what, &change("p", 1)).await.unwrap().0;

    assert_eq!(purge(Purge::Model("b".into())).await, 2);
    assert_eq!(purge(Purge::One([1; 32])).await, 1);
    assert_eq!(purge(Purge::MadeBefore(at(1))).await, 0);
    assert_eq!(purge(Purge::MadeBefore(at(2))).await, 1);

    assert_eq!(store.shared_limits().await.unwrap().cache_generation, 5);
    assert!(
        !store.keep_answer(&answer(5, "a"), None, 4).await.unwrap(),
        "asked for before the purge"
    );
    assert!(store.keep_answer(&answer(5, "a"), None, 5).await.unwrap());
    assert_eq!(purge(Purge::All).await, 1);
}

pub(super) async fn a_vector_is_found_in_its_context_until_it_is_too_old(store: &dyn Store) {
    store.keep_answer(&answer(1, "m"), Some(&vector(1, 7)), 1).await.unwrap();
    let other = KeptVector { embedding: "other".into(), ..vector(2, 7) };
    store.keep_answer(&answer(2, "m"), Some(&other), 1).await.unwrap();
    store.keep_answer(&answer(3, "m"), Some(&vector(3, 8)), 1).await.unwrap();
    let found = async |now| store.kept_vectors(&[7; 32], "e", at(now)).await.unwrap();

    assert_eq!(found(4).await, [vector(1, 7)]);
    assert_eq!(found(5).await, []);
    assert_eq!(store.kept_figures(at(4)).await.unwrap().similar, 3);
    store.sweep_answers(at(5)).await.unwrap();
    assert_eq!(
        store.kept_figures(at(4)).await.unwrap(),
        KeptFigures { entries: 3, bytes: 27, similar: 0 }
    );

    // It is kept again, with another vector.
    let again = KeptVector { expires_at: at(9), ..vector(1, 7) };
    assert!(!store.keep_answer(&answer(1, "m"), Some(&again), 0).await.unwrap());
    assert_eq!(found(4).await, []);
    store.keep_answer(&answer(1, "m"), Some(&again), 1).await.unwrap();
    assert_eq!(found(4).await, [again]);
}

pub(super) async fn a_vector_goes_with_its_answer(store: &dyn Store) {
    let keep = async |generation| {
        for (number, model) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            let kept = answer(number, model);
            store.keep_answer(&kept, Some(&vector(number, 7)), generation).await.unwrap();
        }
    };
    let left = async || store.kept_vectors(&[7; 32], "e", at(4)).await.unwrap().len();
    let purges = [
        (Purge::Model("b".into()), 3),
        (Purge::One([1; 32]), 3),
        (Purge::MadeBefore(at(2)), 0),
        (Purge::All, 0),
    ];
    for (generation, (purge, expected)) in (1..).zip(purges) {
        keep(generation).await;
        assert_eq!(left().await, 4);
        store.purge_answers(&purge, &change("p", 1)).await.unwrap();
        assert_eq!(left().await, expected, "{purge:?}");
    }
    keep(5).await;
    store.sweep_answers(at(10)).await.unwrap();
    assert_eq!(left().await, 0);
}

pub(super) async fn the_newest_vectors_are_compared(store: &dyn Store) {
    for number in 0..=MOST_VECTORS {
        let mut kept = answer(0, "m");
        kept.key[..4].copy_from_slice(&number.to_be_bytes());
        kept.created_at = at(number.into());
        kept.expires_at = at(1_000);
        let found_by = KeptVector { key: kept.key, expires_at: at(1_000), ..vector(0, 7) };
        store.keep_answer(&kept, Some(&found_by), 1).await.unwrap();
    }

    let found = store.kept_vectors(&[7; 32], "e", at(1)).await.unwrap();

    assert_eq!(found.len(), MOST_VECTORS as usize);
    assert_eq!(found.first().unwrap().key[..4], MOST_VECTORS.to_be_bytes());
    assert_eq!(found.last().unwrap().key[..4], 1_u32.to_be_bytes());
}

fn vector(number: u8, context: u8) -> KeptVector {
    KeptVector {
        key: [number; 32],
        context: [context; 32],
        embedding: "e".into(),
        vector: Vector::scaled(&[1.0, -0.5, f32::from(number)]).unwrap(),
        expires_at: at(5),
    }
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
