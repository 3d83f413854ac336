//! Questions that came lately: their answers are kept a moment later.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::Vector;
use crate::domain::kept::CacheKey;

/// Vectors of questions that came lately; the oldest make room.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    known: HashMap<[u8; 32], Known>,
    order: VecDeque<[u8; 32]>,
    numbers: usize,
}

/// What is known of a question.
#[derive(Debug)]
pub(super) struct Known {
    /// All else that its answer depends on.
    pub(super) context: CacheKey,
    /// Of which model the vector is.
    pub(super) embedding: String,
    /// What the model makes of it.
    pub(super) vector: Arc<Vector>,
}

impl Remembered {
    pub(super) fn find(&self, name: &[u8; 32]) -> Option<&Known> {
        self.known.get(name)
    }

    pub(super) fn remember(&mut self, name: [u8; 32], known: Known) {
        self.numbers += known.vector.dimensions();
        match self.known.insert(name, known) {
            Some(before) => self.numbers -= before.vector.dimensions(),
            None => self.order.push_back(name),
        }
        while self.numbers > MOST_NUMBERS
            && let Some(oldest) = self.order.pop_front()
            && let Some(gone) = self.known.remove(&oldest)
        {
            self.numbers -= gone.vector.dimensions();
        }
    }
}

/// 16 MiB: some thousand questions.
const MOST_NUMBERS: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_questions_make_room() {
        let name = |number: u32| {
            let mut name = [0; 32];
            name[..4].copy_from_slice(&number.to_be_bytes());
            name
        };
        let mut remembered = Remembered::default();
        let vector = Arc::new(Vector::scaled(&vec![1.0; 8192]).unwrap());
        for number in (0..600).flat_map(|number| [number, number]) {
            let vector = Arc::clone(&vector);
            let known = Known { context: [1; 32], embedding: "e".into(), vector };
            remembered.remember(name(number), known);
        }

        assert_eq!(remembered.numbers, MOST_NUMBERS);
        assert_eq!((remembered.known.len(), remembered.order.len()), (512, 512));
        assert!(remembered.find(&name(87)).is_none());
        assert!(remembered.find(&name(88)).is_some());
    }
}
