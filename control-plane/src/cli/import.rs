//! `tollgate import`: another gateway's configuration as a file of ours.

mod omniroute;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_yaml_ng::Value;

use super::{CONFIG, complain};
use crate::config::foreign::{Surroundings, System, Translation};
use crate::prices::PriceList;

/// Whose configuration it is.
#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// LiteLLM's `config.yaml`.
    Litellm(File),
    /// `llms.json` of llms.py.
    LlmsPy(File),
    /// PLLM's `config.yaml`.
    Pllm(File),
    /// OmniRoute's `storage.sqlite`, a backup of it, or its former `db.json`.
    Omniroute(File),
}

#[derive(Debug, Args)]
pub(super) struct File {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints the configuration on standard output, and on standard error what is lost or changes.
pub(super) fn run(command: ImportCommand, env: &BTreeMap<String, String>) -> ExitCode {
    let (system, File { file }) = match command {
        ImportCommand::Litellm(file) => (System::LiteLlm, file),
        ImportCommand::LlmsPy(file) => (System::LlmsPy, file),
        ImportCommand::Pllm(file) => (System::Pllm, file),
        ImportCommand::Omniroute(file) => (System::OmniRoute, file),
    };
    let read = translate(system, &file, env);
    let written = read.and_then(|translation| print(system, &translation));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot import {}: {error:#}", file.display()));
            ExitCode::from(CONFIG)
        }
    }
}

fn translate(
    system: System,
    file: &Path,
    env: &BTreeMap<String, String>,
) -> anyhow::Result<Translation> {
    let prices = PriceList::built_in()?;
    let content = std::fs::read(file)?;
    let tree: Value = if system == System::OmniRoute && content.starts_with(SQLITE) {
        omniroute::read(file)?
    } else {
        let text = String::from_utf8(content).context("it is no text")?;
        serde_yaml_ng::from_str(&text)?
    };
    let around = Surroundings { env, serving: false, prices: &prices };
    system.translate(&tree, around).map_err(anyhow::Error::msg)
}

fn print(system: System, translation: &Translation) -> anyhow::Result<()> {
    let yaml = serde_yaml_ng::to_string(&translation.tree)?;
    let mut out = std::io::stdout().lock();
    write!(out, "# Made from the configuration of {}.\n{yaml}", system.name())?;
    let mut report = std::io::stderr().lock();
    for note in &translation.notes {
        writeln!(report, "{note}")?;
    }
    for name in translation.variables.keys() {
        writeln!(report, "set the variable {name} to what stands in the file")?;
    }
    Ok(())
}

/// How a SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
