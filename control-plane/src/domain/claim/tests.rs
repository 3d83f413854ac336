use std::cell::Cell;
use std::rc::Rc;

use super::*;

/// Somebody who waits, by number.
#[derive(Debug, Clone)]
struct Client(u32, Rc<Cell<bool>>);

impl Waiter for Client {
    fn is_gone(&self) -> bool {
        self.1.get()
    }
}

const WINDOW: i64 = 5_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn claim(client: u32, content: u8) -> Claim {
    Claim { id: [1; 32], content: [content; 32], claimant: client.to_be_bytes().to_vec() }
}

fn client(number: u32) -> Client {
    Client(number, Rc::default())
}

fn answer(text: &str) -> Answer {
    Answer { status: 200, content_type: "application/json".into(), body: text.into() }
}

/// Who was told what.
fn told(said: Said<Client>) -> Vec<(u32, Outcome)> {
    said.into_iter().map(|(client, outcome)| (client.0, outcome)).collect()
}

fn got(text: &str) -> Outcome {
    Outcome::Answer(Arc::new(answer(text)))
}

#[test]
fn the_first_leads_and_all_others_get_its_answer() {
    let mut claims = Claims::default();
    assert_eq!(told(claims.claim(claim(1, 0), client(1), at(0))), [(1, Outcome::Lead)]);
    assert_eq!(told(claims.claim(claim(2, 0), client(2), at(1))), []);
    assert_eq!(told(claims.claim(claim(3, 0), client(3), at(1))), []);

    let said = claims.deliver(claim(1, 0), Delivery::Answer(answer("a")), WINDOW, at(2));

    assert_eq!(told(said), [(2, got("a")), (3, got("a"))]);
    assert_eq!(told(claims.claim(claim(4, 0), client(4), at(6))), [(4, got("a"))]);
    assert_eq!(told(claims.claim(claim(5, 0), client(5), at(7))), [(5, Outcome::Lead)]);
}

#[test]
fn something_else_under_the_same_id_is_a_conflict_before_and_after() {
    let mut claims = Claims::default();
    claims.claim(claim(1, 0), client(1), at(0));
    assert_eq!(told(claims.claim(claim(2, 9), client(2), at(0))), [(2, Outcome::Conflict)]);

    claims.deliver(claim(1, 0), Delivery::Answer(answer("a")), WINDOW, at(1));

    assert_eq!(told(claims.claim(claim(3, 9), client(3), at(2))), [(3, Outcome::Conflict)]);
}

#[test]
fn a_leader_without_an_answer_makes_the_next_one_lead() {
    let mut claims = Claims::default();
    claims.claim(claim(1, 0), client(1), at(0));
    let left = client(2);
    claims.claim(claim(2, 0), left.clone(), at(0));
    claims.claim(claim(3, 0), client(3), at(0));
    claims.claim(claim(4, 0), client(4), at(0));
    left.1.set(true);

    let said = claims.deliver(claim(1, 0), Delivery::Nothing, WINDOW, at(1));

    assert_eq!(told(said), [(3, Outcome::Lead)]);
    let late = claims.deliver(claim(1, 0), Delivery::Answer(answer("late")), WINDOW, at(1));
    assert_eq!(told(late), [], "it leads no more");
    let said = claims.deliver(claim(3, 0), Delivery::Answer(answer("b")), WINDOW, at(2));
    assert_eq!(told(said), [(4, got("b"))]);
}

#[test]
fn a_leader_that_vanishes_is_followed_by_the_next_one_unless_it_is_heard_of() {
    let mut claims = Claims::default();
    claims.claim(claim(1, 0), client(1), at(0));
    claims.claim(claim(2, 0), client(2), at(0));

    claims.renew(&[claim(1, 0).claimant], at(3));

    assert_eq!(told(claims.sweep(at(6))), []);
    assert_eq!(told(claims.sweep(at(8))), [(2, Outcome::Lead)]);
    assert_eq!(told(claims.sweep(at(20))), []);
    assert!(claims.is_empty(), "nobody is left to lead");
}

#[test]
fn an_answer_that_is_too_long_sends_everybody_on_their_own() {
    let mut claims = Claims::default();
    claims.claim(claim(1, 0), client(1), at(0));
    claims.claim(claim(2, 0), client(2), at(0));

    let said = claims.deliver(claim(1, 0), Delivery::Unkept, WINDOW, at(1));

    assert_eq!(told(said), [(2, Outcome::Unkept)]);
    assert!(claims.is_empty());
}

#[test]
fn one_that_waited_and_left_is_forgotten() {
    let mut claims = Claims::default();
    claims.claim(claim(1, 0), client(1), at(0));
    claims.claim(claim(2, 0), client(2), at(0));

    claims.deliver(claim(2, 0), Delivery::Nothing, WINDOW, at(1));

    assert_eq!(told(claims.deliver(claim(1, 0), Delivery::Nothing, WINDOW, at(1))), []);
}

#[test]
fn an_answer_that_outlived_a_restart_is_remembered() {
    let mut claims = Claims::default();

    claims.deliver(claim(1, 0), Delivery::Answer(answer("a")), WINDOW, at(1));

    assert_eq!(told(claims.claim(claim(2, 0), client(2), at(2))), [(2, got("a"))]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut claims = Claims::<Client>::default();
    let large = Answer { body: vec![0; MOST_BYTES / 4], ..answer("") };

    for number in 0..9 {
        let claim = Claim { id: [number; 32], ..claim(u32::from(number), 0) };
        claims.deliver(claim, Delivery::Answer(large.clone()), WINDOW, at(1));
    }

    assert_eq!(claims.len(), 4);
    claims.sweep(at(100));
    assert_eq!((claims.len(), claims.bytes), (0, 0));
}
