//! Measures how long lists and reports take over a large database:
//! `cargo run --release --example reports -- postgres://… [ROWS] [KEYS] [FILTER]`.
//!
//! Fills an empty PostgreSQL database with `ROWS` (10 million by default) ledger records of the
//! last thirty days and `KEYS` (100,000) keys of 10,000 users and 1,000 teams; a filled one is
//! taken as it is. Then asks the management API, in process, for each of its lists and reports
//! many times over, with other pages, keys and days each time, and prints how long that took.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

mod ask;
mod fill;

use std::time::Instant;

use tollgate_control_plane::domain::Secret;
use tollgate_control_plane::store;

/// How much there is.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: i64,
    keys: i64,
    users: i64,
    teams: i64,
    customers: i64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    let mut args = std::env::args().skip(1);
    let Some(url) = args.next() else { anyhow::bail!("say which database: postgres://…") };
    let mut number = |usual: i64| args.next().and_then(|it| it.parse().ok()).unwrap_or(usual);
    let (rows, keys) = (number(10_000_000), number(100_000));
    let size = Size { rows, keys, users: 10_000, teams: 1_000, customers: 20_000 };
    let filter = args.next().unwrap_or_default();
    let url = Secret::new(url);
    // Makes the tables, and adds up the days of a ledger that was there before they were.
    let start = Instant::now();
    store::open(&url).await?.close().await;
    println!("up to date in {:.1} s", start.elapsed().as_secs_f64());
    let filled = fill::fill(url.expose(), size).await?;
    let start = Instant::now();
    let store = store::open(&url).await?;
    println!("days added up in {:.1} s", start.elapsed().as_secs_f64());
    if filled {
        fill::settle(url.expose()).await?;
    }
    ask::all(store, size, &filter).await
}
