//! The whole gateway on this machine: control plane, Envoy and, when needed, a demo provider.
//!
//! Everything binds to loopback, everything it starts it also stops, in the order that
//! loses nothing: Envoy drains, the filter hands over its records, then the rest ends.

mod config;
mod master_key;
mod stack;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::gateway::Programs;
use crate::repo::Repo;

use self::stack::{Listen, Stack};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Configuration file; without one, or without providers in it, a demo provider is started
    #[arg(long)]
    config: Option<PathBuf>,
    /// Port of the gateway on 127.0.0.1 [default: as configured, else 8080]
    #[arg(long)]
    port: Option<u16>,
    /// Port of the management API on 127.0.0.1 [default: as configured, else 4000]
    #[arg(long)]
    admin_port: Option<u16>,
    /// Folder for database, master key and logs [default: data]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Build the control plane with optimisations
    #[arg(long)]
    release: bool,
}

/// Runs the gateway until a signal comes or a part of it dies.
pub(crate) fn task(repo: &Repo, options: &Options) -> Result<()> {
    let asked_to_stop = signals()?;
    let data = options.data.clone().unwrap_or_else(|| repo.path("data"));
    let data = std::path::absolute(&data)?;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let _lock = lock(&data)?;

    let programs = Programs::build(repo, options.release)?;
    let mut config = config::Source::read(options.config.as_deref())?;
    let master_key = master_key::obtain(config.master_key_variable(), &data)?;
    let listen = Listen { gateway: options.port, admin: options.admin_port };
    if asked_to_stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut stack = Stack::start(repo, &programs, &mut config, &master_key, listen, &data)?;
    println!(
        "ready gateway={} admin={} master_key={}",
        stack.gateway_url(),
        stack.admin_url(),
        master_key.value()
    );
    println!("{}", stack.curl(&config, &master_key));

    let result = supervise(&mut stack, &mut config, &asked_to_stop);
    eprintln!("stopping");
    stack.stop();
    result
}

fn signals() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let asked_to_stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // A second signal of a kind ends us at once; the children are then on their own.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&asked_to_stop))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_to_stop))?;
    }
    Ok(asked_to_stop)
}

/// Makes sure that no other gateway runs on the same data.
fn lock(data: &std::path::Path) -> Result<File> {
    let path = data.join("up.lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!("another `cargo xtask up` runs on {}; give --data another folder", data.display());
    }
    Ok(file)
}

fn supervise(
    stack: &mut Stack,
    config: &mut config::Source,
    asked_to_stop: &AtomicBool,
) -> Result<()> {
    while !asked_to_stop.load(Ordering::Relaxed) {
        stack.check()?;
        if let Err(error) = config.follow() {
            eprintln!("configuration not taken over: {error:#}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
