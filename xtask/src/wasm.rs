//! Builds the filter for Envoy.
//!
//! An ordinary toolchain has the target or can add it.
//! Where rustup cannot download, Debian's second compiler builds the standard library itself.

mod exports;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{cargo, output, run, succeeds_within, which};
use crate::install;
use crate::repo::Repo;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "tollgate-filter";
const SIZE_LIMIT: u64 = 8_000_000;
const RUSTUP_PATIENCE: Duration = Duration::from_secs(90);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which compiler to use
    #[arg(long, value_enum, default_value_t = Compiler::Auto)]
    compiler: Compiler,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Compiler {
    /// The toolchain's own target, else Debian's compiler
    Auto,
    /// The toolchain in use, with its wasm32 target
    Rustup,
    /// Debian's rustc-web, which builds the standard library itself
    Debian,
}

/// Builds the filter and prints its path.
pub(crate) fn task(repo: &Repo, options: &Options) -> Result<()> {
    let file = build_with(repo, options.compiler)?;
    println!("{}", file.display());
    Ok(())
}

/// Builds the filter with whatever compiler works and returns the file Envoy loads.
pub(crate) fn build(repo: &Repo) -> Result<PathBuf> {
    build_with(repo, Compiler::Auto)
}

/// Builds an example of the core and returns the file that any host of wasm runs.
pub(crate) fn build_example(repo: &Repo, example: &str) -> Result<PathBuf> {
    let (mut command, target) = compiler(repo, Compiler::Auto)?;
    run(command.args(["-p", "tollgate-core", "--example", example]))?;
    Ok(target.join(TARGET).join("wasm/examples").join(example).with_extension("wasm"))
}

fn build_with(repo: &Repo, choice: Compiler) -> Result<PathBuf> {
    let (mut command, target) = compiler(repo, choice)?;
    // The package alone: with the workspace, features of others (tonic) would be pulled in.
    run(command.args(["-p", PACKAGE]))?;
    let built = target.join(TARGET).join("wasm/tollgate_filter.wasm");
    let bytes =
        std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    publish(&exports::without_unused(&bytes)?, &target.join("tollgate_filter.wasm"))
}

/// Returns cargo, told to build for wasm, and the folder it builds in.
fn compiler(repo: &Repo, choice: Compiler) -> Result<(Command, PathBuf)> {
    let mut command = match choice {
        Compiler::Rustup => {
            ensure!(toolchain_has_target(repo), "{}", what_to_install());
            cargo(repo)
        }
        Compiler::Debian => debian(repo)?,
        Compiler::Auto if toolchain_has_target(repo) => cargo(repo),
        Compiler::Auto => {
            eprintln!("the toolchain has no {TARGET} and cannot add it: using Debian's compiler");
            debian(repo).with_context(what_to_install)?
        }
    };
    // A folder of its own: no lock shared with native builds, no fight between two compilers.
    let target = repo.target("wasm");
    // Flags from the environment would replace those of .cargo/config.toml, simd128 among them.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env("CARGO_TARGET_DIR", &target);
    command.args(["build", "--profile", "wasm", "--target", TARGET]);
    Ok((command, target))
}

/// Puts the filter at its stable place, unless it is too big to ship.
fn publish(bytes: &[u8], file: &Path) -> Result<PathBuf> {
    let size = bytes.len() as u64;
    ensure!(size <= SIZE_LIMIT, "the filter has {size} bytes, more than {SIZE_LIMIT}");
    eprintln!("filter: {size} bytes of at most {SIZE_LIMIT}");
    // An Envoy may have the old one mapped, and an equal one needs no new modification time.
    if std::fs::read(file).ok().as_deref() != Some(bytes) {
        let fresh = file.with_extension("wasm.new");
        std::fs::write(&fresh, bytes)
            .with_context(|| format!("cannot write {}", fresh.display()))?;
        std::fs::rename(&fresh, file)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(file.to_path_buf())
}

fn toolchain_has_target(repo: &Repo) -> bool {
    has_std(repo) || (add_target(repo) && has_std(repo))
}

fn has_std(repo: &Repo) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(repo.root()).args(["--print", "target-libdir", "--target", TARGET]);
    output(&mut rustc).is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

fn add_target(repo: &Repo) -> bool {
    let mut rustup = Command::new("rustup");
    rustup.current_dir(repo.root()).args(["target", "add", TARGET]);
    which("rustup").is_some() && succeeds_within(&mut rustup, RUSTUP_PATIENCE)
}

/// Returns Debian's cargo, set up to build the standard library for wasm.
fn debian(repo: &Repo) -> Result<Command> {
    let cargo = Path::new("/usr/bin/cargo");
    let rustc = Path::new("/usr/bin/rustc");
    let complete = || cargo.is_file() && rustc.is_file() && debian_sources(rustc).is_some();
    if !complete() {
        install::debian_packages(
            "the filter needs a compiler with wasm32 sources",
            &["rustc-web", "cargo-web", "rust-web-src"],
        )?;
    }
    if !complete() {
        bail!("Debian's rustc-web, cargo-web or rust-web-src is still missing");
    }
    let mut command = Command::new(cargo);
    command
        .current_dir(repo.root())
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env("RUSTC", rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker(repo)?)
        .args(["-Z", "build-std=std,panic_abort"]);
    Ok(command)
}

fn debian_sources(rustc: &Path) -> Option<PathBuf> {
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"])).ok()?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std");
    sources.is_dir().then_some(sources)
}

/// Finds a linker that writes wasm: the toolchain's own, else one of the system.
fn linker(repo: &Repo) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(repo.root()).args(["--print", "target-libdir"]);
    let bundled = output(&mut rustc)
        .ok()
        .and_then(|libs| Some(Path::new(libs.trim()).parent()?.join("bin/rust-lld")))
        .filter(|file| file.is_file());
    if let Some(found) = bundled.or_else(system_linker) {
        return Ok(found);
    }
    install::debian_packages("linking the filter needs lld", &["lld"])?;
    system_linker().context("the package lld brought no wasm-ld")
}

fn system_linker() -> Option<PathBuf> {
    let versioned = (14..40).rev().map(|version| format!("wasm-ld-{version}"));
    std::iter::once("wasm-ld".to_owned()).chain(versioned).find_map(|name| which(&name))
}

fn what_to_install() -> String {
    format!(
        "no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian \
         `apt-get install -y rustc-web cargo-web rust-web-src lld`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_filter_that_is_too_big() {
        let dir = tempfile::tempdir().unwrap();

        let refused = publish(&vec![0; 8_000_001], &dir.path().join("out.wasm"));

        assert!(refused.unwrap_err().to_string().contains("8000001"));
    }

    #[test]
    fn leaves_an_equal_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out.wasm");
        publish(b"same", &out).unwrap();
        let first = out.metadata().unwrap().modified().unwrap();

        publish(b"same", &out).unwrap();

        assert_eq!(out.metadata().unwrap().modified().unwrap(), first);
    }
}
