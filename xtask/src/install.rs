//! System packages: installed when we may, named exactly when we may not.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{run, which};

/// Installs Debian packages, or says which command would.
///
/// Only root on a Debian-like machine (a container, a CI worker) gets packages without asking;
/// `TOLLGATE_NO_INSTALL=1` forbids even that.
pub(crate) fn debian_packages(why: &str, packages: &[&str]) -> Result<()> {
    let line = format!("apt-get install -y {}", packages.join(" "));
    let forbidden = std::env::var_os("TOLLGATE_NO_INSTALL").is_some();
    if forbidden || !rustix::process::geteuid().is_root() || which("apt-get").is_none() {
        bail!("{why}; on Debian or Ubuntu: `sudo {line}`");
    }
    eprintln!("{why}: installing {}", packages.join(", "));
    // A stale package list is no reason to stop: the packages may still be there.
    run(apt().arg("update")).ok();
    run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
        .map_err(|error| error.context(format!("{why}; tried `{line}`")))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q").env("DEBIAN_FRONTEND", "noninteractive");
    command
}
