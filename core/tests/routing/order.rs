//! Which targets are tried at all, and what becomes of a chain.

use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Ability, Ask, Nothing, State, order};
use tollgate_core::snapshot::routing::Routing;
use tollgate_core::snapshot::{Model, Target};

use crate::stand::{
    NOW_US, RATE_LIMITED, SECOND_US, ask, fail, first, model, named, names, next, order_of,
    rate_limited_for, succeed, target,
};

fn limited(name: &str, input: u64) -> Target {
    Target { max_input_tokens: Some(input), ..target(name) }
}

#[track_caller]
fn refused(model: &Model, ask: &Ask<'_>, expected: Nothing) {
    assert_eq!(order(model, ask, &mut State::default(), NOW_US).unwrap_err(), expected);
}

#[test]
fn targets_are_tried_as_they_are_configured() {
    let state = &mut State::default();
    assert_eq!(order_of(&named("a b/1 b/2 c"), &ask(), state), "a b/1 b/2 c");
    assert_eq!(order_of(&named("a"), &ask(), state), "a");
    refused(&Model::default(), &ask(), Nothing::NoTargets);
}

#[test]
fn targets_that_hold_too_little_are_skipped() {
    let model = model([limited("small", 99), limited("fits", 100), target("unknown")]);

    assert_eq!(order_of(&model, &ask(), &mut State::default()), "fits unknown");
}

#[test]
fn a_prompt_that_nobody_holds_is_refused_when_it_was_counted() {
    let model = model([limited("a", 20), limited("b", 50), limited("c", 50)]);

    refused(&model, &ask(), Nothing::TooLong { most_tokens: 50 });
    let estimated = Ask { prompt_is_exact: false, ..ask() };
    assert_eq!(order_of(&model, &estimated, &mut State::default()), "b c");
}

// proves: config.models[].targets[].max_output_tokens
#[test]
fn a_long_answer_prefers_those_that_give_it() {
    let short = Target { max_output_tokens: Some(1_000), ..target("short") };
    let long = Target { max_output_tokens: Some(8_000), ..target("long") };
    let model = model([short, long, target("unknown")]);
    let asking = |tokens| Ask { output_tokens: Some(tokens), ..ask() };
    let state = &mut State::default();

    assert_eq!(order_of(&model, &asking(1_000), state), "short long unknown");
    assert_eq!(order_of(&model, &asking(8_000), state), "long unknown");
    let all_short = model_of_short();
    assert_eq!(order_of(&all_short, &asking(8_000), state), "a b");
}

fn model_of_short() -> Model {
    let short = |name| Target { max_output_tokens: Some(1), ..target(name) };
    model([short("a"), short("b")])
}

// proves: config.models[].targets[].{tools,vision}
#[test]
fn tools_and_images_go_to_those_not_known_to_refuse_them() {
    let no_tools = Target { tools: Some(false), ..target("no-tools") };
    let blind = Target { vision: Some(false), ..target("blind") };
    let both = Target { tools: Some(true), vision: Some(true), ..target("both") };
    let model = model([no_tools, blind, both, target("unknown")]);
    let state = &mut State::default();

    let tools = Ask { tools: true, ..ask() };
    assert_eq!(order_of(&model, &tools, state), "blind both unknown");
    let vision = Ask { vision: true, ..ask() };
    assert_eq!(order_of(&model, &vision, state), "no-tools both unknown");
    let all = Ask { tools: true, vision: true, ..ask() };
    assert_eq!(order_of(&model, &all, state), "both unknown");
}

#[test]
fn what_nobody_can_be_given_is_named() {
    let neither = Target { tools: Some(false), vision: Some(false), ..limited("neither", 10) };
    let model = model([neither]);

    refused(&model, &Ask { tools: true, ..ask() }, Nothing::Unable(Ability::Tools));
    refused(&model, &Ask { vision: true, ..ask() }, Nothing::Unable(Ability::Vision));
}

// proves: config.{models[],combos[]}.max_attempts
#[test]
fn no_more_attempts_are_made_than_configured() {
    let mut model = named("a b c d");
    model.routing = Routing { max_attempts: 2, ..model.routing };
    let state = &mut State::default();
    let mut chain = order(&model, &ask(), state, NOW_US).unwrap();

    for name in ["a", "b"] {
        assert_ne!(chain.attempts_left(), 0);
        let attempt = next(&mut chain, &mut state.health, NOW_US).unwrap();
        assert_eq!(attempt.target().id, name);
        state.health.end(attempt);
    }
    assert_eq!(chain.attempts_left(), 0);
    assert!(next(&mut chain, &mut state.health, NOW_US).is_none());
}

#[test]
fn what_is_out_of_rotation_is_skipped() {
    let model = named("a b/1 b/2 c");
    let state = &mut State::default();
    fail(&mut state.health, &model.targets[0], RATE_LIMITED, NOW_US);
    fail(&mut state.health, &model.targets[1], Failure::CredentialRefused, NOW_US);

    assert_eq!(order_of(&model, &ask(), state), "b/2 c");
}

#[test]
fn a_target_that_went_out_meanwhile_is_passed_over() {
    let model = named("a b/1 b/2 c");
    let state = &mut State::default();
    let mut chain = order(&model, &ask(), state, NOW_US).unwrap();
    let begun = first(&mut chain, &mut state.health, NOW_US);
    fail(&mut state.health, &model.targets[1], RATE_LIMITED, NOW_US);
    fail(&mut state.health, &model.targets[2], RATE_LIMITED, NOW_US);

    let second = next(&mut chain, &mut state.health, NOW_US).unwrap();

    assert_eq!((begun.target().id.as_str(), second.target().id.as_str()), ("a", "c"));
    assert!(next(&mut chain, &mut state.health, NOW_US).is_none());
    state.health.end(begun);
    state.health.end(second);
}

#[test]
fn the_first_attempt_is_made_even_if_all_went_out_meanwhile() {
    let model = named("a b");
    let state = &mut State::default();
    let mut chain = order(&model, &ask(), state, NOW_US).unwrap();
    fail(&mut state.health, &model.targets[0], rate_limited_for(60), NOW_US);
    fail(&mut state.health, &model.targets[1], rate_limited_for(30), NOW_US);

    let attempt = first(&mut chain, &mut state.health, NOW_US);
    assert_eq!(attempt.target().id, "a");
    state.health.end(attempt);
    assert!(next(&mut chain, &mut state.health, NOW_US).is_none());
}

#[test]
fn when_all_are_out_the_one_that_comes_back_soonest_is_tried() {
    let model = named("a b c");
    let state = &mut State::default();
    fail(&mut state.health, &model.targets[0], rate_limited_for(60), NOW_US);
    fail(&mut state.health, &model.targets[1], rate_limited_for(30), NOW_US);
    fail(&mut state.health, &model.targets[2], rate_limited_for(90), NOW_US);

    for _ in 0..3 {
        assert_eq!(order_of(&model, &ask(), state), "b");
        let mut chain = order(&model, &ask(), state, NOW_US).unwrap();
        let attempt = first(&mut chain, &mut state.health, NOW_US);
        assert_eq!(attempt.target().id, "b");
    }
}

#[test]
fn a_refused_credential_is_not_tried_while_others_are_only_busy() {
    let model = named("refused busy");
    let state = &mut State::default();
    fail(&mut state.health, &model.targets[0], Failure::CredentialRefused, NOW_US);
    fail(&mut state.health, &model.targets[1], RATE_LIMITED, NOW_US);

    // Its pause is longer than that of the refused credential, and still it is better.
    fail(&mut state.health, &model.targets[1], rate_limited_for(500), NOW_US + 2 * SECOND_US);
    assert_eq!(order_of(&model, &ask(), state), "busy");
}

#[test]
fn refused_credentials_are_tried_by_one_request_at_a_time() {
    let model = named("a");
    let state = &mut State::default();
    fail(&mut state.health, &model.targets[0], Failure::CredentialRefused, NOW_US);

    let mut chain = order(&model, &ask(), state, NOW_US).unwrap();
    let mut attempt = first(&mut chain, &mut state.health, NOW_US);
    let until_us = NOW_US + 120 * SECOND_US;
    refused_in(state, &model, Nothing::OutOfRotation { until_us });

    assert_eq!(state.health.succeeded(&mut attempt, NOW_US + 1).len(), 1);
    state.health.end(attempt);
    assert_eq!(order_of(&model, &ask(), state), "a");
    assert!(succeed(&mut state.health, &model.targets[0], NOW_US + 2).is_empty());
}

#[track_caller]
fn refused_in(state: &mut State, model: &Model, expected: Nothing) {
    assert_eq!(order(model, &ask(), state, NOW_US).unwrap_err(), expected);
}

#[test]
fn a_prompt_that_was_too_long_goes_only_to_larger_targets() {
    let chain_after = |targets: Vec<Target>, failure: Failure| {
        let model = model(targets);
        let state = &mut State::default();
        let mut chain = order(&model, &ask(), state, NOW_US).unwrap();
        let attempt = first(&mut chain, &mut state.health, NOW_US);
        chain.retain(|other| failure.leaves(other, attempt.target()));
        state.health.end(attempt);
        names(&chain)
    };
    let other = || Target { model: "other".to_owned(), ..target("other") };
    let targets = || {
        vec![
            limited("a", 1_000),
            limited("same", 1_000),
            limited("larger", 1_001),
            limited("smaller", 999),
            target("unknown"),
            other(),
        ]
    };

    assert_eq!(chain_after(targets(), Failure::ContextTooLong), "larger other");
    assert_eq!(chain_after(targets(), Failure::ServerError), "same larger smaller unknown other");
    assert_eq!(chain_after(targets(), Failure::ClientError), "");
    let unknown = vec![target("a"), target("b"), other()];
    assert_eq!(chain_after(unknown, Failure::ContextTooLong), "other");
}
