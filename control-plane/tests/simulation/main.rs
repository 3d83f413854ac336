//! Limits under random histories: the filter's real leases against the control plane's real rules,
//! with a book in memory, a clock of our own and a network that loses, delays and reorders.
//!
//! `truth` knows what really happened and judges after every step. `TOLLGATE_SIMULATION_STEPS`
//! sets how many steps are made in all (100,000 when unset; a million and more is the long mode).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod book;
mod dice;
mod envoy;
mod faults;
mod rest;
mod scenario;
mod truth;
mod world;

use faults::Fault;
use world::World;

/// Plays one history, until it is over and everything has come to rest.
fn play(seed: u64, steps: u32, fault: Option<Fault>) -> Result<(), String> {
    let mut world = World::new(seed, fault);
    for step in 0..steps {
        world.step();
        world.judge().map_err(|wrong| format!("seed {seed}, step {step}: {wrong}"))?;
    }
    world.rest().map_err(|wrong| format!("seed {seed}, at rest: {wrong}"))
}

fn steps() -> u32 {
    let steps = std::env::var("TOLLGATE_SIMULATION_STEPS").ok();
    steps.map_or(100_000, |steps| steps.parse().unwrap())
}

#[test]
fn random_histories_pass_no_limit_and_lose_nothing() {
    let histories = u64::from(steps() / STEPS);
    let wrong: Vec<String> =
        (0..histories).filter_map(|seed| play(seed, STEPS, None).err()).collect();
    assert!(wrong.is_empty(), "{} of {histories}: {}", wrong.len(), wrong[0]);
}

#[test]
fn every_fault_is_found() {
    for fault in Fault::ALL {
        let found = (0..50).any(|seed| play(seed, STEPS, Some(fault)).is_err());
        assert!(found, "{fault:?} was not noticed");
    }
}

/// Steps in one history: some minutes with everything in them.
const STEPS: u32 = 4_000;
