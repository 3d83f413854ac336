//! The running parts of one gateway, from the first start to the last drain.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::config::{DEMO_KEY, Source};
use super::master_key::{self, MasterKey};
use crate::gateway::{ControlPlane, Envoy, Place, Programs, Simulator};
use crate::http;
use crate::repo::Repo;

const LISTENER: &str = "tollgate_gateway";
const PATIENCE: Duration = Duration::from_secs(30);

/// How long requests in flight may take to finish when we stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How long the filter may take to hand its last records over.
const HAND_OVER: Duration = Duration::from_secs(5);

/// The filter brings its gauges up to date every 50 ms.
const GAUGES_ARE_FRESH: Duration = Duration::from_millis(150);

/// Ports that the command line sets.
#[derive(Clone, Copy)]
pub(crate) struct Listen {
    pub(crate) gateway: Option<u16>,
    pub(crate) admin: Option<u16>,
}

/// What runs.
pub(crate) struct Stack {
    simulator: Option<Simulator>,
    control_plane: ControlPlane,
    envoy: Envoy,
    gateway: SocketAddr,
    tls: bool,
}

impl Stack {
    /// Starts all parts and returns when the gateway answers.
    pub(crate) fn start(
        repo: &Repo,
        programs: &Programs,
        config: &mut Source,
        master_key: &MasterKey,
        listen: Listen,
        data: &Path,
    ) -> Result<Self> {
        let logs = data.join("logs");
        std::fs::create_dir_all(&logs)
            .with_context(|| format!("cannot make {}", logs.display()))?;
        let place = Place { logs: &logs, cpus: None };
        let mut settings = settings(programs, config, master_key, listen);
        let simulator = if config.has_providers() {
            None
        } else {
            eprintln!("no provider is configured: starting the demo provider");
            let key = master_key::kept(&data.join("demo.key"))?;
            let simulator = Simulator::start(programs, Some(&key), &place)?;
            config.add_demo(simulator.base_url(), data.join("demo.yaml"))?;
            settings.push((DEMO_KEY.to_owned(), key));
            Some(simulator)
        };
        eprintln!("starting the control plane with {}", config.file()?.display());
        let control_plane = ControlPlane::start(programs, config.file()?, data, &settings, &place)?;
        eprintln!("starting Envoy");
        let mut envoy = Envoy::of_control_plane(repo, programs, &control_plane, None, &place)?;
        let gateway = envoy.listener(LISTENER)?;
        let tls = config.has_tls();
        let mut stack = Self { simulator, control_plane, envoy, gateway, tls };
        if !tls {
            stack.wait_until_it_answers(master_key)?;
        }
        Ok(stack)
    }

    fn wait_until_it_answers(&mut self, master_key: &MasterKey) -> Result<()> {
        let gateway = self.gateway;
        let authorization = format!("Bearer {}", master_key.value());
        let headers = [("authorization", authorization.as_str()), ("connection", "close")];
        self.envoy.process.wait_for(PATIENCE, "the gateway to answer", || {
            let answer = http::request(gateway, "GET", "/v1/models", &headers, b"").ok()?;
            (answer.status == 200).then_some(())
        })
    }

    /// Returns the gateway's URL.
    pub(crate) fn gateway_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.gateway)
    }

    /// Returns the URL of the management API.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.control_plane.admin)
    }

    /// Returns a command that shows the gateway at work.
    pub(crate) fn curl(&self, config: &Source, key: &MasterKey) -> String {
        let (url, key) = (self.gateway_url(), key.value());
        let insecure = if self.tls { " --insecure" } else { "" };
        let Some(model) = config.example_model() else {
            return format!("curl -sS{insecure} {url}/v1/models -H 'Authorization: Bearer {key}'");
        };
        let body = serde_json::json!({
            "model": model,
            "messages": [{ "role": "user", "content": "Say hello." }],
        });
        format!(
            "curl -sS{insecure} {url}/v1/chat/completions -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{body}'"
        )
    }

    /// Fails when a part has died.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.envoy.process.check()?;
        self.control_plane.process.check()?;
        if let Some(simulator) = &mut self.simulator {
            simulator.process.check()?;
        }
        Ok(())
    }

    /// Ends all parts so that no request is cut and no record is lost.
    pub(crate) fn stop(&mut self) {
        if self.envoy.admin.drain().is_ok() {
            let active = format!("^http.{LISTENER}.downstream_rq_active$");
            if !self.envoy.admin.wait_for_zero(&active, DRAIN) {
                eprintln!("requests still run after {}s: cutting them", DRAIN.as_secs());
            }
            std::thread::sleep(GAUGES_ARE_FRESH);
            if !self.envoy.admin.wait_for_zero("tollgate.outbox_records", HAND_OVER) {
                eprintln!("the filter still holds usage records");
            }
        }
        self.envoy.process.stop(Duration::from_secs(10));
        self.control_plane.process.stop(Duration::from_secs(15));
        if let Some(simulator) = &mut self.simulator {
            simulator.process.stop(Duration::from_secs(5));
        }
    }
}

fn settings(
    programs: &Programs,
    config: &Source,
    master_key: &MasterKey,
    listen: Listen,
) -> Vec<(String, String)> {
    let mut settings = vec![(master_key.variable().to_owned(), master_key.value().to_owned())];
    let mut set = |path: &str, value: String| settings.push((format!("TOLLGATE__{path}"), value));
    set("MASTER_KEY", format!("env:{}", master_key.variable()));
    if !config.names_filter() {
        set("FILTER__FILE", programs.filter.display().to_string());
    }
    if let Some(port) = listen.gateway {
        set("SERVER__GATEWAY__LISTEN", format!("127.0.0.1:{port}"));
    }
    if let Some(port) = listen.admin {
        set("SERVER__ADMIN__LISTEN", format!("127.0.0.1:{port}"));
    }
    settings
}
