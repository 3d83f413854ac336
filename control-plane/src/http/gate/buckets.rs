//! How often somebody may do something: a bucket each, which fills as time goes by.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::Timestamp;

/// A bucket for each of those who were seen lately.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<String, Bucket>);

/// What somebody may still do, in millionths, so that no time is lost to rounding.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at: Timestamp,
}

impl Buckets {
    /// Takes one from somebody's bucket, of `rate` a minute. An error says how long to wait.
    pub(crate) fn take(&mut self, who: &str, rate: u32, now: Timestamp) -> Result<(), Duration> {
        let left = self.left(who, rate, now);
        let Some(rest) = left.checked_sub(ONE) else { return Err(wait(left, rate)) };
        if !self.0.contains_key(who) {
            self.make_room(rate, now);
        }
        self.0.insert(who.to_owned(), Bucket { left: rest, at: now });
        Ok(())
    }

    /// Says how long to wait until there is one in somebody's bucket, without taking it.
    pub(crate) fn look(&self, who: &str, rate: u32, now: Timestamp) -> Result<(), Duration> {
        let left = self.left(who, rate, now);
        if left < ONE { Err(wait(left, rate)) } else { Ok(()) }
    }

    fn left(&self, who: &str, rate: u32, now: Timestamp) -> u64 {
        let full = u64::from(rate).saturating_mul(ONE);
        let Some(bucket) = self.0.get(who) else { return full };
        let micros = now.as_micros().saturating_sub(bucket.at.as_micros()).max(0).cast_unsigned();
        // Per microsecond a sixtieth of a millionth of the rate.
        let more = micros.saturating_mul(rate.into()) / 60;
        bucket.left.saturating_add(more).min(full)
    }

    /// Forgets those whose bucket is full again, else who was seen the longest time ago.
    fn make_room(&mut self, rate: u32, now: Timestamp) {
        if self.0.len() < MOST {
            return;
        }
        let full = |bucket: &Bucket| {
            let since = now.as_micros().saturating_sub(bucket.at.as_micros());
            since >= A_MINUTE || bucket.left >= u64::from(rate).saturating_mul(ONE)
        };
        self.0.retain(|_, bucket| !full(bucket));
        if self.0.len() < MOST {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, bucket)| bucket.at);
        if let Some(oldest) = oldest.map(|(who, _)| who.clone()) {
            self.0.remove(&oldest);
        }
    }
}

fn wait(left: u64, rate: u32) -> Duration {
    let missing = ONE.saturating_sub(left);
    Duration::from_micros(missing.saturating_mul(60) / u64::from(rate.max(1)))
}

const ONE: u64 = 1_000_000;
const A_MINUTE: i64 = 60_000_000;
/// So many are told apart.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn a_bucket_holds_a_minute_and_fills_again() {
        let mut buckets = Buckets::default();
        for _ in 0..60 {
            buckets.take("a", 60, at(0)).unwrap();
        }

        assert_eq!(buckets.take("a", 60, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take("a", 60, at(400)), Err(Duration::from_millis(600)));
        assert_eq!(buckets.look("a", 60, at(1_000)), Ok(()));
        assert_eq!(buckets.take("a", 60, at(1_000)), Ok(()));
        assert!(buckets.take("a", 60, at(1_000)).is_err());
        assert!(buckets.take("b", 60, at(1_000)).is_ok(), "others have their own");
        assert!(buckets.take("a", 60, at(-5)).is_err(), "a clock that goes back gives nothing");
    }

    #[test]
    fn memory_is_bounded() {
        let mut buckets = Buckets::default();
        for number in 0..MOST + 500 {
            buckets.take(&number.to_string(), 2, at(0)).unwrap();
        }

        assert_eq!(buckets.0.len(), MOST);
        buckets.take("later", 2, at(120_000)).unwrap();
        assert_eq!(buckets.0.len(), 1, "those whose minute is over are forgotten at once");
    }
}
