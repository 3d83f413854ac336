//! Everything CI checks, in the order that fails soonest.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::command::{cargo, run, succeeds_within, which};
use crate::repo::Repo;
use crate::{test, tidy};

const FUZZ_SECONDS: u32 = 10;

/// Runs every check and stops at the first that fails.
pub(crate) fn task(repo: &Repo) -> Result<()> {
    let started = Instant::now();
    run(cargo(repo).args(["fmt", "--all", "--", "--check"]))?;
    tidy::task(repo)?;
    deny(repo)?;
    run(cargo(repo).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    check_fuzz_targets(repo)?;
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
    run(cargo(repo).args(["deny", "check", "bans", "licenses", "sources"]))
}

/// Compiles the fuzz targets with the pinned compiler: they are a workspace of their own, so that
/// nothing else notices when what they call has changed.
fn check_fuzz_targets(repo: &Repo) -> Result<()> {
    if which("c++").is_none() {
        eprintln!("skipped: the fuzz targets need a C++ compiler");
        return Ok(());
    }
    let fuzz = repo.path("fuzz/Cargo.toml");
    run(cargo(repo).args(["fmt", "--check", "--manifest-path"]).arg(&fuzz))?;
    let mut clippy = cargo(repo);
    clippy.args(["clippy", "--target-dir"]).arg(repo.target("fuzz")).arg("--manifest-path");
    run(clippy.arg(&fuzz).args(["--", "-D", "warnings"]))
}

/// Runs each fuzz target for a moment where the nightly toolchain exists.
fn fuzz(repo: &Repo) -> Result<()> {
    let mut nightly = Command::new("rustc");
    nightly.arg("+nightly").arg("--version");
    if !succeeds_within(&mut nightly, Duration::from_secs(20)) {
        eprintln!("skipped: fuzzing needs the nightly toolchain");
        return Ok(());
    }
    let path = cargo_fuzz(repo)?;
    for target in fuzz_targets(&repo.path("fuzz/fuzz_targets"))? {
        let corpus = repo.target("fuzz/corpus").join(&target);
        std::fs::create_dir_all(&corpus)?;
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(repo.root()).env_remove("RUSTUP_TOOLCHAIN").env("PATH", &path);
        fuzz.args(["+nightly", "fuzz", "run", "--target-dir"]).arg(repo.target("fuzz"));
        // What it finds stays out of the repository; it starts from the committed seeds.
        fuzz.arg(&target).arg(corpus).arg(repo.path("fuzz/seeds").join(&target));
        run(fuzz.args(["--", &format!("-max_total_time={FUZZ_SECONDS}"), "-verbosity=0"]))?;
    }
    Ok(())
}

/// Returns a `PATH` on which cargo-fuzz is, installing it in the target folder when needed.
fn cargo_fuzz(repo: &Repo) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = repo.target("tools");
    if which("cargo-fuzz").is_none() && !tools.join("bin/cargo-fuzz").is_file() {
        let mut install = cargo(repo);
        install.args(["install", "--quiet", "--locked", "--root"]).arg(&tools);
        run(install.arg("cargo-fuzz"))?;
    }
    let dirs = std::env::split_paths(&path).chain([tools.join("bin")]);
    Ok(std::env::join_paths(dirs)?)
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
