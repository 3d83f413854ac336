//! Databases for the control plane: a file, or a PostgreSQL server that the tests start.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::OnceCell;

use crate::logs::Log;
use crate::process::{Launch, Process};
use crate::tools::Tools;
use crate::{directory, eventually};

/// Which database the control plane uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in its data folder.
    Sqlite,
    /// A fresh database on the tests' own server.
    Postgres,
    /// A fresh database on a server of its own, so that a story can end that.
    PostgresAlone,
}

impl Database {
    /// Makes a fresh database and returns its URL, and its server when it has one of its own.
    pub(crate) async fn fresh(self, data: &Path) -> (String, Option<Server>) {
        match self {
            Self::Sqlite => (format!("sqlite:{}", data.join("tollgate.db").display()), None),
            Self::Postgres => {
                static SERVER: OnceCell<Server> = OnceCell::const_new();
                (SERVER.get_or_init(Server::start).await.create(), None)
            }
            Self::PostgresAlone => {
                let server = Server::start().await;
                (server.create(), Some(server))
            }
        }
    }
}

/// A PostgreSQL server.
pub(crate) struct Server {
    folder: PathBuf,
    user: Option<u32>,
    port: u16,
    log: Log,
    process: Option<Process>,
}

impl Server {
    async fn start() -> Self {
        let programs = Tools::postgres();
        let folder = directory::fresh("postgres");
        let data = folder.join("data");
        let user = user_for_postgres();
        if let Some(user) = user {
            // The server refuses to run as root, and its user must get at the folder.
            let root = folder.parent().unwrap();
            std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&folder, Some(user), None).unwrap();
        }
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["-U", "e2e", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
        run(initdb, user);
        let (port, log) = (free_port(), Log::default());
        let mut server = Self { folder, user, port, log, process: None };
        server.run().await;
        server
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.process.take().expect("postgres is away already").kill().await;
    }

    /// Runs it, at the same place with the same data.
    pub(crate) async fn run(&mut self) {
        let start = self.log.len();
        eventually("postgres accepts connections", async || {
            // It refuses to start while processes of a server that was killed are still ending.
            if !self.process.as_ref().is_some_and(Process::is_running) {
                self.process = Some(self.launch().await);
            }
            self.log.since(start).contains("ready to accept connections").then_some(())
        })
        .await;
    }

    async fn launch(&self) -> Process {
        let program = Tools::postgres().join("postgres");
        let (port, data) = (self.port.to_string(), self.folder.join("data"));
        let arguments = vec![
            OsStr::new("-D"),
            data.as_os_str(),
            OsStr::new("-p"),
            OsStr::new(&port),
            OsStr::new("-k"),
            self.folder.as_os_str(),
            OsStr::new("-F"),
            OsStr::new("-c"),
            OsStr::new("max_connections=200"),
        ];
        let (program, user) = (&program, self.user);
        let launch = Launch { name: "postgres", program, arguments, environment: vec![], user };
        Process::start(launch, self.log.clone()).await
    }

    fn create(&self) -> String {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (name, port) = (format!("stack_{number}"), self.port);
        let mut createdb = Command::new(Tools::postgres().join("createdb"));
        let port_text = port.to_string();
        createdb.args(["-h", "127.0.0.1", "-p", &port_text, "-U", "e2e", &name]);
        tokio::task::block_in_place(|| run(createdb, None));
        format!("postgres://e2e@127.0.0.1:{port}/{name}")
    }
}

fn run(mut command: Command, user: Option<u32>) {
    use std::os::unix::process::CommandExt as _;
    if let Some(user) = user {
        command.uid(user).current_dir("/");
    }
    let output = command.output().expect("cannot start a PostgreSQL program");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The user to start PostgreSQL as, when the tests run as root.
fn user_for_postgres() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let we_are_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !we_are_root {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("no user to run PostgreSQL as"))
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
