//! How fast the core counts tokens in V8, which is what runs it in Envoy.

use std::process::Command;

use anyhow::{Context, Result};

use super::report::{Row, Target};
use crate::command::{output, which};
use crate::repo::Repo;
use crate::{install, wasm};

/// Builds the example that counts, and has Node time it.
pub(super) fn row(repo: &Repo) -> Result<Row> {
    let file = wasm::build_example(repo, "tokens_speed")?;
    if which("node").is_none() {
        install::debian_packages("timing wasm needs Node", &["nodejs"])?;
    }
    let mut node = Command::new("node");
    let said = output(node.arg(repo.path("xtask/src/bench/tokens.mjs")).arg(&file))?;
    let speed = said.trim().parse().with_context(|| format!("node said {said}"))?;
    Ok(Row::alone("tokens counted in wasm", "MB/s", speed, Some(Target::AtLeast(8.0))))
}
