//! Who is out of rotation, who is busy, who is fast: learned from attempts, and heard from others.
//!
//! An account is marked as a whole when it refuses its credential or has nothing left, and one
//! model of it in all other cases. What is in rotation and does not fail takes no memory here.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollgate_proto::v1::{HealthMark, HealthState};

use super::failure::Failure;
use crate::snapshot::routing::Resilience;
use crate::snapshot::{Snapshot, Target};
use entry::{Entry, Mark};
use key::Key;
use load::Loads;

mod entry;
pub(super) mod key;
mod load;

/// More accounts and models than this do not fail at the same time.
const CAPACITY: usize = 4_096;
/// The same account and model are told of no more often, apart from good news.
const TELL_EVERY_US: i64 = 1_000_000;

/// What one VM knows of its targets' health.
#[derive(Debug, Default)]
pub struct Health {
    entries: BTreeMap<Key, Entry>,
    told: BTreeMap<Key, Told>,
    loads: Loads,
}

/// An attempt under way. **To be ended exactly once**, by [`Health::end`].
#[must_use]
#[derive(Debug)]
pub struct Attempt {
    target: Rc<Target>,
    begun_us: i64,
    probes: bool,
    timed: bool,
}

/// Whether a target is in rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is; it may be that one request is to try it out.
    In,
    /// It is not.
    Out {
        /// When it comes back.
        until_us: i64,
        /// It refuses its credential.
        refused: bool,
        /// A request finds out just now whether that still holds.
        tried: bool,
    },
}

/// What the others were last told of an account or a model of it.
#[derive(Debug, Clone, Copy)]
struct Told {
    at_us: i64,
    out: bool,
}

/// What a failure is to an account.
#[derive(Debug, Clone, Copy)]
enum Consequence {
    /// Nothing: it answered.
    Alive,
    /// One more failure in a row of its model.
    Count,
    /// It asked for a pause.
    Cool { whole: bool, named_us: Option<i64>, first_us: i64 },
    /// It refuses its credential.
    Refuse,
}

impl Attempt {
    /// Returns who is tried.
    pub fn target(&self) -> &Rc<Target> {
        &self.target
    }

    /// Returns when it began.
    pub fn begun_us(&self) -> i64 {
        self.begun_us
    }
}

impl Health {
    /// Tells whether a target is in rotation.
    pub fn standing(&self, target: &Target, now_us: i64) -> Standing {
        if self.entries.is_empty() {
            return Standing::In;
        }
        let of = |key| self.entries.get(&key).map_or(Standing::In, |entry| entry.standing(now_us));
        of(Key::account(target)).worse(of(Key::model(target)))
    }

    /// Tells whether an attempt may begin now.
    pub fn is_free(&self, target: &Target, now_us: i64) -> bool {
        self.standing(target, now_us) == Standing::In
    }

    /// Begins an attempt, whatever is known of the target.
    pub fn begin(&mut self, target: &Rc<Target>, now_us: i64) -> Attempt {
        self.loads.begin(target, now_us);
        let mut probes = false;
        if !self.entries.is_empty() {
            for key in [Key::account(target), Key::model(target)] {
                probes |= self.entries.get_mut(&key).is_some_and(|entry| entry.probe(now_us));
            }
        }
        Attempt { target: Rc::clone(target), begun_us: now_us, probes, timed: false }
    }

    /// Notes that the first content of an answer came: all is well. Returns what others are to
    /// hear.
    #[must_use]
    pub fn succeeded(&mut self, attempt: &mut Attempt, now_us: i64) -> Vec<HealthMark> {
        if !std::mem::replace(&mut attempt.timed, true) {
            self.loads.answered(&attempt.target, now_us.saturating_sub(attempt.begun_us));
        }
        self.alive(attempt, now_us)
    }

    /// Notes that an attempt failed. Returns what others are to hear.
    #[must_use]
    pub fn failed(
        &mut self,
        attempt: &mut Attempt,
        failure: Failure,
        resilience: &Resilience,
        random: u64,
        now_us: i64,
    ) -> Vec<HealthMark> {
        let consequence = consequence(failure, resilience);
        if matches!(consequence, Consequence::Alive) {
            return self.alive(attempt, now_us);
        }
        self.release(attempt);
        let whole =
            matches!(consequence, Consequence::Refuse | Consequence::Cool { whole: true, .. });
        let target = Rc::clone(&attempt.target);
        let key = if whole { Key::account(&target) } else { Key::model(&target) };
        self.make_room(now_us);
        let entry = self.entries.entry(key).or_default();
        let changed = match consequence {
            Consequence::Alive => false,
            Consequence::Count => entry.count(attempt.begun_us, resilience, random, now_us),
            Consequence::Cool { named_us, first_us, .. } => {
                let longest_us = resilience.longest_cooldown_us;
                match named_us {
                    Some(named) => entry.pause(attempt.begun_us, named.min(longest_us), now_us),
                    None => entry.back_off(attempt.begun_us, first_us, longest_us, random, now_us),
                }
            }
            Consequence::Refuse => entry.refuse(resilience.refused_us, now_us),
        };
        if !changed {
            return Vec::new();
        }
        let mark = entry.mark();
        let Some(mark) = mark.filter(|_| self.may_tell(key, true, now_us)) else {
            return Vec::new();
        };
        vec![wire(&target, whole, mark, failure.name())]
    }

    /// Ends an attempt, when its last byte has passed or it was given up. One of which nothing was
    /// said before leaves no trace.
    pub fn end(&mut self, mut attempt: Attempt) {
        self.release(&mut attempt);
        self.loads.end(&attempt.target);
    }

    /// Takes what another worker or gateway learned.
    pub fn hear(&mut self, mark: &HealthMark, now_us: i64) {
        let key = Key::of(&mark.provider, &mark.account, &mark.model);
        if mark.state() == HealthState::Unspecified {
            self.entries.remove(&key);
        } else if mark.until_us > now_us || mark.state() != HealthState::Cooling {
            self.make_room(now_us);
            self.entries.entry(key).or_default().set(mark, now_us);
        }
    }

    /// Takes the whole truth: who is not in `marks` is in rotation.
    pub fn replace(&mut self, marks: &[HealthMark], now_us: i64) {
        let of = |mark: &HealthMark| Key::of(&mark.provider, &mark.account, &mark.model);
        let named: BTreeSet<_> = marks.iter().map(of).collect();
        let others = self.entries.iter_mut().filter(|(key, _)| !named.contains(key));
        others.for_each(|(_, entry)| entry.clear());
        self.entries.retain(|_, entry| !entry.is_empty());
        for mark in marks {
            self.hear(mark, now_us);
        }
    }

    /// Forgets the speed of targets that are not configured any more.
    pub fn configured(&mut self, snapshot: &Snapshot) {
        let targets = snapshot.models.values().flat_map(|model| &model.targets);
        self.loads.keep(&targets.map(|target| Key::model(target)).collect());
    }

    /// Returns how many attempts at a target are under way.
    pub fn in_flight(&self, target: &Target) -> u32 {
        self.loads.in_flight(target)
    }

    /// Returns how long a target takes to its first content, of late. `None`: it was not seen.
    pub fn latency_us(&self, target: &Target) -> Option<i64> {
        self.loads.latency_us(target)
    }

    /// Ranks by requests in flight, and among equals by who was asked longest ago.
    pub(super) fn busy(&self, target: &Target) -> u128 {
        self.loads.busy(target)
    }

    /// Ranks by the time to the first content.
    pub(super) fn slow(&self, target: &Target, now_us: i64) -> u128 {
        self.loads.slow(target, now_us)
    }

    /// The target answered: what was held against it, before the attempt began, is over.
    fn alive(&mut self, attempt: &mut Attempt, now_us: i64) -> Vec<HealthMark> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        self.release(attempt);
        let mut news = Vec::new();
        for (key, whole) in
            [(Key::account(&attempt.target), true), (Key::model(&attempt.target), false)]
        {
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.is_newer_than(attempt.begun_us) {
                continue;
            }
            let out = entry.is_worth_taking_back(now_us);
            self.entries.remove(&key);
            if out && self.may_tell(key, false, now_us) {
                news.push(wire(&attempt.target, whole, Mark::default(), ""));
            }
        }
        news
    }

    fn release(&mut self, attempt: &mut Attempt) {
        if std::mem::take(&mut attempt.probes) {
            for key in [Key::account(&attempt.target), Key::model(&attempt.target)] {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.release(attempt.begun_us);
                }
            }
        }
    }

    /// Bad news are told once in a while, good ones when there were bad ones before.
    fn may_tell(&mut self, key: Key, out: bool, now_us: i64) -> bool {
        let before = self.told.get(&key);
        let may = match before {
            Some(told) if out => now_us.saturating_sub(told.at_us) >= TELL_EVERY_US,
            Some(told) => told.out,
            // Heard from others, or not told of: they would wait in vain.
            None => true,
        };
        if may {
            if self.told.len() >= CAPACITY {
                self.told.retain(|_, told| now_us.saturating_sub(told.at_us) < TELL_EVERY_US);
            }
            if self.told.len() < CAPACITY {
                self.told.insert(key, Told { at_us: now_us, out });
            }
        }
        may
    }

    /// Forgets what no longer matters when there is much, and then what matters least.
    fn make_room(&mut self, now_us: i64) {
        if self.entries.len() < CAPACITY {
            return;
        }
        self.entries.retain(|_, entry| entry.is_out(now_us));
        if self.entries.len() >= CAPACITY {
            self.entries.pop_first();
        }
    }
}

impl Standing {
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::In, other) => other,
            (out @ Self::Out { .. }, Self::In) => out,
            (
                Self::Out { until_us, refused, tried },
                Self::Out { until_us: until_us_too, refused: refused_too, tried: tried_too },
            ) => Self::Out {
                until_us: until_us.max(until_us_too),
                refused: refused || refused_too,
                tried: tried || tried_too,
            },
        }
    }
}

fn consequence(failure: Failure, resilience: &Resilience) -> Consequence {
    let cool =
        |named_us| Consequence::Cool { whole: false, named_us, first_us: resilience.cooldown_us };
    match failure {
        Failure::RateLimited { retry_after_us } => cool(retry_after_us),
        Failure::Overloaded { retry_after_us: Some(named) } => cool(Some(named)),
        Failure::Overloaded { retry_after_us: None }
        | Failure::ServerError
        | Failure::Timeout
        | Failure::ContentMissing => Consequence::Count,
        Failure::QuotaExhausted { retry_after_us } => {
            let pause = retry_after_us.unwrap_or(resilience.longest_cooldown_us);
            Consequence::Cool { whole: true, named_us: Some(pause), first_us: pause }
        }
        Failure::ModelMissing => cool(Some(resilience.longest_cooldown_us)),
        Failure::CredentialRefused => Consequence::Refuse,
        Failure::ContextTooLong | Failure::TooLarge | Failure::Unable | Failure::ClientError => {
            Consequence::Alive
        }
    }
}

fn wire(target: &Target, whole: bool, mark: Mark, reason: &str) -> HealthMark {
    HealthMark {
        provider: target.provider.id.clone(),
        account: target.provider.account.clone(),
        model: if whole { String::new() } else { target.model.clone() },
        state: mark.state.into(),
        until_us: mark.until_us,
        level: mark.level,
        reason: reason.to_owned(),
    }
}
