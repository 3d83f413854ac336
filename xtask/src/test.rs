//! Runs the tests: fetches what they need, tells them where it is, and sums up.

use std::ffi::OsString;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::{cargo, run, succeeds_within};
use crate::repo::Repo;
use crate::{envoy, sdk, wasm};

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Run one ring only
    #[arg(long, value_enum)]
    ring: Option<Ring>,
    /// Passed on to the test runner, for example a part of a test's name
    #[arg(trailing_var_arg = true)]
    filter: Vec<String>,
}

/// The tests from the inside out; each ring needs more of the machine.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Ring {
    /// The core: no IO at all
    Pure,
    /// The shells around it: filter on a fake host, control plane on both databases, tools
    Shells,
    /// What the parts agree on: protobuf code
    Contract,
    /// The whole thing with a real Envoy and the official SDKs
    Whole,
}

const SHELLS: &[&str] =
    &["tollgate-filter", "tollgate-control-plane", "tollgate-simulator", "xtask"];

impl Ring {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Pure => &["tollgate-core"],
            Self::Shells => SHELLS,
            Self::Contract => &["tollgate-proto"],
            Self::Whole => &["tollgate-e2e"],
        }
    }

    fn needs_postgres(self) -> bool {
        matches!(self, Self::Shells | Self::Whole)
    }
}

/// Runs all tests, or one ring of them.
pub(crate) fn task(repo: &Repo, options: &Options) -> Result<()> {
    let started = Instant::now();
    let environment = prepare(repo, options.ring)?;
    let mut results = Vec::new();
    let mut test = |what, mut tests: Command| {
        tests.envs(environment.iter().map(|(name, value)| (name, value)));
        results.push((what, run(&mut tests)));
    };
    if options.ring != Some(Ring::Whole) {
        test("tests", runner(repo, options));
    }
    if options.ring.is_none_or(|ring| ring == Ring::Whole) {
        test("stories", stories(repo, options));
    }
    if options.filter.is_empty() && options.ring.is_none_or(|ring| ring != Ring::Whole) {
        results.push(("doctests", run(&mut doctests(repo, options.ring))));
    }
    summarise(&results, &environment, started)
}

/// Builds and fetches what the tests start; returns the variables that tell them where it is.
fn prepare(repo: &Repo, ring: Option<Ring>) -> Result<Vec<(&'static str, OsString)>> {
    let mut environment = Vec::new();
    if ring.is_none_or(Ring::needs_postgres) {
        environment.push(("TOLLGATE_PG_BIN", sdk::postgres()?.into()));
    }
    // Renderers of Envoy configuration are checked by Envoy itself, in the shells too.
    if ring.is_none_or(|ring| matches!(ring, Ring::Shells | Ring::Whole)) {
        environment.push(("TOLLGATE_ENVOY", envoy::obtain(repo)?.into()));
        environment.push(("TOLLGATE_WASM", wasm::build(repo)?.into()));
    }
    if ring.is_none_or(|ring| ring == Ring::Whole) {
        environment.push(("TOLLGATE_PYTHON", sdk::python(repo)?.into()));
        environment.push(("TOLLGATE_LITELLM", sdk::litellm(repo)?.into()));
        environment.push(("TOLLGATE_SCHEMATHESIS", sdk::schemathesis(repo)?.into()));
        environment.push(("TOLLGATE_NODE_MODULES", sdk::node_modules(repo)?.into()));
        // The same units as the tests use: nothing is compiled twice.
        run(cargo(repo).args(["build", "--workspace", "--all-targets"]))?;
        environment.push(("TOLLGATE_BIN", repo.target("debug/tollgate").into()));
        if let Ok(recordings) = repo.path("../shared/data/recordings").canonicalize() {
            environment.push(("TOLLGATE_RECORDINGS", recordings.into()));
        }
    }
    Ok(environment)
}

fn runner(repo: &Repo, options: &Options) -> Command {
    let mut tests = cargo(repo);
    if has_nextest(repo) {
        let profile = if in_ci() { "ci" } else { "default" };
        // A ring may be empty of tests for a while; that is not a failure.
        tests.args(["nextest", "run", "--profile", profile, "--no-tests", "warn"]);
        tests.args(["--filterset", "not binary(stories)"]);
    } else {
        eprintln!("cargo-nextest is not installed: using cargo test");
        tests.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
        if options.ring.is_none() {
            tests.args(["--exclude", "tollgate-e2e"]);
        }
    }
    select(&mut tests, options.ring);
    if in_ci() {
        // Snapshots are compared in CI, never written.
        tests.env("INSTA_UPDATE", "no");
    }
    tests.args(&options.filter);
    tests
}

/// The whole ring in one process: its tests share running stacks, which nextest, with a process
/// for each test, would start and stop eighty times over.
///
/// Its test target alone has that name. The selection is the whole workspace all the same: with
/// another one cargo would unify other features and compile everything again.
fn stories(repo: &Repo, options: &Options) -> Command {
    let mut tests = cargo(repo);
    tests.args(["test", "--workspace", "--test", "stories"]);
    tests.args(&options.filter);
    tests
}

fn doctests(repo: &Repo, ring: Option<Ring>) -> Command {
    let mut tests = cargo(repo);
    tests.args(["test", "--doc"]);
    match ring {
        None => {
            tests.args(["-p", "tollgate-core", "-p", "tollgate-control-plane"]);
            tests.args(["-p", "tollgate-proto", "-p", "tollgate-simulator", "-p", "tollgate-e2e"]);
        }
        Some(Ring::Shells) => {
            tests.args(["-p", "tollgate-control-plane", "-p", "tollgate-simulator"]);
        }
        Some(ring) => select(&mut tests, Some(ring)),
    }
    tests
}

fn select(command: &mut Command, ring: Option<Ring>) {
    match ring {
        None => {
            command.arg("--workspace");
        }
        Some(ring) => {
            command.args(ring.packages().iter().flat_map(|package| ["-p", package]));
        }
    }
}

fn has_nextest(repo: &Repo) -> bool {
    let mut version = cargo(repo);
    version.args(["nextest", "--version"]);
    succeeds_within(&mut version, std::time::Duration::from_secs(20))
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn summarise(
    results: &[(&str, Result<()>)],
    environment: &[(&'static str, OsString)],
    started: Instant,
) -> Result<()> {
    eprintln!();
    for (name, value) in environment {
        eprintln!("{name}={}", value.to_string_lossy());
    }
    for (what, result) in results {
        match result {
            Ok(()) => eprintln!("{what}: passed"),
            Err(error) => eprintln!("{what}: FAILED ({error:#})"),
        }
    }
    eprintln!("took {}s", started.elapsed().as_secs());
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    if failed > 0 {
        bail!("{failed} of {} parts failed", results.len());
    }
    Ok(())
}
