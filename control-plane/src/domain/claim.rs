//! Requests that come more than once: who makes them, and what the others get.
//!
//! Under one id one request is made at a time, by its leader; whoever comes with the same one waits
//! for the leader's answer, or leads in turn when there will be none. An answer is remembered for a
//! while. Pure: time comes in as an argument, and what is to be said to whom goes out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::domain::Timestamp;

/// Which request: what a tenant calls it.
pub type ClaimId = [u8; 32];

/// One that takes part.
pub trait Waiter {
    /// Tells whether nobody listens any more.
    fn is_gone(&self) -> bool;
}

/// An answer as a client got it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Who asks for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which request.
    pub id: ClaimId,
    /// What is asked, as a hash.
    pub content: [u8; 32],
    /// Who claims.
    pub claimant: Vec<u8>,
}

/// What one that takes part is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Make the request, and deliver.
    Lead,
    /// Take this answer.
    Answer(Arc<Answer>),
    /// Refuse: something else was asked under this id.
    Conflict,
    /// Make the request; nobody waits for the answer.
    Unkept,
}

/// What came of a leader's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// This answer.
    Answer(Answer),
    /// One that is too long to be kept.
    Unkept,
    /// None.
    Nothing,
}

/// What is to be said, and to whom.
pub type Said<W> = Vec<(W, Outcome)>;

/// All claims that a control plane knows.
#[derive(Debug)]
pub struct Claims<W> {
    entries: HashMap<ClaimId, Entry<W>>,
    /// Answers in the order in which they came.
    answered: VecDeque<(ClaimId, Timestamp)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<W> {
    content: [u8; 32],
    state: State<W>,
}

#[derive(Debug)]
enum State<W> {
    Led { by: Vec<u8>, heard: Timestamp, waiting: VecDeque<(Vec<u8>, W)> },
    Answered { answer: Arc<Answer>, until: Timestamp },
}

impl<W> Default for Claims<W> {
    fn default() -> Self {
        Self { entries: HashMap::new(), answered: VecDeque::new(), bytes: 0 }
    }
}

impl<W: Waiter> Claims<W> {
    /// Lets one take part.
    pub fn claim(&mut self, claim: Claim, waiter: W, now: Timestamp) -> Said<W> {
        self.forget_old(now);
        let Claim { id, content, claimant } = claim;
        let Some(entry) = self.entries.get_mut(&id) else {
            let state = State::Led { by: claimant, heard: now, waiting: VecDeque::new() };
            self.entries.insert(id, Entry { content, state });
            return vec![(waiter, Outcome::Lead)];
        };
        match &mut entry.state {
            _ if entry.content != content => vec![(waiter, Outcome::Conflict)],
            State::Led { waiting, .. } => {
                waiting.push_back((claimant, waiter));
                Vec::new()
            }
            State::Answered { answer, .. } => vec![(waiter, Outcome::Answer(Arc::clone(answer)))],
        }
    }

    /// Notes that leaders are there.
    pub fn renew(&mut self, claimants: &[Vec<u8>], now: Timestamp) {
        let claimants: HashSet<&[u8]> = claimants.iter().map(Vec::as_slice).collect();
        for entry in self.entries.values_mut() {
            if let State::Led { by, heard, .. } = &mut entry.state
                && claimants.contains(by.as_slice())
            {
                *heard = now;
            }
        }
    }

    /// Takes what came of a request. It is remembered for `window_us`.
    pub fn deliver(
        &mut self,
        claim: Claim,
        delivery: Delivery,
        window_us: i64,
        now: Timestamp,
    ) -> Said<W> {
        let Claim { id, content, claimant } = claim;
        let waiting = match self.entries.get_mut(&id).map(|entry| &mut entry.state) {
            Some(State::Led { by, waiting, .. }) if *by == claimant => std::mem::take(waiting),
            // One that waited and is gone.
            Some(State::Led { waiting, .. }) => {
                waiting.retain(|(waiter, _)| *waiter != claimant);
                return Vec::new();
            }
            Some(State::Answered { .. }) => return Vec::new(),
            // Claimed before this process began.
            None => VecDeque::new(),
        };
        match delivery {
            Delivery::Answer(answer) => {
                let answer = Arc::new(answer);
                self.remember(id, content, &answer, (window_us, now));
                let outcome = Outcome::Answer(answer);
                waiting.into_iter().map(|(_, waiter)| (waiter, outcome.clone())).collect()
            }
            Delivery::Unkept => {
                self.entries.remove(&id);
                waiting.into_iter().map(|(_, waiter)| (waiter, Outcome::Unkept)).collect()
            }
            Delivery::Nothing => self.pass_on(id, content, waiting, now).into_iter().collect(),
        }
    }

    /// Forgets what is over, and lets others lead where a leader has vanished.
    pub fn sweep(&mut self, now: Timestamp) -> Said<W> {
        self.forget_old(now);
        let vanished = now.plus_micros(-VANISHED_US);
        let is_led = |entry: &Entry<W>| matches!(&entry.state, State::Led { heard, .. } if *heard < vanished);
        let lost: Vec<ClaimId> =
            self.entries.iter().filter(|(_, entry)| is_led(entry)).map(|(id, _)| *id).collect();
        let mut said = Vec::new();
        for id in lost {
            if let Some(Entry { content, state: State::Led { waiting, .. } }) =
                self.entries.remove(&id)
            {
                said.extend(self.pass_on(id, content, waiting, now));
            }
        }
        said
    }

    /// Returns how many requests are being made or remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes the next one who waits the leader.
    fn pass_on(
        &mut self,
        id: ClaimId,
        content: [u8; 32],
        mut waiting: VecDeque<(Vec<u8>, W)>,
        now: Timestamp,
    ) -> Option<(W, Outcome)> {
        while let Some((by, waiter)) = waiting.pop_front() {
            if waiter.is_gone() {
                continue;
            }
            let state = State::Led { by, heard: now, waiting };
            self.entries.insert(id, Entry { content, state });
            return Some((waiter, Outcome::Lead));
        }
        self.entries.remove(&id);
        None
    }

    fn remember(
        &mut self,
        id: ClaimId,
        content: [u8; 32],
        answer: &Arc<Answer>,
        (window_us, now): (i64, Timestamp),
    ) {
        let until = now.plus_micros(window_us);
        self.bytes = self.bytes.saturating_add(answer.body.len());
        self.answered.push_back((id, until));
        let state = State::Answered { answer: Arc::clone(answer), until };
        self.entries.insert(id, Entry { content, state });
        while self.bytes > MOST_BYTES
            && let Some((id, until)) = self.answered.pop_front()
        {
            self.forget(&id, until);
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((id, until)) = self.answered.front().copied()
            && until <= now
        {
            self.answered.pop_front();
            self.forget(&id, until);
        }
    }

    fn forget(&mut self, id: &ClaimId, ended: Timestamp) {
        let is_this = |entry: &&Entry<W>| matches!(&entry.state, State::Answered { until, .. } if *until == ended);
        let Some(entry) = self.entries.get(id).filter(is_this) else { return };
        if let State::Answered { answer, .. } = &entry.state {
            self.bytes = self.bytes.saturating_sub(answer.body.len());
        }
        self.entries.remove(id);
    }
}

/// A leader that has not been heard of for so long is gone.
const VANISHED_US: i64 = 4_000_000;
/// What is remembered of answers, all together.
const MOST_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests;
