//! A PostgreSQL server of its own for a test.

use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Connection;

use crate::domain::Secret;
use crate::store::{self, Store};

/// A server in a temporary folder, reached over a socket there; stopped when dropped.
pub(super) struct PostgresServer {
    folder: tempfile::TempDir,
    process: Child,
}

impl PostgresServer {
    /// Starts one. `None` when there are no binaries and this is not CI.
    pub(super) fn start() -> Option<Self> {
        let Some(binaries) = std::env::var_os("TOLLGATE_PG_BIN") else {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "TOLLGATE_PG_BIN is not set: PostgreSQL must be tested in CI");
            let hint = "SKIPPED: set TOLLGATE_PG_BIN to the folder of initdb to test PostgreSQL";
            // Past the test harness, which would swallow it.
            writeln!(std::io::stderr(), "{hint}").unwrap();
            return None;
        };
        let binaries = PathBuf::from(binaries);
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        let user = unprivileged();
        if let Some(user) = user {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(user)).unwrap();
        }
        let run = |program: &str| {
            let mut command = Command::new(binaries.join(program));
            command.current_dir(folder.path()).stdin(Stdio::null());
            if let Some(user) = user {
                command.uid(user).gid(user);
            }
            command
        };
        let data = folder.path().join("data");
        let made = run("initdb")
            .args(["--username=tollgate", "--auth=trust", "--encoding=UTF8", "--no-sync"])
            .arg("-D")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let process = run("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { folder, process })
    }

    /// Makes a database and opens a store on it.
    pub(super) async fn fresh(&self, name: &str) -> Arc<dyn Store> {
        self.run(&format!("CREATE DATABASE {name}")).await;
        self.open(name).await
    }

    /// Opens a store on a database that is there.
    pub(super) async fn open(&self, name: &str) -> Arc<dyn Store> {
        store::open(&Secret::new(url(self.folder.path(), name))).await.unwrap()
    }

    /// Runs a statement as the server's owner.
    pub(super) async fn run(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::query(statement).execute(&mut self.connect().await).await.unwrap();
    }

    async fn connect(&self) -> sqlx::PgConnection {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match sqlx::PgConnection::connect(&url(self.folder.path(), "postgres")).await {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn url(folder: &Path, database: &str) -> String {
    format!("postgres://tollgate@localhost/{database}?host={}", folder.display())
}

/// PostgreSQL refuses to run as root; `nobody` will do.
fn unprivileged() -> Option<u32> {
    let root = std::fs::metadata("/proc/self")
        .is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    root.then_some(65_534)
}
