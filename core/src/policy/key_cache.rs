//! Key policies that this VM has seen, bounded, with the news that make them stale.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::access::KeyPolicy;
use crate::key::KeyHash;
use crate::money::NanoDollars;

/// How long an unknown key is remembered as such. A key that is created in the meantime is
/// announced by `KeyChanged` and does not wait for this.
pub const UNKNOWN_FOR_US: i64 = 5_000_000;

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What it may do.
    Policy(Rc<KeyPolicy>),
    /// There is no such key.
    NoSuchKey,
    /// Nothing, or nothing that still counts: ask. The policy is the last one known from before
    /// the connection to the control plane broke, for when the question cannot be answered.
    Ask(Option<Rc<KeyPolicy>>),
}

/// The policies by key hash. The oldest unused ones make room.
#[derive(Debug)]
pub struct KeyCache {
    entries: BTreeMap<KeyHash, Entry>,
    /// Clock order of eviction: each entry once.
    clock: VecDeque<KeyHash>,
    capacity: usize,
    epoch: u64,
    connection: Connection,
    /// Keys whose policy is being asked for.
    in_flight: BTreeMap<KeyHash, InFlight>,
}

/// How the control plane can be reached, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// Its stream is open, or has never been.
    Open,
    /// Its stream is gone, and a question may still get through.
    Lost,
    /// A question did not get through either: do not make every request wait for that.
    Away,
}

/// Questions about one key that have no answer yet.
#[derive(Debug, Default)]
struct InFlight {
    questions: u32,
    /// Highest revision of a `KeyChanged` that came meanwhile.
    changed: u64,
    /// How many were asked before the connection was lost: a change that overtakes their answers
    /// may be among those that were missed.
    doubtful: u32,
}

#[derive(Debug)]
struct Entry {
    policy: Option<Rc<KeyPolicy>>,
    epoch: u64,
    used: bool,
    forget_at_us: i64,
}

impl KeyCache {
    /// Makes a cache for at most `capacity` keys.
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            clock: VecDeque::new(),
            capacity: capacity.max(1),
            epoch: 0,
            connection: Connection::Open,
            in_flight: BTreeMap::new(),
        }
    }

    /// Returns what is known about a key.
    pub fn look_up(&mut self, hash: &KeyHash, now_us: i64) -> Known {
        let Some(entry) = self.entries.get_mut(hash) else { return Known::Ask(None) };
        entry.used = true;
        match &entry.policy {
            Some(policy) if entry.epoch != self.epoch && self.connection == Connection::Away => {
                Known::Policy(Rc::clone(policy))
            }
            last if entry.epoch != self.epoch => Known::Ask(last.clone()),
            Some(policy) => Known::Policy(Rc::clone(policy)),
            None if entry.forget_at_us > now_us => Known::NoSuchKey,
            None => Known::Ask(None),
        }
    }

    /// Tells whether something else is known about a key by now than this policy.
    pub fn has_news(&self, hash: &KeyHash, policy: &Rc<KeyPolicy>) -> bool {
        self.entries.get(hash).is_some_and(|entry| {
            entry.policy.as_ref().is_none_or(|known| !Rc::ptr_eq(known, policy))
        })
    }

    /// Notes that a question about `hash` is on its way, so that a change that overtakes the
    /// answer is not lost.
    pub fn asking(&mut self, hash: KeyHash) {
        self.in_flight.entry(hash).or_default().questions += 1;
    }

    /// Notes that a question stays without answer.
    pub fn not_answered(&mut self, hash: &KeyHash) {
        self.settle(hash);
        if self.connection == Connection::Lost {
            self.connection = Connection::Away;
        }
    }

    /// Takes back a question whose answer nobody waits for any more.
    pub fn not_wanted(&mut self, hash: &KeyHash) {
        self.settle(hash);
    }

    /// Stores an answer. Returns whether it counts: one that was read before a change that has
    /// been announced in the meantime does not, and must be asked again.
    pub fn answered(
        &mut self,
        hash: KeyHash,
        policy: Option<Rc<KeyPolicy>>,
        revision: u64,
        now_us: i64,
    ) -> bool {
        if self.settle(&hash) > revision {
            return false;
        }
        let entry = Entry {
            // Not yet: who guesses keys must not push out those that are in use.
            used: false,
            policy,
            epoch: self.epoch,
            forget_at_us: now_us.saturating_add(UNKNOWN_FOR_US),
        };
        if self.entries.insert(hash, entry).is_none() {
            self.clock.push_back(hash);
            self.make_room();
        }
        true
    }

    /// Forgets a key that has changed.
    pub fn key_changed(&mut self, hash: &KeyHash, revision: u64) {
        if let Some(waiting) = self.in_flight.get_mut(hash) {
            waiting.changed = revision.max(waiting.changed);
        }
        if let Some(entry) = self.entries.get_mut(hash) {
            // Left in the clock and without a policy: nothing of it may be served any more.
            entry.policy = None;
            entry.forget_at_us = 0;
        }
    }

    /// Adds to what a key has spent, until the ledger's own figure arrives.
    pub fn spent(&self, hash: &KeyHash, cost: NanoDollars) {
        if let Some(policy) = self.entries.get(hash).and_then(|entry| entry.policy.as_ref()) {
            policy.spend.set(policy.spend.get().saturating_add(cost));
        }
    }

    /// Makes every entry ask again at its next use: changes may have been missed.
    pub fn connection_was_lost(&mut self) {
        self.epoch += 1;
        self.connection = Connection::Lost;
        for waiting in self.in_flight.values_mut() {
            waiting.doubtful = waiting.questions;
        }
    }

    /// Notes that news come again.
    pub fn connection_is_back(&mut self) {
        self.connection = Connection::Open;
    }

    /// Returns how many keys are cached.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether no key is cached.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes one question off and returns the revision below which its answer is too old.
    fn settle(&mut self, hash: &KeyHash) -> u64 {
        let Some(waiting) = self.in_flight.get_mut(hash) else { return 0 };
        let changed = if waiting.doubtful > 0 { u64::MAX } else { waiting.changed };
        waiting.doubtful = waiting.doubtful.saturating_sub(1);
        waiting.questions = waiting.questions.saturating_sub(1);
        if waiting.questions == 0 {
            self.in_flight.remove(hash);
        }
        changed
    }

    /// Evicts by second chance: an entry used since the hand last passed stays one more round.
    fn make_room(&mut self) {
        while self.entries.len() > self.capacity {
            let Some(hash) = self.clock.pop_front() else { return };
            match self.entries.get_mut(&hash) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    self.clock.push_back(hash);
                }
                _ => {
                    self.entries.remove(&hash);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn hash(n: u32) -> KeyHash {
        KeyHash::of(&n.to_be_bytes())
    }

    fn spent(nanos: i64) -> Rc<KeyPolicy> {
        Rc::new(KeyPolicy { spend: Cell::new(NanoDollars(nanos)), ..KeyPolicy::default() })
    }

    #[test]
    fn remembers_answers() {
        let mut cache = KeyCache::new(10);
        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(None));

        cache.answered(hash(1), Some(spent(1)), 1, 0);
        cache.answered(hash(2), None, 1, 0);

        assert_eq!(cache.look_up(&hash(1), i64::MAX), Known::Policy(spent(1)));
        assert_eq!(cache.look_up(&hash(2), 1), Known::NoSuchKey);
        assert_eq!(cache.look_up(&hash(2), UNKNOWN_FOR_US), Known::Ask(None));
    }

    #[test]
    fn a_change_is_effective_at_once() {
        let mut cache = KeyCache::new(10);
        cache.answered(hash(1), Some(spent(1)), 1, 0);

        cache.key_changed(&hash(1), 2);

        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(None));
    }

    #[test]
    fn what_is_known_by_now_is_told_from_what_was() {
        let mut cache = KeyCache::new(10);
        let policy = spent(1);
        assert!(!cache.has_news(&hash(1), &policy), "nothing is known");
        cache.answered(hash(1), Some(Rc::clone(&policy)), 1, 0);
        assert!(!cache.has_news(&hash(1), &policy));

        cache.key_changed(&hash(1), 2);
        assert!(cache.has_news(&hash(1), &policy));
        cache.answered(hash(1), Some(spent(1)), 2, 0);
        assert!(cache.has_news(&hash(1), &policy));
    }

    #[test]
    fn a_change_that_overtakes_the_answer_is_not_lost() {
        let mut cache = KeyCache::new(10);
        cache.asking(hash(1));
        cache.key_changed(&hash(1), 7);

        assert!(!cache.answered(hash(1), Some(spent(1)), 6, 0));
        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(None));
        cache.asking(hash(1));
        assert!(cache.answered(hash(1), Some(spent(2)), 7, 0));
        assert_eq!(cache.look_up(&hash(1), 0), Known::Policy(spent(2)));
    }

    #[test]
    fn a_change_between_two_answers_beats_the_later_one() {
        let mut cache = KeyCache::new(10);
        cache.asking(hash(1));
        cache.asking(hash(1));
        assert!(cache.answered(hash(1), Some(spent(1)), 5, 0));
        cache.key_changed(&hash(1), 7);

        assert!(!cache.answered(hash(1), Some(spent(1)), 5, 0));
        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(None));
    }

    #[test]
    fn an_answer_to_a_question_from_before_the_connection_was_lost_does_not_count() {
        let mut cache = KeyCache::new(10);
        cache.asking(hash(1));
        cache.connection_was_lost();
        cache.asking(hash(1));

        assert!(!cache.answered(hash(1), Some(spent(1)), 5, 0));
        assert!(cache.answered(hash(1), Some(spent(2)), 5, 0));
        assert_eq!(cache.look_up(&hash(1), 0), Known::Policy(spent(2)));
    }

    #[test]
    fn after_a_lost_connection_known_keys_are_asked_for_and_kept_meanwhile() {
        let mut cache = KeyCache::new(10);
        cache.answered(hash(1), Some(spent(1)), 1, 0);

        cache.connection_was_lost();

        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(Some(spent(1))));
        cache.answered(hash(1), Some(spent(2)), 1, 0);
        assert_eq!(cache.look_up(&hash(1), 0), Known::Policy(spent(2)));
    }

    #[test]
    fn one_question_in_vain_is_enough_while_the_connection_is_lost() {
        let mut cache = KeyCache::new(10);
        cache.answered(hash(1), Some(spent(1)), 1, 0);
        cache.connection_was_lost();
        cache.asking(hash(1));
        cache.not_answered(&hash(1));
        assert_eq!(cache.look_up(&hash(1), 0), Known::Policy(spent(1)));
        assert_eq!(cache.look_up(&hash(2), 0), Known::Ask(None));

        cache.connection_is_back();

        assert_eq!(cache.look_up(&hash(1), 0), Known::Ask(Some(spent(1))));
    }

    #[test]
    fn spending_adds_up_between_answers() {
        let mut cache = KeyCache::new(10);
        cache.answered(hash(1), Some(spent(1)), 1, 0);

        cache.spent(&hash(1), NanoDollars(4));
        cache.spent(&hash(9), NanoDollars(4));

        assert_eq!(cache.look_up(&hash(1), 0), Known::Policy(spent(5)));
    }

    #[test]
    fn stays_within_its_capacity_and_keeps_what_is_used() {
        let mut cache = KeyCache::new(100);
        for n in 0..1_000 {
            cache.answered(hash(n), Some(spent(1)), 1, 0);
            cache.look_up(&hash(0), 0);
        }

        assert_eq!(cache.len(), 100);
        assert!(matches!(cache.look_up(&hash(0), 0), Known::Policy(_)));
    }
}
