//! The control plane's process.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::logs::Log;
use crate::process::{Launch, Process};
use crate::tools::Tools;

/// A running `tollgate serve`.
pub struct ControlPlane {
    process: Process,
    /// Where its management API is.
    pub admin: SocketAddr,
    /// Where its gRPC is, as it says it itself: `unix:<path>` or `host:port`.
    pub control: String,
}

/// What it takes to start one, and to start it again at the same place.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) config: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
}

impl ControlPlane {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(tools: &Tools, setup: &Setup, log: Log) -> Self {
        let arguments = vec![
            OsStr::new("serve"),
            OsStr::new("--config"),
            setup.config.as_os_str(),
            OsStr::new("--data"),
            setup.data.as_os_str(),
        ];
        let mut environment = setup.environment.clone();
        environment.push(("RUST_LOG".to_owned(), "info".to_owned()));
        let program = &tools.tollgate;
        let launch = Launch { name: "tollgate", program, arguments, environment, user: None };
        let mut process = Process::start(launch, log).await;

        let line = process.first_line().await;
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the control plane's first line is not JSON: {line}"));
        let admin = ready["admin"].as_str().expect("no `admin` in the ready line");
        let admin = admin.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let control = ready["control"].as_str().expect("no `control` in the ready line").to_owned();
        Self { process, admin, control }
    }

    /// Ends it in good order and checks that it says so.
    pub async fn stop(self) {
        let status = self.process.terminate().await;
        assert!(status.success(), "the control plane ended with {status}");
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        self.process.kill().await;
    }
}
