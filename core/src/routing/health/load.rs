//! How busy and how fast each target is, as far as this VM has seen.

use std::collections::{BTreeMap, BTreeSet};

use super::key::Key;
use crate::snapshot::Target;

/// Targets that are followed at once.
const CAPACITY: usize = 8_192;
/// A new measurement counts for one part in so many.
const WEIGHT: i64 = 4;
/// After this long a measurement says little, and one request finds out again.
const STALE_US: i64 = 300_000_000;

/// By account and model.
#[derive(Debug, Default)]
pub(super) struct Loads {
    by_target: BTreeMap<Key, Load>,
}

#[derive(Debug, Default)]
struct Load {
    in_flight: u32,
    /// Moving average of the time to the first content.
    latency_us: Option<i64>,
    begun_us: i64,
}

impl Loads {
    pub(super) fn begin(&mut self, target: &Target, now_us: i64) {
        if self.by_target.len() >= CAPACITY {
            self.by_target.retain(|_, load| load.in_flight > 0);
        }
        let load = self.by_target.entry(Key::model(target)).or_default();
        load.in_flight = load.in_flight.saturating_add(1);
        load.begun_us = now_us;
    }

    pub(super) fn answered(&mut self, target: &Target, took_us: i64) {
        if let Some(load) = self.by_target.get_mut(&Key::model(target)) {
            let took_us = took_us.max(0);
            let before = load.latency_us.unwrap_or(took_us);
            load.latency_us = Some(before + (took_us - before) / WEIGHT);
        }
    }

    pub(super) fn end(&mut self, target: &Target) {
        if let Some(load) = self.by_target.get_mut(&Key::model(target)) {
            load.in_flight = load.in_flight.saturating_sub(1);
        }
    }

    pub(super) fn in_flight(&self, target: &Target) -> u32 {
        self.by_target.get(&Key::model(target)).map_or(0, |load| load.in_flight)
    }

    pub(super) fn latency_us(&self, target: &Target) -> Option<i64> {
        self.by_target.get(&Key::model(target))?.latency_us
    }

    /// Ranks by requests in flight, and among equals by who was asked longest ago.
    pub(super) fn busy(&self, target: &Target) -> u128 {
        let Some(load) = self.by_target.get(&Key::model(target)) else { return 0 };
        u128::from(load.in_flight) << 64 | u128::from(load.begun_us.unsigned_abs())
    }

    /// Ranks by the time to the first content. Who was not asked for long is asked first, by one
    /// request; until it has an answer the others go where the speed is known.
    pub(super) fn slow(&self, target: &Target, now_us: i64) -> u128 {
        let Some(load) = self.by_target.get(&Key::model(target)) else { return 0 };
        if now_us.saturating_sub(load.begun_us) > STALE_US && load.in_flight == 0 {
            return 0;
        }
        match load.latency_us {
            Some(latency_us) => 1 << 64 | u128::from(latency_us.unsigned_abs()),
            None => 2 << 64,
        }
    }

    pub(super) fn keep(&mut self, targets: &BTreeSet<Key>) {
        self.by_target.retain(|key, load| load.in_flight > 0 || targets.contains(key));
    }
}
