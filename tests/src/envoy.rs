//! Envoy's process.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::Client;
use crate::export::Manifest;
use crate::logs::Log;
use crate::process::{Launch, Process};
use crate::tools::Tools;
use crate::{directory, eventually};

/// How the filter is put into Envoy: which bootstrap is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both roles, everything over xDS: what `up` does.
    Xds,
    /// Both roles, without xDS.
    Static,
    /// One filter for both jobs, without xDS.
    Standalone,
    /// What `tollgate export` prints, put into an Envoy as its reader would put it there.
    Exported(Manifest),
}

/// A running Envoy.
pub struct Envoy {
    process: Process,
    admin: Client,
    /// Where clients reach the gateway.
    pub gateway: SocketAddr,
}

impl Envoy {
    /// Starts it and waits until its listener is there.
    pub(crate) async fn start(tools: &Tools, bootstrap: &str, workers: u32, log: Log) -> Self {
        let folder = directory::fresh("envoy");
        let config = folder.join("envoy.yaml");
        let admin_file = folder.join("admin");
        std::fs::write(&config, bootstrap).unwrap();
        let workers = workers.to_string();
        let arguments = vec![
            OsStr::new("--config-path"),
            config.as_os_str(),
            OsStr::new("--admin-address-path"),
            admin_file.as_os_str(),
            OsStr::new("--concurrency"),
            OsStr::new(&workers),
            // Several Envoys run on one machine, and none takes over from another.
            OsStr::new("--disable-hot-restart"),
            OsStr::new("--log-level"),
            OsStr::new("warning"),
            OsStr::new("--component-log-level"),
            OsStr::new("wasm:info"),
            OsStr::new("--drain-time-s"),
            OsStr::new("1"),
        ];
        let program = &tools.envoy;
        let launch = Launch { name: "envoy", program, arguments, environment: vec![], user: None };
        let process = Process::start(launch, log.clone()).await;
        let alive = || assert!(process.is_running(), "Envoy ended early:\n{}", log.since(0));

        let admin = eventually("Envoy tells its admin address", async || {
            alive();
            read_address(&admin_file)
        });
        let admin = Client::new(admin.await);
        let gateway = eventually("the gateway's listener is there", async || {
            alive();
            listener(&admin).await
        });
        let gateway = gateway.await;
        Self { process, admin, gateway }
    }

    /// Returns a client of Envoy's admin interface.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Reads a counter or gauge. `None` when Envoy does not know it.
    pub async fn stat(&self, name: &str) -> Option<u64> {
        let mut answer = self.admin.get("/stats?format=json").send().await;
        let stats = answer.json().await;
        let found = stats["stats"].as_array()?.iter().find(|stat| stat["name"] == name)?;
        found["value"].as_u64()
    }

    /// Returns how much memory the process has resident, in KiB.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(&self.status_file())
    }

    /// Returns where the system tells of the process.
    pub fn status_file(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/status", self.process.pid()))
    }

    /// Whether the process has not ended.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        self.process.kill().await;
    }

    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        self.process.terminate().await;
    }
}

/// Returns how much memory a process has resident, in KiB, by its file of status.
///
/// # Panics
///
/// When the process has ended.
pub fn resident_kib(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).expect("the process has ended");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn read_address(file: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Finds the port of the gateway's listener, once Envoy is live.
async fn listener(admin: &Client) -> Option<SocketAddr> {
    let ready = admin.get("/ready").try_send().await.ok()?;
    if ready.status() != 200 {
        return None;
    }
    let mut answer = admin.get("/listeners?format=json").try_send().await.ok()?;
    let listeners = answer.json().await;
    let gateway = listeners["listener_statuses"]
        .as_array()?
        .iter()
        .find(|listener| listener["name"] == "tollgate_gateway")?;
    let port = gateway.pointer("/local_address/socket_address/port_value").and_then(Value::as_u64);
    Some(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port?).ok()?)))
}
