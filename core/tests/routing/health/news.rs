//! What workers and gateways tell each other of accounts.

use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Health, Standing};
use tollgate_proto::v1::{HealthMark, HealthState};

use super::{account, after, is_in, is_out, open, other_model};
use crate::stand::{NOW_US, RATE_LIMITED, SECOND_US, fail, rate_limited_for, succeed};

fn mark(account: &str, model: &str, state: HealthState, until: i64) -> HealthMark {
    HealthMark {
        provider: "a".to_owned(),
        account: account.to_owned(),
        model: model.to_owned(),
        state: state.into(),
        until_us: if state == HealthState::Unspecified { 0 } else { after(until) },
        level: u32::from(state != HealthState::Unspecified),
        reason: String::new(),
    }
}

#[test]
fn what_goes_out_is_told_with_its_reason() {
    let health = &mut Health::default();
    let told = fail(health, &account("a/1"), rate_limited_for(20), NOW_US);
    let expected = HealthMark {
        level: 0,
        reason: "rate_limited".to_owned(),
        ..mark("1", "m", HealthState::Cooling, 20)
    };
    assert_eq!(told, [expected]);

    let told = fail(health, &account("a/1"), Failure::CredentialRefused, NOW_US);
    let expected = HealthMark {
        reason: "credential_refused".to_owned(),
        ..mark("1", "", HealthState::Refused, 120)
    };
    assert_eq!(told, [expected]);
}

#[test]
fn an_open_circuit_is_told_once_it_opens() {
    let health = &mut Health::default();
    let target = &account("a");
    let mut told = Vec::new();
    for _ in 0..9 {
        told.extend(fail(health, target, Failure::ServerError, NOW_US));
    }

    let expected =
        HealthMark { reason: "server_error".to_owned(), ..mark("", "m", HealthState::Open, 30) };
    assert_eq!(told, [expected]);
}

#[test]
fn what_comes_back_early_is_told() {
    let health = &mut Health::default();
    open(health, &account("a"), 0);
    assert_eq!(
        succeed(health, &account("a"), after(30)),
        [mark("", "m", HealthState::Unspecified, 0)]
    );

    fail(health, &account("a/1"), Failure::CredentialRefused, NOW_US);
    assert_eq!(
        succeed(health, &other_model("a/1"), after(1)),
        [mark("1", "", HealthState::Unspecified, 0)]
    );
    assert!(succeed(health, &account("a/1"), after(2)).is_empty());
}

#[test]
fn what_comes_back_by_itself_is_not_worth_a_word() {
    let health = &mut Health::default();
    fail(health, &account("a"), rate_limited_for(20), NOW_US);

    assert!(succeed(health, &account("a"), after(20)).is_empty());
}

#[test]
fn a_row_of_failures_that_opened_nothing_is_not_told() {
    let health = &mut Health::default();

    assert!(fail(health, &account("a"), Failure::ServerError, NOW_US).is_empty());
    assert!(succeed(health, &account("a"), NOW_US).is_empty());
    assert!(fail(health, &account("a"), Failure::ClientError, NOW_US).is_empty());
}

#[test]
fn who_goes_out_and_in_all_the_time_is_told_of_once_a_second() {
    let health = &mut Health::default();
    let target = &account("a");
    let mut told = 0;
    for ms in 0..5_000 {
        let now_us = NOW_US + ms * 1_000;
        told += fail(health, target, RATE_LIMITED, now_us).len();
        told += succeed(health, target, now_us).len();
    }

    // Out and in again, each second.
    assert_eq!(told, 10);
}

#[test]
fn marks_of_others_count_as_ones_own() {
    let health = &mut Health::default();
    health.hear(&mark("1", "m", HealthState::Cooling, 20), NOW_US);
    health.hear(&mark("2", "", HealthState::Refused, 40), NOW_US);
    health.hear(&mark("3", "m", HealthState::Open, 30), NOW_US);

    is_out(health, &account("a/1"), 0, 20);
    is_in(health, &other_model("a/1"), 0);
    is_out(health, &other_model("a/2"), 0, 40);
    is_out(health, &account("a/3"), 0, 30);
    // One request of this worker tries it out as well.
    is_in(health, &account("a/3"), 30);
    let probe = health.begin(&account("a/3"), after(30));
    is_out(health, &account("a/3"), 30, 90);
    health.end(probe);

    health.hear(&mark("1", "m", HealthState::Unspecified, 0), NOW_US);
    is_in(health, &account("a/1"), 0);
}

#[test]
fn the_level_of_others_counts_on() {
    let health = &mut Health::default();
    let heard = HealthMark { level: 3, ..mark("", "m", HealthState::Open, 30) };
    health.hear(&heard, NOW_US);
    fail(health, &account("a"), Failure::ServerError, after(30));

    // 30 s, doubled three times, and no longer than the longest.
    is_out(health, &account("a"), 30, 150);
}

#[test]
fn a_pause_that_is_over_is_not_heard() {
    let health = &mut Health::default();
    health.hear(&mark("", "m", HealthState::Cooling, 0), NOW_US);

    assert!(succeed(health, &account("a"), NOW_US).is_empty());
    is_in(health, &account("a"), 0);
}

#[test]
fn ones_own_mark_heard_again_changes_nothing() {
    let health = &mut Health::default();
    let target = &account("a");
    let told = fail(health, target, rate_limited_for(20), NOW_US);
    let mut attempt = health.begin(target, after(1));
    health.hear(&told[0], after(2));

    // It would not count had the mark been made after the attempt began.
    assert_eq!(health.succeeded(&mut attempt, after(3)).len(), 1);
    health.end(attempt);
}

#[test]
fn a_snapshot_is_the_whole_truth() {
    let health = &mut Health::default();
    fail(health, &account("a/1"), rate_limited_for(60), NOW_US);
    for _ in 0..4 {
        fail(health, &account("a/2"), Failure::ServerError, NOW_US);
    }
    health.replace(&[mark("3", "m", HealthState::Cooling, 20)], NOW_US);

    is_in(health, &account("a/1"), 0);
    is_out(health, &account("a/3"), 0, 20);
    // What is not told of is nobody else's truth.
    fail(health, &account("a/2"), Failure::ServerError, NOW_US);
    is_out(health, &account("a/2"), 0, 30);
}

#[test]
fn a_snapshot_that_says_the_same_disturbs_no_trial() {
    let health = &mut Health::default();
    let target = &account("a");
    let told: Vec<_> =
        (0..5).flat_map(|_| fail(health, target, Failure::ServerError, NOW_US)).collect();
    let probe = health.begin(target, after(30));
    health.replace(&told, after(31));

    let until_us = after(90);
    let standing = health.standing(target, after(31));
    assert_eq!(standing, Standing::Out { until_us, refused: false, tried: true });
    health.end(probe);
}

#[test]
fn marks_name_no_more_than_names() {
    let health = &mut Health::default();
    let told = fail(health, &account("a/1"), Failure::ModelMissing, NOW_US);

    assert_eq!(told[0].reason, "model_missing");
    assert_eq!(told[0].until_us, NOW_US + 120 * SECOND_US);
}
