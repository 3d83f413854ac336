//! Who guessed wrong has to wait, each time twice as long.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::Timestamp;

/// Those who guessed wrong lately.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    failures: HashMap<String, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Backoff {
    /// Begins with nobody. `longest`: more than this nobody waits.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, failures: HashMap::new() }
    }

    /// Counts an attempt as wrong until [`Self::succeed`] says otherwise, so that several at once
    /// are no way round. An error says how long to wait first.
    pub(crate) fn attempt(&mut self, who: &str, now: Timestamp) -> Result<(), Duration> {
        let known = self.failures.get(who).copied().filter(|known| !known.is_forgotten(now));
        let known = known.unwrap_or(Failures { count: 0, last: now });
        let until = known.last.plus_micros(micros(self.wait(known.count)));
        if now < until {
            let left = until.as_micros().saturating_sub(now.as_micros());
            return Err(Duration::from_micros(left.cast_unsigned()));
        }
        if !self.failures.contains_key(who) {
            self.make_room(now);
        }
        let failures = Failures { count: known.count.saturating_add(1), last: now };
        self.failures.insert(who.to_owned(), failures);
        Ok(())
    }

    /// Forgets what somebody guessed wrong, who has guessed right now.
    pub(crate) fn succeed(&mut self, who: &str) {
        self.failures.remove(who);
    }

    fn wait(&self, failures: u32) -> Duration {
        let Some(beyond) = failures.checked_sub(FREE) else { return Duration::ZERO };
        FIRST.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(self.longest)
    }

    /// Forgets those of long ago, else who guessed the least.
    fn make_room(&mut self, now: Timestamp) {
        if self.failures.len() < MOST {
            return;
        }
        self.failures.retain(|_, failures| !failures.is_forgotten(now));
        if self.failures.len() < MOST {
            return;
        }
        let least = self.failures.iter().min_by_key(|(_, it)| (it.count, it.last));
        if let Some(least) = least.map(|(who, _)| who.clone()) {
            self.failures.remove(&least);
        }
    }
}

impl Failures {
    fn is_forgotten(self, now: Timestamp) -> bool {
        now >= self.last.plus_micros(micros(FORGIVEN))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Fingers slip.
const FREE: u32 = 5;
const FIRST: Duration = Duration::from_secs(1);
const FORGIVEN: Duration = Duration::from_hours(1);
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        let mut now = 0;
        for _ in 0..FREE {
            backoff.attempt("a", at(now)).unwrap();
        }
        for wait in [1, 2, 4, 5, 5] {
            let refused = backoff.attempt("a", at(now));
            assert_eq!(refused, Err(Duration::from_secs(wait)));
            now += i64::try_from(wait).unwrap();
            backoff.attempt("a", at(now)).unwrap();
        }

        assert!(backoff.attempt("b", at(now)).is_ok(), "others do not wait");
        backoff.succeed("a");
        assert!(backoff.attempt("a", at(now)).is_ok());
    }

    #[test]
    fn failures_of_long_ago_are_forgiven() {
        let mut backoff = Backoff::new(Duration::from_hours(9));
        for _ in 0..FREE {
            backoff.attempt("a", at(0)).unwrap();
        }
        assert!(backoff.attempt("a", at(0)).is_err());

        for _ in 0..FREE {
            backoff.attempt("a", at(3_600)).unwrap();
        }
        assert!(backoff.attempt("a", at(3_600)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_keeps_those_who_guess_most() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        for _ in 0..FREE {
            backoff.attempt("a", at(0)).unwrap();
        }
        for number in 0..MOST + 10 {
            backoff.attempt(&number.to_string(), at(0)).unwrap();
        }

        assert_eq!(backoff.failures.len(), MOST);
        assert!(backoff.attempt("a", at(0)).is_err());
    }
}
