//! Who goes out of rotation, for how long, and how it comes back.

use std::rc::Rc;

use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Health, Standing};
use tollgate_core::snapshot::Target;
use tollgate_core::snapshot::routing::Resilience;

use crate::stand::{
    MIDDLE, NOW_US, RATE_LIMITED, SECOND_US, fail, rate_limited_for, succeed, target,
};

mod bounds;
mod news;

fn account(name: &str) -> Rc<Target> {
    Rc::new(target(name))
}

fn other_model(name: &str) -> Rc<Target> {
    Rc::new(Target { model: "other".to_owned(), ..target(name) })
}

fn after(seconds: i64) -> i64 {
    NOW_US + seconds * SECOND_US
}

#[track_caller]
fn is_in(health: &Health, target: &Target, seconds: i64) {
    assert_eq!(health.standing(target, after(seconds)), Standing::In, "after {seconds} s");
}

#[track_caller]
fn is_out(health: &Health, target: &Target, seconds: i64, until: i64) {
    match health.standing(target, after(seconds)) {
        Standing::Out { until_us, .. } => {
            assert_eq!((until_us - NOW_US) / SECOND_US, until, "after {seconds} s");
        }
        Standing::In => panic!("in rotation after {seconds} s"),
    }
}

#[test]
fn a_rate_limit_is_one_models_and_ends_when_the_provider_said() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), rate_limited_for(20), NOW_US);

    is_out(health, &account("a/1"), 0, 20);
    is_out(health, &account("a/1"), 19, 20);
    is_in(health, &account("a/1"), 20);
    is_in(health, &other_model("a/1"), 0);
    is_in(health, &account("a/2"), 0);
    is_in(health, &account("b/1"), 0);
}

#[test]
fn no_pause_is_longer_than_the_longest() {
    for failure in
        [rate_limited_for(86_400), Failure::Overloaded { retry_after_us: Some(i64::MAX) }]
    {
        let health = &mut Health::default();
        fail(health, &account("a"), failure, NOW_US);
        is_out(health, &account("a"), 0, 120);
    }
}

#[test]
fn pauses_without_a_time_double_until_something_works() {
    let health = &mut Health::default();
    let target = &account("a");
    let mut at = 0;
    for pause in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
        fail(health, target, RATE_LIMITED, after(at));
        is_out(health, target, at, at + pause);
        at += pause;
        is_in(health, target, at);
    }
    succeed(health, target, after(at));
    fail(health, target, RATE_LIMITED, after(at));
    is_out(health, target, at, at + 1);
}

#[test]
fn pauses_vary_by_a_quarter() {
    let pause = |random| {
        let health = &mut Health::default();
        let target = account("a");
        let mut attempt = health.begin(&target, NOW_US);
        let resilience = Resilience::default();
        let _ = health.failed(&mut attempt, RATE_LIMITED, &resilience, random, NOW_US);
        health.end(attempt);
        match health.standing(&target, NOW_US) {
            Standing::Out { until_us, .. } => until_us - NOW_US,
            Standing::In => 0,
        }
    };

    assert_eq!(pause(MIDDLE), SECOND_US);
    assert!((740_000..760_000).contains(&pause(0)), "{}", pause(0));
    assert!((1_240_000..1_260_000).contains(&pause(511)), "{}", pause(511));
    assert_eq!(pause(u64::MAX), pause(511));
}

#[test]
fn failures_in_a_row_open_the_circuit_of_a_model() {
    let health = &mut Health::default();
    let target = &account("a");
    for _ in 0..4 {
        fail(health, target, Failure::ServerError, NOW_US);
        is_in(health, target, 0);
    }
    fail(health, target, Failure::Timeout, NOW_US);

    is_out(health, target, 0, 30);
    is_in(health, &other_model("a"), 0);
}

#[test]
fn all_kinds_of_failing_count_alike() {
    let health = &mut Health::default();
    let target = &account("a");
    for failure in [
        Failure::ServerError,
        Failure::Timeout,
        Failure::ContentMissing,
        Failure::Overloaded { retry_after_us: None },
    ] {
        fail(health, target, failure, NOW_US);
    }
    is_in(health, target, 0);
    fail(health, target, Failure::ContentMissing, NOW_US);
    is_out(health, target, 0, 30);
}

#[test]
fn an_answer_ends_a_row_of_failures() {
    for answer in
        [Failure::ClientError, Failure::ContextTooLong, Failure::Unable, Failure::TooLarge]
    {
        let health = &mut Health::default();
        let target = &account("a");
        for _ in 0..10 {
            for _ in 0..4 {
                fail(health, target, Failure::ServerError, NOW_US);
            }
            is_in(health, target, 0);
            fail(health, target, answer, NOW_US);
        }
        for _ in 0..4 {
            fail(health, target, Failure::ServerError, NOW_US);
        }
        succeed(health, target, NOW_US);
        fail(health, target, Failure::ServerError, NOW_US);
        is_in(health, target, 0);
    }
}

fn open(health: &mut Health, target: &Rc<Target>, at: i64) {
    for _ in 0..5 {
        fail(health, target, Failure::ServerError, after(at));
    }
}

#[test]
fn one_request_tries_an_open_circuit_out() {
    let health = &mut Health::default();
    let target = &account("a");
    open(health, target, 0);

    is_in(health, target, 30);
    let mut probe = health.begin(target, after(30));
    is_out(health, target, 30, 90);
    is_out(health, target, 89, 90);
    let _ = health.succeeded(&mut probe, after(31));
    is_in(health, target, 31);
    health.end(probe);
    // It is as if nothing had been.
    open(health, target, 40);
    is_out(health, target, 40, 70);
}

#[test]
fn a_failed_trial_opens_the_circuit_for_twice_as_long() {
    let health = &mut Health::default();
    let target = &account("a");
    open(health, target, 0);
    let mut at = 30;
    for pause in [60, 120, 120] {
        fail(health, target, Failure::ServerError, after(at));
        is_out(health, target, at, at + pause);
        at += pause;
    }
}

#[test]
fn a_trial_that_is_given_up_leaves_it_to_the_next() {
    let health = &mut Health::default();
    let target = &account("a");
    open(health, target, 0);

    let probe = health.begin(target, after(30));
    is_out(health, target, 30, 90);
    health.end(probe);
    is_in(health, target, 30);
    let lost = health.begin(target, after(30));
    is_in(health, target, 91);
    let _ = health.begin(target, after(91));
    is_out(health, target, 91, 151);
    // The one that was lost is not the one that tries now.
    health.end(lost);
    is_out(health, target, 91, 151);
}

#[test]
fn a_trial_that_the_client_spoiled_still_shows_that_it_works() {
    let health = &mut Health::default();
    let target = &account("a");
    open(health, target, 0);
    fail(health, target, Failure::ClientError, after(30));

    is_in(health, target, 30);
    fail(health, target, Failure::ServerError, after(30));
    is_in(health, target, 30);
}

#[test]
fn a_refused_credential_takes_the_whole_account_out() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), Failure::CredentialRefused, NOW_US);

    for out in [account("a/1"), other_model("a/1")] {
        let standing = health.standing(&out, NOW_US);
        let until_us = after(120);
        assert_eq!(standing, Standing::Out { until_us, refused: true, tried: false });
    }
    is_in(health, &account("a/2"), 0);
}

#[test]
fn what_was_refused_is_tried_by_one_request_when_its_time_is_over() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), Failure::CredentialRefused, NOW_US);

    is_in(health, &account("a/1"), 120);
    let mut probe = health.begin(&other_model("a/1"), after(120));
    is_out(health, &account("a/1"), 120, 180);
    let resilience = Resilience::default();
    let _ = health.failed(&mut probe, Failure::CredentialRefused, &resilience, MIDDLE, after(121));
    health.end(probe);
    is_out(health, &account("a/1"), 121, 241);
}

#[test]
fn an_account_without_money_is_out_with_all_models() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), Failure::QuotaExhausted { retry_after_us: None }, NOW_US);
    is_out(health, &other_model("a/1"), 0, 120);

    let health = &mut Health::default();
    let soon = Failure::QuotaExhausted { retry_after_us: Some(7 * SECOND_US) };
    fail(health, &account("a/1"), soon, NOW_US);
    is_out(health, &other_model("a/1"), 0, 7);
}

#[test]
fn a_missing_model_is_missed_at_one_account_alone() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), Failure::ModelMissing, NOW_US);

    is_out(health, &account("a/1"), 0, 120);
    is_in(health, &other_model("a/1"), 0);
    is_in(health, &account("a/2"), 0);
}

/// Begins attempts at once, and ends them one after the other.
fn parallel(health: &mut Health, failures: &[Failure]) {
    let target = &account("a");
    let attempts: Vec<_> = failures.iter().map(|_| health.begin(target, NOW_US)).collect();
    for ((mut attempt, failure), n) in attempts.into_iter().zip(failures).zip(1..) {
        let resilience = Resilience::default();
        let _ = health.failed(&mut attempt, *failure, &resilience, MIDDLE, after(n));
        health.end(attempt);
    }
}

#[test]
fn late_failures_of_parallel_requests_extend_nothing() {
    let health = &mut Health::default();
    parallel(health, &[rate_limited_for(10); 5]);
    is_out(health, &account("a"), 5, 11);

    let health = &mut Health::default();
    parallel(health, &[RATE_LIMITED; 9]);
    is_in(health, &account("a"), 9);

    let health = &mut Health::default();
    parallel(health, &[Failure::ServerError; 12]);
    is_out(health, &account("a"), 12, 35);
}

#[test]
fn a_late_success_of_a_parallel_request_ends_no_pause() {
    let health = &mut Health::default();
    let target = &account("a");
    let mut early = health.begin(target, NOW_US);
    fail(health, target, rate_limited_for(10), after(1));

    assert!(health.succeeded(&mut early, after(2)).is_empty());
    is_out(health, target, 2, 11);
    health.end(early);
    assert_eq!(succeed(health, target, after(3)).len(), 1);
    is_in(health, target, 3);
}

#[test]
fn requests_that_are_tried_all_the_same_do_not_lengthen_guessed_pauses() {
    let health = &mut Health::default();
    let target = &account("a");
    for at in 0..29 {
        open(health, target, at);
        fail(health, target, RATE_LIMITED, after(at));
    }
    is_out(health, target, 29, 30);
}

#[test]
fn a_longer_pause_that_is_named_counts_and_a_shorter_one_does_not() {
    let health = &mut Health::default();
    let target = &account("a");
    fail(health, target, rate_limited_for(20), NOW_US);
    fail(health, target, rate_limited_for(5), after(1));
    is_out(health, target, 1, 20);
    fail(health, target, rate_limited_for(40), after(2));
    is_out(health, target, 2, 42);
}

#[test]
fn a_named_pause_does_not_forget_how_often_guesses_were_wrong() {
    let health = &mut Health::default();
    let target = &account("a");
    open(health, target, 0);
    fail(health, target, rate_limited_for(50), after(30));
    is_out(health, target, 30, 80);
    fail(health, target, RATE_LIMITED, after(80));
    is_out(health, target, 80, 82);
}

#[test]
fn resilience_is_as_configured() {
    let resilience = Resilience {
        failures: 1,
        open_us: 2 * SECOND_US,
        cooldown_us: 3 * SECOND_US,
        longest_cooldown_us: 4 * SECOND_US,
        refused_us: 5 * SECOND_US,
    };
    for (failure, until) in [
        (Failure::ServerError, 2),
        (RATE_LIMITED, 3),
        (rate_limited_for(60), 4),
        (Failure::QuotaExhausted { retry_after_us: None }, 4),
        (Failure::ModelMissing, 4),
        (Failure::CredentialRefused, 5),
    ] {
        let health = &mut Health::default();
        let target = account("a");
        let mut attempt = health.begin(&target, NOW_US);
        let _ = health.failed(&mut attempt, failure, &resilience, MIDDLE, NOW_US);
        health.end(attempt);
        is_out(health, &target, 0, until);
    }
}
