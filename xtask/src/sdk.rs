//! What the tests need beside Rust: official client libraries and PostgreSQL's programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{run, which};
use crate::install;
use crate::repo::Repo;

const PYTHON_PACKAGES: &[&str] =
    &["openai[realtime]==3.54.0", "anthropic==2.12.0", "google-genai==3.4.0", "ollama==0.6.3"];
/// What admins of LiteLLM's proxy script with. Apart from the others: it wants an older `openai`.
const LITELLM_PACKAGES: &[&str] = &["litellm==1.83.14"];
/// What finds out whether an API is as its description says.
const SCHEMATHESIS_PACKAGES: &[&str] = &["schemathesis==4.32.5"];
const NODE_PACKAGES: &[&str] = &[
    "openai@7.57.0",
    "@anthropic-ai/sdk@1.12.0",
    // What OpenAI's client speaks WebSockets with.
    "ws@8.23.0",
    // Programs that people point at the gateway.
    "@anthropic-ai/claude-code@2.1.197",
    "@google/gemini-cli@0.61.0",
    "@openai/codex@0.169.0",
    // An identity provider that people sign in with.
    "oidc-provider@8.8.1",
];

/// Returns the Python of a venv, making the venv when it is missing.
pub(crate) fn python_venv(venv: &Path) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    if python.is_file() {
        return Ok(python);
    }
    if create_venv(venv).is_err() {
        install::debian_packages("this needs Python 3 with venv", &["python3", "python3-venv"])?;
        create_venv(venv)?;
    }
    Ok(python)
}

fn create_venv(venv: &Path) -> Result<()> {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))
}

/// Returns a Python that has the official SDKs.
pub(crate) fn python(repo: &Repo) -> Result<PathBuf> {
    python_with(&repo.target("venv"), PYTHON_PACKAGES)
}

/// Returns a Python that has LiteLLM's client and command line.
pub(crate) fn litellm(repo: &Repo) -> Result<PathBuf> {
    python_with(&repo.target("litellm"), LITELLM_PACKAGES)
}

/// Returns a Python that has Schemathesis.
pub(crate) fn schemathesis(repo: &Repo) -> Result<PathBuf> {
    python_with(&repo.target("schemathesis"), SCHEMATHESIS_PACKAGES)
}

fn python_with(venv: &Path, packages: &[&str]) -> Result<PathBuf> {
    let python = python_venv(venv)?;
    once(&venv.join("installed"), packages, || {
        let mut pip = Command::new(&python);
        run(pip.args(["-m", "pip", "install", "--quiet"]).args(packages))
    })?;
    Ok(python)
}

/// Returns a folder whose `node_modules` has the official SDKs.
pub(crate) fn node_modules(repo: &Repo) -> Result<PathBuf> {
    if which("node").is_none() || which("npm").is_none() {
        install::debian_packages("the SDK tests need Node", &["nodejs", "npm"])?;
    }
    let dir = repo.target("node");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    once(&dir.join("installed"), NODE_PACKAGES, || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]);
        run(npm.arg(&dir).args(NODE_PACKAGES))
    })?;
    Ok(dir)
}

/// Runs an installation unless the stamp says that these packages are there.
fn once(stamp: &Path, packages: &[&str], install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = packages.join("\n");
    if std::fs::read_to_string(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install()?;
    std::fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Returns the folder with `initdb` and `postgres`.
pub(crate) fn postgres() -> Result<PathBuf> {
    if let Some(dir) = find_postgres() {
        return Ok(dir);
    }
    install::debian_packages("the store tests need PostgreSQL's server", &["postgresql"])?;
    find_postgres().context("PostgreSQL is installed but has no initdb")
}

fn find_postgres() -> Option<PathBuf> {
    let named = std::env::var_os("TOLLGATE_PG_BIN").map(PathBuf::from);
    // A link on PATH says where the programs are; they stand together only there.
    let on_path = which("initdb").and_then(|initdb| initdb.canonicalize().ok());
    let on_path = on_path.and_then(|initdb| Some(initdb.parent()?.to_path_buf()));
    named
        .into_iter()
        .chain(on_path)
        .chain(debian_postgres())
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// Lists Debian's versions, newest first.
fn debian_postgres() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut found: Vec<_> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, bin)| bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installs_once_for_the_same_packages() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = dir.path().join("installed");
        let mut runs = 0;
        for packages in [&["a==1"], &["a==1"], &["a==2"]] {
            once(&stamp, packages, || {
                runs += 1;
                Ok(())
            })
            .unwrap();
        }

        assert_eq!(runs, 2);
    }
}
