//! The whole gateway, running: providers, control plane, Envoy.

mod builder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tollgate_simulator::{Settings, Simulator};

pub use builder::Builder;

use crate::bootstrap::{self, Filling};
use crate::client::Client;
use crate::config::{Config, Model, Provider};
use crate::control_plane::{ControlPlane, Setup};
use crate::database::Server;
use crate::directory;
use crate::envoy::{Envoy, Role};
use crate::eventually;
use crate::export;
use crate::logs::Log;
use crate::management::{self, Key, Row};
use crate::tls::Certificate;
use crate::tools::Tools;

/// The whole gateway, running. Dropping it ends everything; while a test fails it prints the logs
/// first.
pub struct Stack {
    tools: Tools,
    config: Config,
    database: String,
    /// The database's server, when it has one of its own.
    database_server: Option<Server>,
    setup: Setup,
    control_plane: Option<ControlPlane>,
    envoy: Option<Envoy>,
    /// Other Envoys of the same configuration.
    more_envoys: Vec<Envoy>,
    simulators: BTreeMap<String, Simulator>,
    certificate: Option<Certificate>,
    role: Role,
    workers: u32,
    logs: Logs,
}

#[derive(Default)]
struct Logs {
    control_plane: Log,
    envoy: Log,
    /// Where the logs of the current story begin.
    start: (usize, usize),
}

impl Stack {
    /// Begins to build a stack with the provider `demo` and the demo models.
    pub fn builder() -> Builder {
        let mut builder = Self::bare().simulator("demo");
        for model in tollgate_simulator::DEMO_MODELS {
            builder = builder.model(Model::new(model, "demo", model));
        }
        builder
    }

    /// Begins to build a stack without providers or models.
    pub fn bare() -> Builder {
        Builder::bare()
    }

    /// Returns a client of the gateway, without a key.
    pub fn client(&self) -> Client {
        let client = Client::new(self.envoy().gateway);
        match &self.certificate {
            Some(certificate) => client.tls(certificate.clone()),
            None => client,
        }
    }

    /// Returns a client of each Envoy, with a key.
    pub fn clients(&self, key: &Key) -> Vec<Client> {
        let envoys = self.envoy.iter().chain(&self.more_envoys);
        envoys.map(|envoy| Client::new(envoy.gateway).key(&key.secret)).collect()
    }

    /// Returns a client of the management API, as its master.
    pub fn admin(&self) -> Client {
        let control_plane = self.control_plane.as_ref().expect("the control plane is away");
        Client::new(control_plane.admin).key(MASTER_KEY)
    }

    /// Returns the gateway's base URL, without `/v1`.
    pub fn gateway_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.envoy().gateway)
    }

    /// Returns the base URL of the management API on its own port.
    pub fn admin_url(&self) -> String {
        let control_plane = self.control_plane.as_ref().expect("the control plane is away");
        format!("http://{}", control_plane.admin)
    }

    /// Returns the key of the management API.
    pub fn master_key(&self) -> &'static str {
        MASTER_KEY
    }

    /// Returns the provider `demo`.
    pub fn demo(&self) -> &Simulator {
        self.simulator("demo")
    }

    /// Returns a simulated provider.
    pub fn simulator(&self, id: &str) -> &Simulator {
        self.simulators.get(id).expect("no such simulator")
    }

    /// Returns Envoy.
    pub fn envoy(&self) -> &Envoy {
        self.envoy.as_ref().expect("Envoy is away")
    }

    /// Returns what Envoy has logged in this story.
    pub fn envoy_log(&self) -> String {
        self.logs.envoy.since(self.logs.start.1)
    }

    /// Makes a key and returns it with a client that uses it.
    pub async fn key(&self, fields: &Value) -> (Key, Client) {
        let key = management::generate_key(&self.admin(), fields).await;
        let client = self.client().key(&key.secret);
        (key, client)
    }

    /// Waits until the ledger has exactly this many rows of a key.
    pub async fn rows(&self, key: &Key, count: usize) -> Vec<Row> {
        management::await_rows(&self.admin(), key, count).await
    }

    /// Waits for the single row of a key.
    pub async fn row(&self, key: &Key) -> Row {
        self.rows(key, 1).await.remove(0)
    }

    /// Returns the rows that the ledger has of a key now.
    pub async fn rows_now(&self, key: &Key) -> Vec<Row> {
        management::rows(&self.admin(), key).await
    }

    /// Returns what the control plane has logged in this story.
    pub fn control_plane_log(&self) -> String {
        self.logs.control_plane.since(self.logs.start.0)
    }

    /// Starts another simulated provider, not yet configured.
    pub async fn add_simulator(&mut self, id: &str) -> Provider {
        let simulator = start_simulator(id).await;
        let provider = provider_of(id, &simulator);
        self.simulators.insert(id.to_owned(), simulator);
        provider
    }

    /// Changes the configuration file while everything runs, in one step as editors do. New
    /// credentials cannot come this way: a process keeps its environment.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.write_config();
    }

    /// Replaces the gateway's certificate; clients that are made from here on trust the new one.
    pub fn renew_certificate(&mut self) {
        self.certificate = Some(self.certificate.as_ref().expect("no TLS").renewed());
    }

    /// Runs a command of the control plane's program on the configuration of this stack, and
    /// returns its exit code and what it said on standard output.
    pub fn run(&self, command: &[&str]) -> (Option<i32>, String) {
        let mut program = std::process::Command::new(&self.tools.tollgate);
        program.args(command).arg("--config").arg(&self.setup.config);
        program.arg("--data").arg(&self.setup.data).envs(self.setup.environment.clone());
        let output = program.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// Ends the control plane as a crash would.
    pub async fn kill_control_plane(&mut self) {
        self.control_plane.take().expect("the control plane is away already").kill().await;
    }

    /// Ends the database's server as a crash would.
    pub async fn kill_database(&mut self) {
        self.database_server.as_mut().expect("no server of its own").kill().await;
    }

    /// Starts the database's server after it was killed.
    pub async fn restart_database(&mut self) {
        self.database_server.as_mut().expect("no server of its own").run().await;
    }

    /// Ends the control plane in good order.
    pub async fn stop_control_plane(&mut self) {
        self.control_plane.take().expect("the control plane is away already").stop().await;
    }

    /// Starts the control plane, after an end at the same addresses with the same data.
    pub async fn start_control_plane(&mut self) {
        let log = self.logs.control_plane.clone();
        let control_plane = ControlPlane::start(&self.tools, &self.setup, log).await;
        let fixed = (ADMIN_LISTEN.to_owned(), control_plane.admin.to_string());
        if !self.setup.environment.contains(&fixed) {
            self.setup.environment.retain(|(name, _)| name != ADMIN_LISTEN);
            self.setup.environment.push(fixed);
        }
        self.control_plane = Some(control_plane);
    }

    /// Starts another control plane on the same database, which no Envoy knows, and returns it with
    /// a client of its management API.
    pub async fn replica(&self) -> (ControlPlane, Client) {
        let mut setup = self.setup.clone();
        setup.data = directory::fresh("replica");
        setup.environment.retain(|(name, _)| name != ADMIN_LISTEN);
        let log = self.logs.control_plane.clone();
        let replica = ControlPlane::start(&self.tools, &setup, log).await;
        let admin = Client::new(replica.admin).key(MASTER_KEY);
        (replica, admin)
    }

    /// Waits until every worker of Envoy serves a key.
    pub async fn await_ready(&self) {
        let (key, first) = self.key(&json!({})).await;
        // The kernel spreads connections over the workers by chance.
        let enough = if self.workers > 1 { self.workers * 6 } else { 1 };
        let others = self.clients(&key).into_iter().skip(1);
        for client in std::iter::once(first).chain(others) {
            let mut in_a_row = 0;
            eventually("every worker of Envoy serves", async || {
                while in_a_row < enough {
                    let answer = client.get("/v1/models").try_send().await;
                    if !answer.is_ok_and(|answer| answer.status() == 200) {
                        in_a_row = 0;
                        return None;
                    }
                    in_a_row += 1;
                }
                Some(())
            })
            .await;
        }
    }

    /// Ends everything in good order.
    pub async fn stop(mut self) {
        for envoy in self.envoy.take().into_iter().chain(std::mem::take(&mut self.more_envoys)) {
            envoy.stop().await;
        }
        if let Some(control_plane) = self.control_plane.take() {
            control_plane.stop().await;
        }
    }

    /// Forgets what the providers have seen and marks the logs.
    pub(crate) fn begin_story(&mut self) {
        self.simulators.values().for_each(Simulator::reset);
        self.logs.start = (self.logs.control_plane.len(), self.logs.envoy.len());
    }

    /// Checks what must hold after each story.
    pub(crate) fn end_story(&self) {
        let log = self.envoy_log();
        let crash = log.lines().find(|line| line.contains("panicked") || line.contains("critical"));
        assert_eq!(crash, None, "Envoy or the filter crashed");
        assert!(self.envoy().is_running(), "Envoy has ended");
    }

    /// Ends Envoy, the first one, as a crash would.
    pub async fn kill_envoy(&mut self) {
        self.envoy.take().expect("Envoy is away already").kill().await;
    }

    /// Starts Envoy after it was killed.
    pub async fn restart_envoy(&mut self) {
        self.envoy = Some(self.new_envoy(str::to_owned).await);
        self.await_ready().await;
    }

    async fn start_envoys(&mut self, count: usize, edit: fn(&str) -> String) {
        self.envoy = Some(self.new_envoy(edit).await);
        for _ in 1..count {
            let another = self.new_envoy(edit).await;
            self.more_envoys.push(another);
        }
    }

    async fn new_envoy(&self, edit: fn(&str) -> String) -> Envoy {
        let bootstrap = edit(&self.bootstrap());
        let log = self.logs.envoy.clone();
        Envoy::start(&self.tools, &bootstrap, self.workers, log).await
    }

    fn bootstrap(&self) -> String {
        let address = |provider: &Provider| {
            let authority = provider.base_url.strip_prefix("http://")?.split('/').next()?;
            authority.parse().ok()
        };
        let providers = self.config.providers.iter();
        let filling = Filling {
            control_plane: self.control_plane.as_ref().unwrap(),
            wasm: &self.tools.wasm,
            providers: providers.filter_map(|it| Some((it.id.as_str(), address(it)?))).collect(),
            gateway: &self.config.gateway,
            certificate: self.certificate.as_ref(),
        };
        match self.role {
            Role::Exported(manifest) => {
                export::bootstrap(manifest, &self.tools, &self.setup, &filling)
            }
            Role::Xds | Role::Static | Role::Standalone => bootstrap::render(self.role, &filling),
        }
    }

    fn write_config(&self) {
        let text = self.config.render(&self.tools.wasm, &self.database);
        let path: &PathBuf = &self.setup.config;
        let next = path.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(&next, path).unwrap();
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (control_plane, envoy) = self.logs.start;
            eprintln!("--- in role {:?}", self.role);
            eprintln!("--- control plane\n{}", self.logs.control_plane.since(control_plane));
            eprintln!("--- envoy\n{}", self.logs.envoy.since(envoy));
        }
    }
}

async fn start_simulator(id: &str) -> Simulator {
    let api_key = Some(credential_of(id));
    let settings = Settings { api_key, models: Vec::new(), ..Settings::default() };
    Simulator::start(settings).await.unwrap()
}

fn provider_of(id: &str, simulator: &Simulator) -> Provider {
    let credential = Some(credential_of(id));
    Provider { credential, ..Provider::new(id, simulator.base_url()) }
}

/// The credential that a simulated provider demands of the gateway.
fn credential_of(id: &str) -> String {
    format!("provider-secret-of-{id}")
}

const MASTER_KEY: &str = "sk-e2e-master-key";
const ADMIN_LISTEN: &str = "TOLLGATE__SERVER__ADMIN__LISTEN";
