//! `tollgate master-key`: the key that may do everything, where the configuration names none.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Files, with_config};
use crate::clock::SystemClock;
use crate::entropy::SystemEntropy;
use crate::first_run;
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum MasterKeyCommand {
    /// Makes another master key and prints it, this once. The former one is refused from then on,
    /// by control planes that run within seconds.
    Rotate(Files),
}

pub(super) fn run(command: MasterKeyCommand, env: BTreeMap<String, String>) -> ExitCode {
    let MasterKeyCommand::Rotate(files) = command;
    with_config(files, env, |_, config, _| async move {
        anyhow::ensure!(
            config.master_key.is_none(),
            "the configuration names a master key, and that one counts; change it there"
        );
        let store = store::open(&config.database_url).await?;
        let made = first_run::replaced(store.as_ref(), &SystemClock, &SystemEntropy).await;
        store.close().await;
        let key = made?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", key.expose()).context("cannot write to standard output")
    })
}
