//! `tollgate credentials`: the key that seals credentials of providers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Subcommand;

use super::{Files, with_config};
use crate::effective::owner;
use crate::entropy::SystemEntropy;
use crate::store::{self, Store};
use crate::vault::{self, Vault};

#[derive(Debug, Subcommand)]
pub(super) enum CredentialsCommand {
    /// Seals all credentials with a new key, while everything runs. A key in a file is replaced;
    /// of keys in the environment the first one is taken. Begun again after a crash, it goes on.
    Rotate(Files),
}

pub(super) fn run(command: CredentialsCommand, env: BTreeMap<String, String>) -> ExitCode {
    let CredentialsCommand::Rotate(files) = command;
    with_config(files, env, |source, config, _| async move {
        let written = source.env.get(vault::VARIABLE).map(String::as_str);
        let vault = Vault::open(written, &source.data_dir, &SystemEntropy)?;
        let in_file = vault.begin_change(&SystemEntropy)?;
        ensure!(
            in_file || vault.is_changing(),
            "{0} holds one key: set it to NEW,OLD wherever Tollgate runs, restart, and begin again; \
             set it to NEW afterwards",
            vault::VARIABLE
        );
        let store = store::open(&config.database_url).await?;
        let mut count = reseal(store.as_ref(), &vault).await?;
        vault.end_change()?;
        // Whoever sealed with the old key at the very last moment.
        count += reseal(store.as_ref(), &vault).await?;
        store.close().await;
        tracing::info!(credentials = count, "sealed with the new key");
        Ok(())
    })
}

/// Seals anew what another key than the first has sealed, until there is nothing left.
async fn reseal(store: &dyn Store, vault: &Vault) -> anyhow::Result<usize> {
    let mut count = 0;
    loop {
        let before = count;
        for item in store.items().await? {
            let Some(sealed) = &item.sealed else { continue };
            let again = vault.reseal(sealed, &owner(&item), &SystemEntropy);
            let again = again.unwrap_or_else(|error| {
                let (kind, id) = (item.kind.name(), &item.id);
                tracing::warn!(item.kind = kind, item.id = id, %error, "cannot be opened; it stays");
                None
            });
            if let Some(again) = again
                && store.reseal(&item, &again).await?
            {
                count += 1;
            }
        }
        if count == before {
            return Ok(count);
        }
    }
}
