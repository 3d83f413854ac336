//! `tollgate ledger`: what totals are, and what they should be.

mod reconcile;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::{Files, with_config};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Proves that totals are the sums of the ledger's records. Names every difference, and exits
    /// with 1 when there is any.
    Verify(Files),
    /// Makes totals the sums of the ledger's records, in one transaction, and tells what changed.
    Rebuild(Files),
    /// Finds requests that an Envoy finished and could not report before it crashed, and puts
    /// them into the ledger in the place of what was presumed.
    Reconcile(reconcile::Options),
}

pub(super) fn run(command: LedgerCommand, env: BTreeMap<String, String>) -> ExitCode {
    match command {
        LedgerCommand::Verify(files) => with_config(files, env, |_, config, _| async move {
            let store = store::open_for_proofs(&config.database_url).await?;
            let differences = store.verify().await;
            store.close().await;
            let differences = differences?;
            print(&differences)?;
            anyhow::ensure!(differences.is_empty(), "{} totals differ", differences.len());
            tracing::info!("totals are what the ledger says");
            Ok(())
        }),
        LedgerCommand::Reconcile(options) => reconcile::run(options, env),
        LedgerCommand::Rebuild(files) => with_config(files, env, |_, config, _| async move {
            let store = store::open_for_proofs(&config.database_url).await?;
            let differences = store.rebuild().await;
            store.close().await;
            let differences = differences?;
            print(&differences)?;
            tracing::info!(changed = differences.len(), "totals are what the ledger says");
            Ok(())
        }),
    }
}

/// Prints a line for each.
fn print(lines: &[impl Display]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").context("cannot write to standard output")?;
    }
    Ok(())
}
