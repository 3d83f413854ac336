//! The strategies, of entries and of accounts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tollgate_core::routing::{Ask, State, order};
use tollgate_core::snapshot::routing::Strategy;
use tollgate_core::snapshot::{Model, Target};

use crate::stand::{
    NOW_US, ask, fail, first, model, named, next, order_of, rate_limited_for, target, with,
};

mod measured;
mod sticky;

const IN_ORDER: Strategy = Strategy::Unspecified;
const ALL: [Strategy; 9] = [
    Strategy::Unspecified,
    Strategy::Weighted,
    Strategy::RoundRobin,
    Strategy::Random,
    Strategy::LeastUsed,
    Strategy::LeastCost,
    Strategy::LeastLatency,
    Strategy::UsageHeadroom,
    Strategy::Sticky,
];

fn entries(names: &str, strategy: Strategy) -> Model {
    with(named(names), strategy, IN_ORDER)
}

/// Numbers that look random, the same ones each time.
fn random(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Counts who is first in many requests.
fn shares(model: &Model, state: &mut State) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for n in 0..10_000 {
        let first = order_of(model, &Ask { random: random(n), ..ask() }, state);
        *shares.entry(first.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    shares
}

#[track_caller]
fn about(shares: &BTreeMap<String, u32>, name: &str, percent: u32) {
    let share = shares.get(name).copied().unwrap_or_default();
    assert!(share.abs_diff(percent * 100) < 250, "{name} has {share} of 10000: {shares:?}");
}

fn weighted(name: &str, weight: u32) -> Target {
    Target { weight, ..target(name) }
}

// proves: config.models[].targets[].weight, config.combos[].models[].weight
#[test]
fn weights_are_shares() {
    let model = with(
        model([weighted("a", 1), weighted("b", 7), weighted("c", 2), weighted("d", 0)]),
        Strategy::Weighted,
        IN_ORDER,
    );
    let shares = shares(&model, &mut State::default());

    about(&shares, "a", 10);
    about(&shares, "b", 70);
    about(&shares, "c", 20);
    assert!(!shares.contains_key("d"));
}

#[test]
fn after_the_drawn_one_the_heaviest_follow() {
    let model = with(
        model([weighted("a", 1), weighted("b", 0), weighted("c", 5), weighted("d", 3)]),
        Strategy::Weighted,
        IN_ORDER,
    );
    let mut seen = BTreeSet::new();
    for n in 0..200 {
        let ask = Ask { random: random(n), ..ask() };
        seen.insert(order_of(&model, &ask, &mut State::default()));
    }

    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a c d b", "c d a b", "d c a b"]);
}

#[test]
fn without_weights_all_are_alike() {
    let model = with(model([weighted("a", 0), weighted("b", 0)]), Strategy::Weighted, IN_ORDER);
    let shares = shares(&model, &mut State::default());

    about(&shares, "a", 50);
    about(&shares, "b", 50);
}

// proves: config.providers[].accounts[].weight
#[test]
fn an_entry_weighs_as_much_with_many_accounts() {
    let model = with(named("a/1 a/2 a/3 b"), Strategy::Weighted, Strategy::Weighted);
    let shares = shares(&model, &mut State::default());

    about(&shares, "b", 50);
    about(&shares, "a/1", 17);
    about(&shares, "a/3", 17);
}

#[test]
fn an_account_that_is_out_leaves_its_share_to_the_others() {
    let model = with(
        model([weighted("a", 2), weighted("b", 1), weighted("c", 1)]),
        Strategy::Weighted,
        IN_ORDER,
    );
    let state = &mut State::default();
    fail(&mut state.health, &model.targets[0], rate_limited_for(60), NOW_US);

    about(&shares(&model, state), "b", 50);
}

// proves: config.{models[],combos[]}.strategy, combo.strategy
#[test]
fn turns_go_round() {
    let state = &mut State::default();
    let model = entries("a b c", Strategy::RoundRobin);
    let mut next = || order_of(&model, &ask(), state);

    assert_eq!([next(), next(), next(), next()], ["a b c", "b c a", "c a b", "a b c"]);
}

#[test]
fn turns_stay_even_when_one_is_out() {
    let state = &mut State::default();
    let model = entries("a b c", Strategy::RoundRobin);
    fail(&mut state.health, &model.targets[1], rate_limited_for(60), NOW_US);
    let mut next = || order_of(&model, &ask(), state);

    assert_eq!([next(), next(), next(), next()], ["a c", "c a", "a c", "c a"]);
}

// proves: config.{models[],combos[]}.account_strategy
#[test]
fn accounts_take_turns_within_their_entry() {
    let state = &mut State::default();
    let model = with(named("a/1 a/2 a/3 b"), IN_ORDER, Strategy::RoundRobin);
    let mut next = || order_of(&model, &ask(), state);

    assert_eq!([next(), next()], ["a/1 a/2 a/3 b", "a/2 a/3 a/1 b"]);
}

#[test]
fn models_take_turns_of_their_own() {
    let state = &mut State::default();
    let one = entries("a b", Strategy::RoundRobin);
    let other = Model { name: "other".to_owned(), ..entries("a b", Strategy::RoundRobin) };

    assert_eq!(order_of(&one, &ask(), state), "a b");
    assert_eq!(order_of(&other, &ask(), state), "a b");
    assert_eq!(order_of(&one, &ask(), state), "b a");
}

#[test]
fn chance_treats_all_alike() {
    let shares = shares(&entries("a b c d", Strategy::Random), &mut State::default());

    for name in ["a", "b", "c", "d"] {
        about(&shares, name, 25);
    }
}

#[test]
fn accounts_are_drawn_independently_of_entries() {
    let model = with(named("a/1 a/2 b/1 b/2"), Strategy::Random, Strategy::Random);
    let shares = shares(&model, &mut State::default());

    for name in ["a/1", "a/2", "b/1", "b/2"] {
        about(&shares, name, 25);
    }
}

#[test]
fn accounts_of_an_entry_stand_together() {
    for strategy in ALL {
        for accounts in ALL {
            let model = with(named("a/1 a/2 b/1 b/2 b/3 c"), strategy, accounts);
            for n in 0..20 {
                let ask = Ask { random: random(n), conversation: Some(n), ..ask() };
                let order = order_of(&model, &ask, &mut State::default());
                let providers: Vec<_> =
                    order.split(' ').map(|name| name.split('/').next().unwrap()).collect();
                let runs = providers.chunk_by(|one, other| one == other).count();
                assert_eq!((providers.len(), runs), (6, 3), "{strategy:?} {accounts:?} {order}");
            }
        }
    }
}

proptest! {
    /// Whatever the strategy and the health: each target that is in rotation is tried once, and
    /// none that is out unless all are.
    #[test]
    fn every_target_in_rotation_is_tried_once(
        strategy in 0..9_usize,
        accounts in 0..9_usize,
        weights in prop::collection::vec(0..4_u32, 1..9),
        out in prop::collection::vec(any::<bool>(), 9),
        random in any::<u64>(),
    ) {
        let targets = weights.iter().enumerate().map(|(n, weight)| {
            weighted(&format!("p{}/{n}", n / 3), *weight)
        });
        let model = with(model(targets), ALL[strategy], ALL[accounts]);
        let state = &mut State::default();
        let mut inside = BTreeSet::new();
        for (target, out) in model.targets.iter().zip(out) {
            if out {
                fail(&mut state.health, target, rate_limited_for(9), NOW_US);
            } else {
                inside.insert(target.id.clone());
            }
        }
        let mut chain =
            order(&model, &Ask { random, ..ask() }, state, NOW_US).unwrap();
        let mut tried = Vec::new();
        let mut attempt = Some(first(&mut chain, &mut state.health, NOW_US));
        while let Some(begun) = attempt {
            tried.push(begun.target().id.clone());
            state.health.end(begun);
            attempt = next(&mut chain, &mut state.health, NOW_US);
        }

        if inside.is_empty() {
            prop_assert_eq!(tried.len(), 1);
        } else {
            prop_assert_eq!(tried.len(), inside.len());
            prop_assert_eq!(tried.into_iter().collect::<BTreeSet<_>>(), inside);
        }
    }
}
