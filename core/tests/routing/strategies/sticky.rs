//! Conversations that stay where they are.

use std::collections::BTreeMap;

use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Ask, State};
use tollgate_core::snapshot::Model;
use tollgate_core::snapshot::routing::Strategy;

use super::{IN_ORDER, about, random, shares};
use crate::stand::{NOW_US, ask, fail, named, order_of, succeed, with};

fn home(model: &Model, conversation: u64, state: &mut State) -> String {
    let ask = Ask { conversation: Some(random(conversation)), ..ask() };
    order_of(model, &ask, state)
}

#[test]
fn conversations_stay_where_they_are() {
    let model = with(named("a/1 a/2 a/3 b"), IN_ORDER, Strategy::Sticky);
    let state = &mut State::default();
    let shuffled = with(named("a/3 a/1 a/2 b"), IN_ORDER, Strategy::Sticky);

    for n in 0..100 {
        let first = home(&model, n, state);
        assert_eq!(first, home(&model, n, &mut State::default()));
        assert_eq!(first, home(&shuffled, n, state));
        assert!(first.ends_with(" b"));
    }
}

#[test]
fn an_account_that_vanishes_moves_only_its_own_conversations() {
    let before = with(named("a/1 a/2 a/3 a/4"), IN_ORDER, Strategy::Sticky);
    let after = with(named("a/1 a/2 a/4"), IN_ORDER, Strategy::Sticky);
    let state = &mut State::default();
    let mut moved = BTreeMap::<String, u32>::new();
    for n in 0..4_000 {
        let (first, then) = (home(&before, n, state), home(&after, n, state));
        let (first, then) = (&first[..3], &then[..3]);
        if first == "a/3" {
            *moved.entry(then.to_owned()).or_default() += 1;
        } else {
            assert_eq!(first, then);
        }
    }

    // A quarter of them, to all that are left.
    assert_eq!(moved.len(), 3);
    assert!(moved.values().all(|count| (250..420).contains(count)), "{moved:?}");
}

#[test]
fn an_account_that_is_out_lends_its_conversations_and_gets_them_back() {
    let model = with(named("a/1 a/2 a/3"), IN_ORDER, Strategy::Sticky);
    let state = &mut State::default();
    let first = home(&model, 7, state);
    let target = model.targets.iter().find(|target| first.starts_with(&target.id)).unwrap();
    fail(&mut state.health, target, Failure::CredentialRefused, NOW_US);

    assert_eq!(home(&model, 7, state), first[4..]);
    succeed(&mut state.health, target, NOW_US);
    assert_eq!(home(&model, 7, state), first);
}

#[test]
fn requests_of_no_conversation_are_spread() {
    let model = with(named("a/1 a/2"), IN_ORDER, Strategy::Sticky);

    about(&shares(&model, &mut State::default()), "a/1", 50);
}
