//! Measures the gateway beside the same Envoy without it: one run, interleaved, ratios.
//!
//! Both Envoys have one worker, the same listener, route and cluster settings, and the same
//! upstream. Tollgate's has real keys, access checks, metering and both roles on.

mod load;
mod long;
mod management;
mod measure;
mod numbers;
mod paced;
mod report;
mod rig;
mod tokens;
mod wire;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use self::measure::Plan;
use self::rig::Rig;
use crate::command::output;
use crate::envoy;
use crate::gateway::Programs;
use crate::repo::Repo;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Two short pairs and fewer keys: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Interleaved pairs
    #[arg(long)]
    pairs: Option<usize>,
}

/// Measures and writes `target/bench/latest.json`.
pub(crate) fn task(repo: &Repo, options: &Options) -> Result<()> {
    let mut plan = if options.quick { Plan::quick() } else { Plan::full() };
    plan.pairs = options.pairs.unwrap_or(plan.pairs);
    let programs = Programs::build(repo, true)?;
    // Before we leave Envoy's CPU to it.
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut rig = Rig::start(repo, &programs)?;
    let mut rows = measure::all(&mut rig, &programs, &plan)?;
    rows.push(tokens::row(repo)?);

    let commit = output(
        std::process::Command::new("git")
            .current_dir(repo.root())
            .args(["describe", "--always", "--dirty"]),
    );
    let about = json!({
        "commit": commit.unwrap_or_default().trim(),
        "envoy": envoy::version_of(&programs.envoy)?,
        "cpus": cpus,
        "pairs": plan.pairs,
        "seconds": plan.duration.as_secs_f64(),
        "keys": plan.keys,
        "quick": options.quick,
    });
    let file = repo.target("bench/latest.json");
    let text = serde_json::to_string_pretty(&report::document(&about, &rows))?;
    std::fs::write(&file, text + "\n")
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}", report::table(&rows));
    println!("written to {}", file.display());
    rig.tollgate.envoy.process.stop(Duration::from_secs(5));
    rig.control_plane.process.stop(Duration::from_secs(15));
    Ok(())
}
