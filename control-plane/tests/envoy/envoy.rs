//! Envoy's process.

use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Returns the binary. `None`: there is none, and this is not CI.
pub(crate) fn binary() -> Option<PathBuf> {
    let binary = std::env::var_os("TOLLGATE_ENVOY").map(PathBuf::from);
    if binary.is_none() {
        assert!(std::env::var_os("CI").is_none(), "TOLLGATE_ENVOY is not set: cargo xtask test");
        eprintln!("skipped: TOLLGATE_ENVOY is not set; `cargo xtask test` sets it");
    }
    binary
}

/// Checks a bootstrap, in any form that Envoy reads.
pub(crate) fn validate(binary: &Path, bootstrap: &Path) {
    let output = Command::new(binary)
        .args(["--mode", "validate", "--log-level", "warning", "--config-path"])
        .arg(bootstrap)
        .output()
        .unwrap();

    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{log}", bootstrap.display());
    assert!(!log.to_lowercase().contains("deprecated"), "{}:\n{log}", bootstrap.display());
}

/// A running Envoy.
pub(crate) struct Envoy {
    process: Child,
    admin: SocketAddr,
    log: PathBuf,
}

impl Envoy {
    /// Starts it and waits for its admin interface.
    pub(crate) fn start(binary: &Path, bootstrap: &Path, folder: &Path) -> Self {
        let (log, admin) = (folder.join("envoy.log"), folder.join("admin"));
        let process = Command::new(binary)
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-path"])
            .arg(&log)
            .arg("--admin-address-path")
            .arg(&admin)
            .arg("--config-path")
            .arg(bootstrap)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let admin = eventually("Envoy tells its admin address", || {
            std::fs::read_to_string(&admin).ok()?.trim().parse().ok()
        });
        Self { process, admin, log }
    }

    /// Waits for a counter or gauge to have a value.
    pub(crate) fn wait_for(&self, stat: &str, value: u64) {
        let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
        eventually(&format!("{stat} is {value}; Envoy's log:\n{}", log()), || {
            (self.stat(stat) == value).then_some(())
        });
    }

    /// Reads a counter or gauge; 0 when Envoy does not know it.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = get(self.admin, &format!("/stats?filter=^{name}$"), "").unwrap_or_default();
        let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// Waits until the gateway accepts connections and returns its address.
    pub(crate) fn gateway(&self) -> SocketAddr {
        eventually("the gateway listens", || {
            let listeners = get(self.admin, "/listeners", "").ok()?;
            let line = listeners.lines().find_map(|line| line.strip_prefix("tollgate_gateway::"));
            let address = line?.parse().ok()?;
            TcpStream::connect(address).is_ok().then_some(address)
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // An error says that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks and returns the whole answer, head included. `headers` end with a line break each.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n{headers}connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Answers every request on a port of its own with `text`.
pub(crate) fn origin(text: &'static str) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = std::io::BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let length = text.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
            )
            .unwrap();
        }
    });
    address
}

/// Looks again and again until there is something, but not for ever.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
