//! What depends on prices, on what was measured, and on what is left.

use std::rc::Rc;

use tollgate_core::money::AttoDollars;
use tollgate_core::price::{Price, PriceTier};
use tollgate_core::routing::{Ask, State, order};
use tollgate_core::snapshot::Target;
use tollgate_core::snapshot::routing::Strategy;

use super::{IN_ORDER, entries};
use crate::stand::{NOW_US, SECOND_US, ask, model, named, names, next, order_of, target, with};

#[test]
fn the_least_used_has_the_fewest_requests_in_flight() {
    let state = &mut State::default();
    let model = entries("a b c", Strategy::LeastUsed);
    let mut attempts = Vec::new();
    let mut begin = |n: usize, at_us| {
        attempts.push(state.health.begin(&model.targets[n], NOW_US + at_us));
    };
    begin(0, 0);
    begin(0, 1);
    begin(1, 2);
    begin(2, 3);

    assert_eq!(order_of(&model, &ask(), state), "b c a");
    state.health.end(attempts.remove(0));
    assert_eq!(order_of(&model, &ask(), state), "a b c");
    state.health.end(attempts.remove(0));
    assert_eq!(state.health.in_flight(&model.targets[0]), 0);
    assert_eq!(order_of(&model, &ask(), state), "a b c");
}

#[test]
fn among_equally_used_the_one_asked_longest_ago_is_next() {
    let state = &mut State::default();
    let model = entries("a b c", Strategy::LeastUsed);
    for (n, expected) in (0..).zip(["a b c", "b c a", "c a b", "a b c"]) {
        let mut chain = order(&model, &ask(), state, NOW_US + n).unwrap();
        let attempt = next(&mut chain, &mut state.health, NOW_US + n).unwrap();

        let left = [attempt.target().id.clone(), names(&chain)].join(" ");
        assert_eq!(left, expected);
        state.health.end(attempt);
    }
}

fn priced(name: &str, input: u64, output: u64) -> Target {
    let price = Price {
        input: AttoDollars(input * 1_000_000_000),
        output: AttoDollars(output * 1_000_000_000),
        ..Price::default()
    };
    Target { price: Some(price), ..target(name) }
}

#[test]
fn the_cheapest_is_that_for_this_request() {
    let free = Target { free: true, ..target("free") };
    let model = with(
        model([target("unknown"), priced("in", 1, 50), priced("out", 10, 10), free]),
        Strategy::LeastCost,
        IN_ORDER,
    );
    let asking = |prompt_tokens, output| Ask { prompt_tokens, output_tokens: output, ..ask() };
    let state = &mut State::default();

    assert_eq!(order_of(&model, &asking(1_000, Some(10)), state), "free in out unknown");
    assert_eq!(order_of(&model, &asking(10, Some(1_000)), state), "free out in unknown");
    assert_eq!(order_of(&model, &asking(10, None), state), "free out in unknown");
    assert_eq!(order_of(&model, &asking(1_000_000, None), state), "free in out unknown");
}

#[test]
fn the_price_of_long_prompts_counts() {
    let mut tiered = priced("tiered", 1, 1);
    tiered.price.as_mut().unwrap().tiers = vec![PriceTier {
        above: 1_000,
        input: Some(AttoDollars(9_000_000_000)),
        ..PriceTier::default()
    }];
    let model = with(model([priced("flat", 2, 1), tiered]), Strategy::LeastCost, IN_ORDER);
    let asking = |prompt_tokens| Ask { prompt_tokens, ..ask() };
    let state = &mut State::default();

    assert_eq!(order_of(&model, &asking(1_000), state), "tiered flat");
    assert_eq!(order_of(&model, &asking(1_001), state), "flat tiered");
}

fn answer(state: &mut State, target: &Rc<Target>, at_us: i64, took_us: i64) {
    let mut attempt = state.health.begin(target, at_us);
    let _ = state.health.succeeded(&mut attempt, at_us + took_us);
    state.health.end(attempt);
}

#[test]
fn the_fastest_of_late_is_first() {
    let state = &mut State::default();
    let model = entries("a b c", Strategy::LeastLatency);
    for (target, took_us) in model.targets.iter().zip([300_000, 100_000, 200_000]) {
        answer(state, target, NOW_US, took_us);
    }
    assert_eq!(order_of(&model, &ask(), state), "b c a");

    for _ in 0..8 {
        answer(state, &model.targets[1], NOW_US, 900_000);
    }
    assert_eq!(order_of(&model, &ask(), state), "c a b");
    assert_eq!(state.health.latency_us(&model.targets[2]), Some(200_000));
}

#[test]
fn who_was_not_measured_is_tried_by_one_request() {
    let state = &mut State::default();
    let model = entries("a new", Strategy::LeastLatency);
    answer(state, &model.targets[0], NOW_US, 100_000);

    assert_eq!(order_of(&model, &ask(), state), "new a");
    let attempt = state.health.begin(&model.targets[1], NOW_US);
    assert_eq!(order_of(&model, &ask(), state), "a new");
    state.health.end(attempt);
    assert_eq!(order_of(&model, &ask(), state), "a new");
}

#[test]
fn a_measurement_that_is_old_is_made_again() {
    let state = &mut State::default();
    let model = entries("a b", Strategy::LeastLatency);
    answer(state, &model.targets[0], NOW_US, 100_000);
    answer(state, &model.targets[1], NOW_US, 900_000);
    answer(state, &model.targets[0], NOW_US + 300 * SECOND_US, 100_000);
    let later = |state: &mut State, seconds| {
        let chain = order(&model, &ask(), state, NOW_US + seconds * SECOND_US).unwrap();
        names(&chain)
    };

    assert_eq!(later(state, 299), "a b");
    assert_eq!(later(state, 301), "b a");
}

#[test]
fn most_left_of_limits_is_first() {
    let left = |target: &Target| match target.id.as_str() {
        "a" => 0.2,
        "b" => 0.9,
        "c" => f64::NAN,
        _ => 0.5,
    };
    let ask = Ask { headroom: &left, ..ask() };
    let model = entries("a b c d", Strategy::UsageHeadroom);

    assert_eq!(order_of(&model, &ask, &mut State::default()), "b d a c");
    let accounts = with(named("x/1 b"), IN_ORDER, Strategy::UsageHeadroom);
    assert_eq!(order_of(&accounts, &ask, &mut State::default()), "x/1 b");
}
