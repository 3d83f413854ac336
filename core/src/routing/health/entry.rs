//! What is held against one account, or one model of it.

use tollgate_proto::v1::{HealthMark, HealthState};

use super::Standing;
use crate::snapshot::routing::Resilience;

/// A request that tries a target out is waited for no longer than this.
const PROBE_LASTS_US: i64 = 60_000_000;
/// Pauses do not double more often.
const MOST_DOUBLINGS: u32 = 15;

/// A mark, the failures that may lead to one, and who tries whether it still holds.
#[derive(Debug, Default)]
pub(super) struct Entry {
    mark: Option<Mark>,
    /// When the mark was made: attempts that began before it prove nothing about it.
    marked_us: i64,
    /// Failures in a row.
    failures: u32,
    probed_us: Option<i64>,
}

/// Out of rotation, or, as a default, in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) state: HealthState,
    pub(super) until_us: i64,
    /// How often in a row nobody knew how long its pause should be.
    pub(super) level: u32,
}

impl Entry {
    pub(super) fn mark(&self) -> Option<Mark> {
        self.mark
    }

    pub(super) fn standing(&self, now_us: i64) -> Standing {
        let Some(mark) = self.mark else { return Standing::In };
        let refused = mark.state == HealthState::Refused;
        let tried_until_us = self.probed_us.map(|since| since.saturating_add(PROBE_LASTS_US));
        let tried = tried_until_us.is_some_and(|until_us| now_us < until_us);
        if now_us < mark.until_us {
            return Standing::Out { until_us: mark.until_us, refused, tried };
        }
        match tried_until_us {
            Some(until_us) if tried => Standing::Out { until_us, refused, tried },
            Some(_) | None => Standing::In,
        }
    }

    /// Notes that an attempt begins. Tells whether it is the one that tries the target out.
    pub(super) fn probe(&mut self, now_us: i64) -> bool {
        let probes = match self.standing(now_us) {
            Standing::In => self.is_half_open(now_us),
            Standing::Out { refused, tried, .. } => refused && !tried,
        };
        if probes {
            self.probed_us = Some(now_us);
        }
        probes
    }

    pub(super) fn release(&mut self, begun_us: i64) {
        if self.probed_us == Some(begun_us) {
            self.probed_us = None;
        }
    }

    /// Counts a failure. Tells whether the mark changed.
    pub(super) fn count(
        &mut self,
        begun_us: i64,
        resilience: &Resilience,
        random: u64,
        now_us: i64,
    ) -> bool {
        if self.is_newer_than(begun_us) || self.is_out(now_us) {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let tried_out = self.mark.is_some_and(|mark| mark.state == HealthState::Open);
        if self.failures < resilience.failures && !tried_out {
            return false;
        }
        let longest_us = resilience.longest_cooldown_us.max(resilience.open_us);
        self.escalate(HealthState::Open, resilience.open_us, longest_us, random, now_us);
        true
    }

    /// Takes a pause that the provider named.
    pub(super) fn pause(&mut self, begun_us: i64, pause_us: i64, now_us: i64) -> bool {
        if self.is_newer_than(begun_us) || self.is_refused(now_us) {
            return false;
        }
        let until_us = now_us.saturating_add(pause_us);
        if self.mark.is_some_and(|mark| mark.until_us >= until_us) {
            return false;
        }
        let level = self.mark.map_or(0, |mark| mark.level);
        self.put(HealthState::Cooling, until_us, level, now_us);
        true
    }

    /// Takes a pause of which nobody knows how long it should be.
    pub(super) fn back_off(
        &mut self,
        begun_us: i64,
        first_us: i64,
        longest_us: i64,
        random: u64,
        now_us: i64,
    ) -> bool {
        if self.is_newer_than(begun_us) || self.is_out(now_us) {
            return false;
        }
        self.escalate(HealthState::Cooling, first_us, longest_us, random, now_us);
        true
    }

    pub(super) fn refuse(&mut self, pause_us: i64, now_us: i64) -> bool {
        if self.is_refused(now_us) {
            return false;
        }
        let level = self.mark.map_or(0, |mark| mark.level).saturating_add(1);
        self.put(HealthState::Refused, now_us.saturating_add(pause_us), level, now_us);
        true
    }

    /// Takes another's mark.
    pub(super) fn set(&mut self, mark: &HealthMark, now_us: i64) {
        let same = Mark { state: mark.state(), until_us: mark.until_us, level: mark.level };
        if self.mark != Some(same) {
            self.put(same.state, same.until_us, same.level, now_us);
        }
    }

    /// Takes the mark back.
    pub(super) fn clear(&mut self) {
        self.mark = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mark.is_none() && self.failures == 0
    }

    /// Tells whether the mark was made after an attempt began.
    pub(super) fn is_newer_than(&self, begun_us: i64) -> bool {
        self.mark.is_some() && begun_us < self.marked_us
    }

    /// Tells whether others should hear that it is over: they would not find out soon.
    pub(super) fn is_worth_taking_back(&self, now_us: i64) -> bool {
        self.is_out(now_us) || self.is_half_open(now_us)
    }

    pub(super) fn is_out(&self, now_us: i64) -> bool {
        self.mark.is_some_and(|mark| now_us < mark.until_us)
    }

    /// Tells whether its time is over, and one request is to find out whether it works again. An
    /// account that asked for a pause said itself when that is over.
    fn is_half_open(&self, now_us: i64) -> bool {
        self.mark.is_some_and(|mark| {
            now_us >= mark.until_us
                && matches!(mark.state, HealthState::Open | HealthState::Refused)
        })
    }

    fn is_refused(&self, now_us: i64) -> bool {
        self.is_out(now_us) && self.mark.is_some_and(|mark| mark.state == HealthState::Refused)
    }

    fn escalate(
        &mut self,
        state: HealthState,
        first_us: i64,
        longest_us: i64,
        random: u64,
        now_us: i64,
    ) {
        let level = self.mark.map_or(0, |mark| mark.level);
        let pause_us = jittered(first_us, level, longest_us, random);
        let level = level.saturating_add(1).min(MOST_DOUBLINGS + 1);
        self.put(state, now_us.saturating_add(pause_us), level, now_us);
    }

    fn put(&mut self, state: HealthState, until_us: i64, level: u32, now_us: i64) {
        self.mark = Some(Mark { state, until_us, level });
        self.marked_us = now_us;
        self.probed_us = None;
        self.failures = 0;
    }
}

/// Returns a pause: twice as long at each level, a quarter more or less by chance so that gateways
/// do not come back together, and never the longest exceeded.
fn jittered(first_us: i64, level: u32, longest_us: i64, random: u64) -> i64 {
    let doubled = first_us.saturating_mul(1 << level.min(MOST_DOUBLINGS)).min(longest_us);
    let chance = i64::try_from(random % 512).unwrap_or_default() - 256;
    doubled.saturating_add((doubled / 1024).saturating_mul(chance)).min(longest_us)
}
