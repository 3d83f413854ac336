//! Child processes that never outlive the tests.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::logs::Log;

/// A running program under a small shell that passes signals on to it, and that ends it when the
/// tests are gone, however they went.
pub(crate) struct Process {
    name: &'static str,
    supervisor: Child,
    orders: ChildStdin,
    pid: u32,
    stdout: Option<tokio::sync::oneshot::Receiver<String>>,
    readers: Vec<JoinHandle<()>>,
    log: Log,
}

/// How to start a program.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'static str,
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<&'a OsStr>,
    pub(crate) environment: Vec<(String, String)>,
    /// User to run as. `None`: the user of the tests.
    pub(crate) user: Option<u32>,
}

impl Process {
    /// Starts a program. Its output is added to the log.
    pub(crate) async fn start(launch: Launch<'_>, log: Log) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(launch.program)
            .args(launch.arguments)
            .envs(launch.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = launch.user {
            command.uid(user).current_dir("/");
        }
        let mut supervisor = command.spawn().expect("cannot start sh");
        let orders = supervisor.stdin.take().unwrap();
        let mut stdout = BufReader::new(supervisor.stdout.take().unwrap());
        let stderr = supervisor.stderr.take().unwrap();

        let mut pid = String::new();
        stdout.read_line(&mut pid).await.unwrap();
        let pid = pid.trim().parse().expect("the supervisor told no process id");
        let (first_line, stdout_first) = tokio::sync::oneshot::channel();
        let stdout_log = log.clone();
        let readers = vec![
            tokio::spawn(async move {
                let mut line = String::new();
                if stdout.read_line(&mut line).await.is_ok_and(|size| size > 0) {
                    let _ = first_line.send(line);
                }
                stdout_log.follow(stdout).await;
            }),
            tokio::spawn(log.clone().follow(stderr)),
        ];
        let stdout = Some(stdout_first);
        Self { name: launch.name, supervisor, orders, pid, stdout, readers, log }
    }

    /// Returns the first line that the program prints to its standard output. Fails when the
    /// program ends without one.
    pub(crate) async fn first_line(&mut self) -> String {
        let line = self.stdout.take().expect("the first line was taken before");
        let line = tokio::time::timeout(crate::patience(), line).await;
        let line = line.map_err(|_| "is not ready in time");
        let line = line.and_then(|line| line.map_err(|_| "ended early"));
        line.unwrap_or_else(|what| panic!("{} {what}:\n{}", self.name, self.log.since(0)))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the program has not ended.
    pub(crate) fn is_running(&self) -> bool {
        !self.readers.iter().all(JoinHandle::is_finished)
    }

    /// Asks the program to end and waits until it has; kills it when it takes too long.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.order("TERM").await;
        if tokio::time::timeout(GRACE, self.ended()).await.is_err() {
            self.log_line("did not end when asked to; killed");
        }
        self.finish().await
    }

    /// Kills the program at once.
    pub(crate) async fn kill(mut self) -> ExitStatus {
        self.order("KILL").await;
        self.finish().await
    }

    async fn finish(self) -> ExitStatus {
        let Self { orders, mut supervisor, .. } = self;
        drop(orders);
        supervisor.wait().await.unwrap()
    }

    async fn order(&mut self, signal: &str) {
        let _ = self.orders.write_all(format!("{signal}\n").as_bytes()).await;
    }

    /// Waits until the program has closed its output, which it does by ending.
    async fn ended(&mut self) {
        for reader in &mut self.readers {
            let _ = reader.await;
        }
        self.readers.clear();
    }

    fn log_line(&self, line: &str) {
        eprintln!("{}: {line}", self.name);
    }
}

const GRACE: Duration = Duration::from_secs(15);

/// Tells the program's process id, then passes on each signal that it is told. At the end of its
/// input the program gets SIGTERM, and SIGKILL five seconds later.
const SUPERVISOR: &str = r#"
sh -c 'echo $$; exec "$@"' sh "$@" </dev/null & child=$!
exec >/dev/null 2>&1
while read -r signal; do kill -"$signal" $child; done
kill -TERM $child
( for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; kill -0 $child || exit; done; kill -KILL $child ) &
wait $child
"#;
