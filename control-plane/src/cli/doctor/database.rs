//! The database, and whether its clock is ours.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::Finding;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Secret;

/// Looks at the database without changing it.
pub(super) async fn look(url: &Secret) -> Vec<Finding> {
    if let Some(file) = url.expose().strip_prefix("sqlite:") {
        return vec![file_of(Path::new(file))];
    }
    let looked = tokio::time::timeout(PATIENCE, server(url)).await;
    match looked {
        Ok(Ok(micros)) => vec![Finding::ok("database", "PostgreSQL answers"), skew(micros)],
        Ok(Err(error)) => {
            let found = format!("{error}; does database.url name the right server and user?");
            vec![Finding::fail("database", found)]
        }
        Err(_) => vec![Finding::fail("database", "no answer in 10 seconds; is it reachable?")],
    }
}

fn file_of(file: &Path) -> Finding {
    let folder = file.parent().unwrap_or(Path::new("."));
    match std::fs::OpenOptions::new().write(true).open(file) {
        Ok(_) => Finding::ok("database", format!("{}", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let found = format!("{} will be made at the start", file.display());
            let there = folder.ancestors().find(|folder| folder.exists());
            let fixed = there
                .and_then(|it| it.metadata().ok())
                .is_some_and(|it| it.permissions().readonly());
            if fixed {
                let found = format!("{} cannot be written", folder.display());
                return Finding::fail("database", found);
            }
            Finding::ok("database", found)
        }
        Err(error) => Finding::fail("database", format!("{}: {error}", file.display())),
    }
}

/// Asks a server how far its clock is ahead of ours, in microseconds.
async fn server(url: &Secret) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnectOptions::from_str(url.expose())?.connect().await?;
    let before = SystemClock.now().as_micros();
    let row = sqlx::query(NOW).fetch_one(&mut connection).await?;
    let after = SystemClock.now().as_micros();
    connection.close().await?;
    let theirs: i64 = row.try_get("micros")?;
    Ok(theirs - before.midpoint(after))
}

fn skew(micros: i64) -> Finding {
    let seconds = micros / 1_000_000;
    let found = format!("the database is {seconds} s ahead of this machine");
    match micros.unsigned_abs() {
        0..1_000_000 => Finding::ok("clocks", "less than a second apart"),
        1_000_000..30_000_000 => Finding::warn("clocks", format!("{found}; is NTP running?")),
        _ => Finding::fail("clocks", format!("{found}; limits and expiry need one time: use NTP")),
    }
}

const NOW: &str =
    "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn clocks_may_be_a_second_apart() {
        for (micros, state) in [
            (999_999, State::Ok),
            (-2_000_000, State::Warn),
            (31_000_000, State::Fail),
            (i64::MIN, State::Fail),
        ] {
            assert_eq!(skew(micros).state, state, "{micros}");
        }
    }
}
