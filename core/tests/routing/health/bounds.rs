//! That nothing goes on without end: no pause, and no memory.

use std::rc::Rc;

use proptest::prelude::*;
use tollgate_core::routing::Health;
use tollgate_core::routing::failure::Failure;
use tollgate_core::snapshot::routing::Resilience;
use tollgate_core::snapshot::{Model, Snapshot};

use super::{account, after, is_in, is_out};
use crate::stand::{NOW_US, RATE_LIMITED, fail, named, rate_limited_for, succeed};

#[test]
fn more_marks_than_there_is_room_for_push_out_old_ones() {
    let health = &mut Health::default();
    for n in 0..20_000 {
        fail(health, &account(&format!("p/{n}")), rate_limited_for(60), NOW_US);
    }
    let out = (0..20_000).filter(|n| !health.is_free(&account(&format!("p/{n}")), NOW_US)).count();

    assert_eq!(out, 4_096);
    is_out(health, &account("p/19999"), 0, 60);
}

#[test]
fn what_has_lapsed_goes_before_what_counts() {
    let health = &mut Health::default();
    for n in 0..4_000 {
        fail(health, &account(&format!("p/{n}")), rate_limited_for(5), NOW_US);
    }
    for n in 0..96 {
        fail(health, &account(&format!("q/{n}")), rate_limited_for(60), NOW_US);
    }
    for n in 0..4_000 {
        fail(health, &account(&format!("r/{n}")), rate_limited_for(60), after(10));
    }

    for n in 0..96 {
        is_out(health, &account(&format!("q/{n}")), 10, 60);
    }
}

#[test]
fn what_is_not_configured_any_more_loses_its_speed_but_not_its_requests() {
    let health = &mut Health::default();
    let busy = account("busy");
    let attempt = health.begin(&busy, NOW_US);
    for name in ["kept", "gone"] {
        succeed(health, &account(name), NOW_US);
    }
    let mut snapshot = Snapshot::default();
    snapshot.models.insert("model".to_owned(), Rc::<Model>::from(named("kept")));
    health.configured(&snapshot);

    assert_eq!(health.latency_us(&account("kept")), Some(0));
    assert_eq!(health.latency_us(&account("gone")), None);
    assert_eq!(health.in_flight(&busy), 1);
    health.end(attempt);
    assert_eq!(health.in_flight(&busy), 0);
}

#[test]
fn an_attempt_that_ends_without_a_word_leaves_no_trace() {
    let health = &mut Health::default();
    let target = account("a");
    for _ in 0..10 {
        let attempt = health.begin(&target, NOW_US);
        health.end(attempt);
    }

    assert_eq!(health.in_flight(&target), 0);
    assert_eq!(health.latency_us(&target), None);
    is_in(health, &target, 0);
    assert!(fail(health, &target, Failure::ServerError, NOW_US).is_empty());
}

proptest! {
    /// Whatever happens: nobody stays out longer than the longest pause after the last failure, a
    /// success brings back, and no more than one request tries an open circuit out.
    #[test]
    fn nobody_stays_out_for_ever(
        steps in prop::collection::vec((0..8_u8, 0..60_i64, any::<u64>()), 1..60),
    ) {
        let health = &mut Health::default();
        let target = &account("a");
        let mut at = 0;
        for (step, wait, random) in steps {
            at += wait;
            let failure = match step {
                0 => RATE_LIMITED,
                1 => rate_limited_for(wait * 9),
                2 => Failure::ServerError,
                3 => Failure::CredentialRefused,
                4 => Failure::ModelMissing,
                5 => Failure::QuotaExhausted { retry_after_us: None },
                6 => Failure::ClientError,
                _ => Failure::Timeout,
            };
            let mut attempt = health.begin(target, after(at));
            let _ = health.failed(&mut attempt, failure, &Resilience::default(), random, after(at));
            health.end(attempt);
        }
        is_in(health, target, at + 120);
        succeed(health, target, after(at + 120));
        is_in(health, target, at + 120);
    }
}
