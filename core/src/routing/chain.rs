//! The targets of one request, one attempt after the other.

use std::collections::VecDeque;
use std::rc::Rc;

use super::health::{Attempt, Health};
use crate::snapshot::Target;

/// The targets that are left to try, best first.
#[derive(Debug, Default)]
pub struct Chain {
    targets: VecDeque<Rc<Target>>,
    attempts_left: usize,
}

impl Chain {
    pub(super) fn new(targets: Vec<Rc<Target>>, attempts: usize) -> Self {
        Self { targets: targets.into(), attempts_left: attempts }
    }

    /// Returns the target that would be tried next, if an attempt were to begin now. `has_room`
    /// tells whether a target's own limits would let it.
    pub fn first_free(
        &self,
        health: &Health,
        now_us: i64,
        has_room: impl Fn(&Target) -> bool,
    ) -> Option<&Rc<Target>> {
        if self.attempts_left == 0 {
            return None;
        }
        self.targets.iter().find(|target| health.is_free(target, now_us) && has_room(target))
    }

    /// Begins an attempt at one of the targets that are left; those before it are passed over.
    /// `None`: it is not among them, or there were enough attempts.
    pub fn begin(
        &mut self,
        target: &Rc<Target>,
        health: &mut Health,
        now_us: i64,
    ) -> Option<Attempt> {
        let at = self.targets.iter().position(|left| Rc::ptr_eq(left, target))?;
        self.attempts_left = self.attempts_left.checked_sub(1)?;
        self.targets.drain(..=at);
        Some(health.begin(target, now_us))
    }

    /// Gives up all but the best.
    pub fn keep_first(&mut self) {
        self.targets.truncate(1);
    }

    /// Returns how many attempts are possible yet.
    pub fn attempts_left(&self) -> usize {
        self.attempts_left.min(self.targets.len())
    }

    /// Returns the targets that are left, best first.
    pub fn targets(&self) -> impl Iterator<Item = &Rc<Target>> {
        self.targets.iter()
    }

    /// Takes out what is not worth trying any more.
    pub fn retain(&mut self, keep: impl FnMut(&Rc<Target>) -> bool) {
        self.targets.retain(keep);
    }
}
