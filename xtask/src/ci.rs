//! Everything CI checks, in the order that fails soonest.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::command::{cargo, run, succeeds_within, which};
use crate::repo::Repo;
use crate::{test, tidy};

const FUZZ_SECONDS: u32 = 20;

/// Runs every check and stops at the first that fails.
pub(crate) fn task(repo: &Repo) -> Result<()> {
    let started = Instant::now();
    run(cargo(repo).args(["fmt", "--all", "--", "--check"]))?;
    tidy::task(repo)?;
    deny(repo)?;
    run(cargo(repo).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo(repo);
    doc.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--workspace", "--no-deps"]);
    run(&mut doc)?;
    // Builds the filter too, and with it checks its size.
    test::task(repo, &test::Options::default())?;
    fuzz(repo)?;
    eprintln!("all checks passed in {}s", started.elapsed().as_secs());
    Ok(())
}

/// Checks licences, bans and sources; advisories need a database CI cannot reach.
fn deny(repo: &Repo) -> Result<()> {
    if which("cargo-deny").is_none() {
        eprintln!("skipped: cargo deny is not installed (`cargo install cargo-deny --locked`)");
        return Ok(());
    }
    run(cargo(repo).args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

/// Runs each fuzz target for a moment where the nightly toolchain and cargo-fuzz exist.
fn fuzz(repo: &Repo) -> Result<()> {
    let mut nightly = std::process::Command::new("rustc");
    nightly.arg("+nightly").arg("--version");
    if which("cargo-fuzz").is_none() || !succeeds_within(&mut nightly, Duration::from_secs(20)) {
        eprintln!("skipped: fuzzing needs the nightly toolchain and cargo-fuzz");
        return Ok(());
    }
    for target in fuzz_targets(&repo.path("fuzz/fuzz_targets"))? {
        let mut fuzz = std::process::Command::new("cargo");
        fuzz.current_dir(repo.root()).env_remove("RUSTUP_TOOLCHAIN");
        fuzz.args(["+nightly", "fuzz", "run", &target, "--"]);
        run(fuzz.arg(format!("-max_total_time={FUZZ_SECONDS}")))?;
    }
    Ok(())
}

fn fuzz_targets(dir: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
            targets.push(stem.to_owned());
        }
    }
    targets.sort();
    Ok(targets)
}
