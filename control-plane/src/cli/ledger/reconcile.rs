//! `tollgate ledger reconcile`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Deserialize;

use super::print;
use crate::cli::{Files, with_config};
use crate::clock::{Clock, SystemClock};
use crate::domain::reconciliation::{Logged, Presumed, records};
use crate::domain::{HolderId, RecordId, Timestamp};
use crate::store;
use crate::store::proofs::Proofs;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    files: Files,
    /// The log that `server.gateway.access_log` names.
    #[arg(long, value_name = "FILE")]
    access_log: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take back what is presumed of workers whose logged requests are all in the ledger. What
    /// their unfinished requests used at providers is given up by that.
    #[arg(long)]
    release: bool,
}

/// One line of the log.
#[derive(Deserialize)]
struct Line {
    id: String,
    start_us: String,
    duration_ms: i64,
    status: u16,
}

pub(super) fn run(options: Options, env: BTreeMap<String, String>) -> ExitCode {
    let Options { files, access_log, dry_run, release } = options;
    with_config(files, env, |_, config, _| async move {
        let logged = read(&access_log)?;
        let store = store::open_for_proofs(&config.database_url).await?;
        let done = reconcile(store.as_ref(), &logged, dry_run, release).await;
        store.close().await;
        print(&done?)
    })
}

/// Does what is to be done for each worker that vanished, and tells what that was.
async fn reconcile(
    store: &dyn Proofs,
    logged: &BTreeMap<RecordId, Logged>,
    dry_run: bool,
    release: bool,
) -> anyhow::Result<Vec<String>> {
    let mut by_holder = BTreeMap::<HolderId, Vec<Presumed>>::new();
    for presumed in store.presumed().await? {
        by_holder.entry(presumed.holder).or_default().push(presumed);
    }
    let mut done = Vec::new();
    let mut theirs = BTreeSet::new();
    for (holder, presumed) in by_holder {
        let own = logged.keys().filter(|id| id.as_bytes().starts_with(holder.as_bytes()));
        let own: Vec<RecordId> = own.copied().collect();
        theirs.extend(own.iter().copied());
        let missing = store.unrecorded(&own).await?;
        let requests: Vec<Logged> =
            missing.iter().filter_map(|id| logged.get(id)).cloned().collect();
        let name = holder.to_hex();
        if own.is_empty() {
            done.push(format!("worker {name}: not in this log, left as it is"));
        } else if !requests.is_empty() {
            let records = records(holder, &presumed, &requests);
            let cost: i64 = records.iter().map(|record| record.cost.0).sum();
            let count = requests.len();
            done.push(format!(
                "worker {name}: {count} finished requests without a record cost {cost} \
                 nano-dollars, as presumed"
            ));
            if !dry_run {
                store.reconcile(holder, &records, SystemClock.now()).await?;
            }
        } else if release {
            done.push(format!("worker {name}: all its requests are recorded, released"));
            if !dry_run {
                store.release(holder, SystemClock.now()).await?;
            }
        } else {
            done.push(format!("worker {name}: all its requests are recorded, kept as presumed"));
        }
    }
    let others: Vec<RecordId> = logged.keys().filter(|id| !theirs.contains(id)).copied().collect();
    for id in store.unrecorded(&others).await? {
        done.push(format!("request {}: not in the ledger, and nothing is presumed", id.to_hex()));
    }
    Ok(done)
}

/// Reads the requests that were forwarded.
fn read(file: &Path) -> anyhow::Result<BTreeMap<RecordId, Logged>> {
    let cannot = || format!("cannot read {}", file.display());
    let lines = BufReader::new(std::fs::File::open(file).with_context(cannot)?).lines();
    let (mut logged, mut unreadable) = (BTreeMap::new(), 0);
    for line in lines {
        let line = line.with_context(cannot)?;
        let line: Option<Line> = serde_json::from_str(&line).ok();
        if line.as_ref().is_some_and(|line| line.id == NOT_FORWARDED) {
            continue;
        }
        match line.as_ref().and_then(parse) {
            Some(request) => {
                logged.insert(request.id, request);
            }
            None => unreadable += 1,
        }
    }
    if unreadable > 0 {
        tracing::warn!(lines = unreadable, "some lines of the log were not understood");
    }
    Ok(logged)
}

fn parse(line: &Line) -> Option<Logged> {
    let id = RecordId::from_hex(&line.id)?;
    let started_at = Timestamp::from_micros(line.start_us.parse().ok()?);
    let ended_at = started_at.plus_micros(line.duration_ms.saturating_mul(1_000));
    Some(Logged { id, started_at, ended_at, status: line.status })
}

/// What stands for an id when there was no record to be.
const NOT_FORWARDED: &str = "-";
