//! `tollgate doctor`: is everything there that serving needs, and what to do where it is not.

mod database;
mod envoy;
mod surroundings;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use super::{Files, with_config};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    files: Files,
    /// The program of Envoy, whose version is looked at.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// Where a running Envoy's admin interface is, such as `http://127.0.0.1:9901`: its version
    /// and its flags are looked at.
    #[arg(long, value_name = "URL")]
    envoy_admin: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    state: State,
    what: String,
    /// With what to do, unless it is well.
    found: String,
}

impl Finding {
    fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Ok, what: what.into(), found: found.into() }
    }

    fn warn(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Warn, what: what.into(), found: found.into() }
    }

    fn fail(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Fail, what: what.into(), found: found.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        write!(f, "{state}  {}: {}", self.what, self.found)
    }
}

/// Looks at everything, and prints a line for each.
pub(super) fn run(options: Options, env: BTreeMap<String, String>) -> ExitCode {
    let Options { files, envoy, envoy_admin } = options;
    with_config(files, env, |_, config, _| async move {
        let mut findings = vec![
            surroundings::filter(&config.filter_file),
            surroundings::master_key(config.master_key.as_ref()),
        ];
        findings.extend(surroundings::ports(&config.server).await);
        findings.extend(envoy::look(envoy.as_deref(), envoy_admin.as_deref()).await);
        findings.extend(database::look(&config.database_url).await);
        findings.extend(surroundings::providers(&config).await);
        let mut out = std::io::stdout().lock();
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
        let failed = findings.iter().filter(|finding| finding.state == State::Fail).count();
        ensure!(failed == 0, "{failed} of {} must be seen to", findings.len());
        Ok(())
    })
}
