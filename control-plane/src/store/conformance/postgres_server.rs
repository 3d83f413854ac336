//! A PostgreSQL server of its own for a test.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Connection;

use crate::domain::Secret;
use crate::store::{self, proofs::Proofs};

/// A server in a temporary folder, reached over a socket there; stopped when dropped.
pub(super) struct PostgresServer {
    folder: tempfile::TempDir,
    process: Child,
    /// Where it can be reached over TLS, when it can.
    pub(super) tls_port: Option<u16>,
}

impl PostgresServer {
    /// Starts one. `None` when there are no binaries and this is not CI.
    pub(super) fn start() -> Option<Self> {
        Self::launch(None)
    }

    /// Starts one that is reached over TLS as well, with a certificate.
    pub(super) fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        Self::launch(Some((certificate, key)))
    }

    fn launch(tls: Option<(&str, &str)>) -> Option<Self> {
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
        let mut server = run("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "fsync=off"]);
        let tls_port = tls.map(|(certificate, key)| {
            for (name, text) in [("server.crt", certificate), ("server.key", key)] {
                let file = data.join(name);
                std::fs::write(&file, text).unwrap();
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
                std::os::unix::fs::chown(&file, user, user).unwrap();
            }
            free_port()
        });
        match tls_port {
            Some(port) => server.args(["-c", "ssl=on", "-p", &port.to_string()]),
            None => server.args(["-c", "listen_addresses="]),
        };
        let process = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { folder, process, tls_port })
    }

    /// Makes a database and opens a store on it.
    pub(super) async fn fresh(&self, name: &str) -> Arc<dyn Proofs> {
        self.run(&format!("CREATE DATABASE {name}")).await;
        self.open(name).await
    }

    /// Opens a store on a database that is there.
    pub(super) async fn open(&self, name: &str) -> Arc<dyn Proofs> {
        store::open_for_proofs(&Secret::new(self.url(name))).await.unwrap()
    }

    /// Runs a statement as the server's owner.
    pub(super) async fn run(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::query(statement).execute(&mut self.connect().await).await.unwrap();
    }

    async fn connect(&self) -> sqlx::PgConnection {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match sqlx::PgConnection::connect(&self.url("postgres")).await {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns where a database is.
    pub(super) fn url(&self, database: &str) -> String {
        let port = self.tls_port.unwrap_or(5432);
        let folder = self.folder.path().display();
        format!("postgres://tollgate@localhost:{port}/{database}?host={folder}")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// PostgreSQL refuses to run as root; `nobody` will do.
fn unprivileged() -> Option<u32> {
    let root = std::fs::metadata("/proc/self")
        .is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    root.then_some(65_534)
}
