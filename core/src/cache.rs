//! Answers that are kept in memory for whoever asks the same again.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::price::TokenUsage;

/// What an entry costs besides its text.
const OVERHEAD: usize = 256;

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Its media type.
    pub content_type: String,
    /// Its body, a stream's events included.
    pub body: Vec<u8>,
    /// Until when it is served.
    pub expires_at_us: i64,
    /// What it used when it was made.
    pub tokens: TokenUsage,
    /// What it cost then, in nano-dollars.
    pub cost_nanos: i64,
    /// How similar the question was to which it is the answer, in ten-thousandths. 0: it was the
    /// same.
    pub similarity: u32,
}

/// What an answer is found by: a hash over everything that it depends on.
pub type CacheKey = [u8; 32];

/// A bounded memory of answers; those that were not asked for longest go first.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<CacheKey, (u64, Rc<Kept>)>,
    /// Keys by when they were last asked for.
    asked: BTreeMap<u64, CacheKey>,
    bytes: usize,
    most: usize,
    clock: u64,
    generation: u64,
}

impl Cache {
    /// Sets how many bytes are kept at most. Another `generation` than before forgets everything.
    pub fn configure(&mut self, most: usize, generation: u64) {
        self.most = most;
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.entries.clear();
            self.asked.clear();
            self.bytes = 0;
        }
        self.shrink();
    }

    /// Returns an answer that is kept and not too old.
    pub fn find(&mut self, key: &CacheKey, now_us: i64) -> Option<Rc<Kept>> {
        let (asked, kept) = self.entries.get_mut(key)?;
        if kept.expires_at_us <= now_us {
            self.forget(key);
            return None;
        }
        self.clock += 1;
        self.asked.remove(asked);
        self.asked.insert(self.clock, *key);
        *asked = self.clock;
        Some(Rc::clone(kept))
    }

    /// Keeps an answer, if there is room for it at all.
    pub fn keep(&mut self, key: CacheKey, kept: Rc<Kept>) {
        self.forget(&key);
        let size = size(&kept);
        if size > self.most {
            return;
        }
        self.clock += 1;
        self.bytes += size;
        self.asked.insert(self.clock, key);
        self.entries.insert(key, (self.clock, kept));
        self.shrink();
    }

    /// Returns how many answers are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget(&mut self, key: &CacheKey) {
        if let Some((asked, kept)) = self.entries.remove(key) {
            self.asked.remove(&asked);
            self.bytes -= size(&kept);
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.most
            && let Some((_, oldest)) = self.asked.first_key_value().map(|(at, key)| (*at, *key))
        {
            self.forget(&oldest);
        }
    }
}

fn size(kept: &Kept) -> usize {
    kept.body.len().saturating_add(kept.content_type.len()).saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(length: usize) -> Rc<Kept> {
        Rc::new(Kept { body: vec![b'x'; length], expires_at_us: 10, ..Kept::default() })
    }

    fn cache(most: usize) -> Cache {
        let mut cache = Cache::default();
        cache.configure(most, 1);
        cache
    }

    #[test]
    fn answers_are_found_until_they_are_too_old() {
        let mut cache = cache(10_000);
        cache.keep([1; 32], kept(5));

        assert_eq!(cache.find(&[1; 32], 9).map(|kept| kept.body.len()), Some(5));
        assert_eq!(cache.find(&[2; 32], 9), None);
        assert_eq!(cache.find(&[1; 32], 10), None);
        assert_eq!((cache.len(), cache.bytes), (0, 0));
    }

    // proves: config.cache.memory_bytes
    #[test]
    fn those_that_were_not_asked_for_longest_make_room() {
        let mut cache = cache(3 * (100 + OVERHEAD));
        for number in 1..=3 {
            cache.keep([number; 32], kept(100));
        }
        cache.find(&[1; 32], 0);

        cache.keep([4; 32], kept(100));

        let left = [1, 2, 3, 4].map(|number| cache.find(&[number; 32], 0).is_some());
        assert_eq!(left, [true, false, true, true]);
        assert!(cache.bytes <= cache.most);
    }

    #[test]
    fn one_that_is_larger_than_all_room_is_not_kept() {
        let mut cache = cache(1000);
        cache.keep([1; 32], kept(100));
        cache.keep([2; 32], kept(1000));
        cache.keep([1; 32], kept(1000));

        assert!(cache.is_empty());
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn a_purge_forgets_all_and_another_size_as_many_as_needed() {
        let mut cache = cache(10_000);
        for number in 1..=5 {
            cache.keep([number; 32], kept(100));
        }
        cache.configure(2 * (100 + OVERHEAD), 1);
        assert_eq!(cache.len(), 2);

        cache.configure(10_000, 2);

        assert!(cache.is_empty());
        assert_eq!((cache.bytes, cache.asked.len()), (0, 0));
    }
}
