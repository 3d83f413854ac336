use super::*;
use crate::domain::meter::account::tests::{at, row};
use crate::domain::{Dimension, Window};

fn page(window: &str, amount: i64) -> Page {
    let (seconds, lease) = (Seconds::default(), Lease::default());
    Page { row: row(window, amount), seconds, lease, others_idle: 0 }
}

/// A page on which others hold as much, so much of it idle.
fn shared(amount: i64, used: i64, others: i64, others_idle: i64) -> Page {
    let mut page = Page { others_idle, ..page("none", amount) };
    (page.row.used, page.row.granted) = (used, others);
    page
}

fn says(idle: i64, reserved: i64, need: i64, want: i64) -> Statement {
    let (meter, consumed_at) = (1, at(100));
    Statement { meter, consumed: 0, consumed_at, idle, reserved, need, want }
}

fn asks(page: &mut Page, need: i64, want: i64) -> Answer {
    let Lease { held, idle } = page.lease;
    page.report(&says(idle, held - idle, need, want), Order::Next, &[], at(100))
}

#[test]
fn a_holder_gets_what_it_needs_or_nothing() {
    for (amount, need, want, granted) in [
        (100, 10, 10, 10),
        (100, 10, 50, 50),
        (100, 30, 500, 100),
        (100, 100, 100, 100),
        (100, 101, 200, 0),
        (100, 0, 50, 25),
        (100, 5, 0, 5),
        (100, 0, 0, 0),
        (3, 1, 9, 3),
        (1, 1, 1, 1),
        (0, 1, 1, 0),
        (-5, 1, 1, 0),
        (i64::MAX, 1, i64::MAX, i64::MAX),
    ] {
        let mut page = page("none", amount);

        let answer = asks(&mut page, need, want);

        assert_eq!(answer.granted, granted, "{need} to {want} of {amount}");
        assert_eq!(page.row.granted, granted);
    }
}

#[test]
fn one_holder_alone_can_use_all_of_it() {
    let mut page = page("none", 100);
    let mut used = 0;

    while asks(&mut page, 1, 8).granted > 0 {
        used = page.lease.held;
    }

    assert_eq!((used, page.row.available()), (100, 0));
}

#[test]
fn whoever_gets_nothing_is_told_what_to_do() {
    for (amount, used, others, idle, need, outlook) in [
        (100, 0, 95, 95, 10, Outlook::Wait),
        (100, 0, 95, 0, 10, Outlook::Wait),
        (100, 91, 9, 9, 10, Outlook::Exhausted),
        (100, 90, 10, 0, 10, Outlook::Wait),
        (100, 91, 0, 0, 10, Outlook::Exhausted),
        (100, 100, 0, 0, 1, Outlook::Exhausted),
        (100, 120, 50, 50, 1, Outlook::Exhausted),
        (100, 0, 50, 50, 101, Outlook::Exhausted),
        (100, 0, 0, 0, 10, Outlook::Plenty),
        (100, 85, 0, 0, 10, Outlook::Tight),
        (100, 80, 0, 0, 0, Outlook::Plenty),
        (100, 95, 0, 0, 0, Outlook::Tight),
    ] {
        let answer = asks(&mut shared(amount, used, others, idle), need, need);

        assert_eq!(answer.outlook, outlook, "{need} of {amount}: {used} used, {others} held");
        assert_eq!(answer.recall, outlook == Outlook::Wait);
    }
}

#[test]
fn what_others_keep_idle_counts_as_left() {
    let mut page = shared(100, 20, 30, 12);
    page.lease = Lease { held: 9, idle: 4 };
    page.row.granted += 9;

    let answer = asks(&mut page, 0, 0);

    assert_eq!((answer.left, answer.used, answer.limit), (100 - 20 - 18 - 5, 20, 100));
}

#[test]
fn a_record_moves_its_units_from_held_to_used() {
    let mut page = page("none", 100);
    asks(&mut page, 40, 40);

    page.report(&says(0, 15, 0, 0), Order::Next, &[(10, at(99)), (5, at(98))], at(100));

    assert_eq!((page.row.used, page.row.granted, page.row.available()), (15, 15, 70));
    assert_eq!(page.lease, Lease { held: 15, idle: 0 });
}

#[test]
fn what_a_holder_says_replaces_what_was_known() {
    let mut page = shared(100, 0, 30, 0);
    asks(&mut page, 40, 40);

    asks(&mut page, 0, 0);
    page.report(&says(1, 2, 0, 0), Order::Next, &[], at(100));

    assert_eq!((page.lease, page.row.granted), (Lease { held: 3, idle: 1 }, 33));
}

#[test]
fn a_report_whose_answer_was_lost_is_answered_alike() {
    let mut page = page("none", 100);
    let said = Statement { consumed: 7, ..says(0, 0, 93, 93) };

    let lost = page.report(&said, Order::Next, &[], at(100));
    let again = page.report(&said, Order::Again, &[], at(101));

    assert_eq!((lost.granted, again.granted), (93, 93));
    assert_eq!((page.row.used, page.row.granted), (7, 93));
    assert_eq!((lost.left, again.left), (93, 93));
    assert_eq!(again.outlook, Outlook::Tight);
}

#[test]
fn a_report_that_its_repetition_overtook_lowers_nothing() {
    let mut page = page("none", 100);
    let said = says(0, 10, 20, 20);
    page.report(&said, Order::Next, &[], at(100));

    page.report(&says(0, 5, 0, 0), Order::Again, &[], at(101));

    assert_eq!(page.lease.held, 30);
}

#[test]
fn a_report_that_its_repetition_overtook_raises_nothing() {
    let mut page = page("none", 100);
    page.report(&says(0, 0, 50, 50), Order::Next, &[], at(100));
    page.report(&says(0, 0, 0, 0), Order::Next, &[], at(101));

    let overtaken = page.report(&says(50, 0, 0, 0), Order::Again, &[], at(102));
    let again = page.report(&says(0, 0, 101, 101), Order::Again, &[], at(103));

    assert_eq!((page.lease.held, page.row.granted), (0, 0));
    assert_eq!((overtaken.granted, again.granted), (0, 0));
}

#[test]
fn records_that_come_with_a_repetition_are_no_longer_held() {
    let mut page = page("none", 100);
    page.report(&says(0, 10, 20, 20), Order::Next, &[], at(100));

    let answer = page.report(&says(0, 4, 20, 20), Order::Again, &[(6, at(100))], at(101));

    assert_eq!((answer.granted, page.lease.held, page.row.used), (20, 24, 6));
}

#[test]
fn a_report_that_a_later_one_overtook_counts_its_records_alone() {
    let mut page = page("none", 100);
    page.report(&says(0, 10, 0, 0), Order::Next, &[], at(100));

    let late = Statement { consumed: 50, ..says(90, 0, 5, 5) };
    let answer = page.report(&late, Order::Late, &[(4, at(99))], at(101));

    assert_eq!((answer.granted, page.row.used, page.lease.held), (0, 4, 6));
}

#[test]
fn a_meter_that_only_observes_counts_and_grants_nothing() {
    let mut page = page("none", 10);
    page.row.spec.observe_only = true;
    let said = Statement { consumed: 50, ..says(5, 5, 0, 0) };

    let answer = page.report(&said, Order::Next, &[(7, at(100))], at(100));

    assert_eq!((answer.used, answer.granted, page.row.granted), (57, 0, 0));
    assert_eq!(answer.outlook, Outlook::Plenty);
}

#[test]
fn who_waits_hears_of_units_that_came_back_once() {
    let mut page = page("none", 100);
    asks(&mut page, 100, 100);
    // Somebody else asked.
    page.row.waited = Some(at(90));

    let busy = page.report(&says(0, 100, 0, 0), Order::Next, &[], at(100));
    let back = page.report(&says(0, 60, 0, 0), Order::Next, &[(10, at(100))], at(101));
    let more = page.report(&says(0, 50, 0, 0), Order::Next, &[], at(102));

    assert_eq!([busy, back, more].map(|answer| answer.returned), [false, true, false]);
    assert_eq!([busy, back].map(|answer| answer.outlook), [Outlook::Tight, Outlook::Tight]);
}

#[test]
fn nobody_waits_for_ever() {
    let mut page = page("none", 100);
    asks(&mut page, 100, 100);
    page.row.waited = Some(at(100));

    let answer = page.report(&says(0, 0, 0, 0), Order::Next, &[], at(130));

    assert!(!answer.returned);
}

#[test]
fn a_fixed_window_begins_with_the_first_lease() {
    let mut page = page("fixed:60", 100);

    let before = asks(&mut page, 0, 0);
    let first = asks(&mut page, 1, 1);

    assert_eq!((before.resets_at, first.resets_at), (None, Some(at(160))));
}

#[test]
fn what_is_held_counts_on_in_the_next_window() {
    let mut page = page("fixed:60", 100);
    asks(&mut page, 60, 60);
    page.report(&says(0, 30, 0, 0), Order::Next, &[(30, at(110))], at(110));

    let next = page.report(&says(0, 30, 71, 71), Order::Next, &[], at(200));
    let fits = page.report(&says(0, 30, 70, 70), Order::Next, &[], at(200));

    assert_eq!((next.granted, next.used, fits.granted), (0, 0, 70));
}

#[test]
fn a_sliding_window_says_when_enough_will_have_left_it() {
    let mut page = page("sliding:60", 100);
    page.charge(&[(40, at(70)), (30, at(80)), (30, at(90))], at(100));

    let resets = [30, 50, 100].map(|need| asks(&mut page, need, need).resets_at);

    assert_eq!(resets, [Some(at(131)), Some(at(141)), Some(at(151))]);
    assert_eq!(asks(&mut page, 0, 0).resets_at, Some(at(161)));
}

#[test]
fn parallel_requests_are_held_and_never_used() {
    let mut page = page("none", 3);
    page.row.spec.dimension = Dimension::Parallel;

    let first = asks(&mut page, 3, 3);
    let over = asks(&mut page, 1, 1);
    let back = page.report(&says(0, 2, 1, 1), Order::Next, &[(5, at(100))], at(100));

    assert_eq!((first.granted, over.granted, back.granted, back.used), (3, 0, 1, 0));
    assert_eq!(over.outlook, Outlook::Exhausted);
    assert_eq!(page.row.spec.window, Window::Never);
}
