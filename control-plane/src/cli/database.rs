//! `tollgate database`: all of it at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};

use super::{complain, on_runtime};
use crate::domain::Secret;
use crate::store::copy::{Copied, copy};

#[derive(Debug, Subcommand)]
pub(super) enum DatabaseCommand {
    /// Copies everything into a database that is empty, of whichever kind, and compares. Control
    /// planes should not run meanwhile: what they write after it began is not copied.
    Copy(Urls),
}

#[derive(Debug, Args)]
pub(super) struct Urls {
    /// `sqlite:PATH`, `postgres://…`, or `env:NAME` of a variable that holds it.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The same of the one that is filled.
    #[arg(long, value_name = "URL")]
    to: String,
}

pub(super) fn run(command: DatabaseCommand, env: &BTreeMap<String, String>) -> ExitCode {
    let DatabaseCommand::Copy(urls) = command;
    let copied = url("--from", &urls.from, env).and_then(|from| {
        let to = url("--to", &urls.to, env)?;
        Ok(on_runtime(async { copy(&from, &to).await })??)
    });
    match copied.and_then(|copied| print(&copied)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn url(option: &str, written: &str, env: &BTreeMap<String, String>) -> anyhow::Result<Secret> {
    if let Some(name) = written.strip_prefix("env:") {
        let value = env.get(name).filter(|value| !value.trim().is_empty());
        let value = value.with_context(|| format!("{option}: {name} is not set"))?;
        return Ok(Secret::new(value.trim()));
    }
    if let Some(path) = written.strip_prefix("sqlite:") {
        let path = std::path::absolute(path.strip_prefix("//").unwrap_or(path))?;
        return Ok(Secret::new(format!("sqlite:{}", path.display())));
    }
    match url::Url::parse(written) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
            ensure!(
                url.password().is_none(),
                "{option}: a password does not belong on a command line; write env:NAME"
            );
            Ok(Secret::new(written))
        }
        Ok(_) | Err(_) => bail!("{option}: write sqlite:PATH, postgres://… or env:NAME"),
    }
}

fn print(copied: &Copied) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (table, rows) in &copied.rows {
        writeln!(out, "{table}: {rows} rows")?;
    }
    let Copied { cost_nanos, tokens, .. } = copied;
    writeln!(out, "the ledger has {cost_nanos} nano-dollars and {tokens} tokens in both")?;
    Ok(())
}
