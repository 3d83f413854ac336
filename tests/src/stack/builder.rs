//! Says how a stack is to be, then starts it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Logs, MASTER_KEY, Stack, provider_of, start_simulator};
use crate::config::{Account, Config, Model, Provider};
use crate::control_plane::Setup;
use crate::database::Database;
use crate::directory;
use crate::envoy::Role;
use crate::tls::Certificate;
use crate::tools::Tools;

/// How a stack is to be built; the defaults are one provider `demo` with the demo models, both
/// roles over xDS, one worker, SQLite.
pub struct Builder {
    role: Role,
    workers: u32,
    envoys: usize,
    database: Database,
    tls: bool,
    config: Config,
    simulators: Vec<String>,
    without_stream_usage: Vec<String>,
    accounts: BTreeMap<String, Vec<Account>>,
    /// More of what the file says of simulated providers, by provider.
    fields: BTreeMap<String, serde_json::Map<String, Value>>,
    edit_bootstrap: fn(&str) -> String,
    serves: bool,
}

impl Builder {
    pub(super) fn bare() -> Self {
        Self {
            role: Role::Xds,
            workers: 1,
            envoys: 1,
            database: Database::Sqlite,
            tls: false,
            config: Config::default(),
            simulators: Vec::new(),
            without_stream_usage: Vec::new(),
            accounts: BTreeMap::new(),
            fields: BTreeMap::new(),
            edit_bootstrap: str::to_owned,
            serves: true,
        }
    }

    /// Chooses how the filter is put into Envoy.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Sets how many workers Envoy has.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Sets how many Envoys there are.
    #[must_use]
    pub fn envoys(mut self, envoys: usize) -> Self {
        self.envoys = envoys;
        self
    }

    /// Chooses the database.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// Serves clients over TLS.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Adds a simulated provider with this id; it serves every model.
    #[must_use]
    pub fn simulator(mut self, id: &str) -> Self {
        self.simulators.push(id.to_owned());
        self
    }

    /// Gives the simulated provider that was added last accounts instead of its one credential.
    #[must_use]
    pub fn accounts(mut self, accounts: Vec<Account>) -> Self {
        self.accounts.extend(self.simulators.last().map(|id| (id.clone(), accounts)));
        self
    }

    /// Says more of the simulated provider that was added last.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        if let Some(id) = self.simulators.last() {
            let fields = self.fields.entry(id.clone()).or_default();
            fields.insert(field.to_owned(), value.into());
        }
        self
    }

    /// Says of the simulated provider that was added last that it does not know `stream_options`.
    #[must_use]
    pub fn without_stream_usage(mut self) -> Self {
        self.without_stream_usage.extend(self.simulators.last().cloned());
        self
    }

    /// Adds a provider that the test itself runs, or that is not there.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.config.providers.push(provider);
        self
    }

    /// Adds a model.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.config.models.push(model);
        self
    }

    /// Sets a field of section `server.gateway`.
    #[must_use]
    pub fn gateway(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.config.gateway.insert(field.to_owned(), value.into());
        self
    }

    /// Sets a section of the configuration.
    #[must_use]
    pub fn section(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.config.sections.insert(name.to_owned(), value.into());
        self
    }

    /// Writes another gateway's configuration file instead of ours.
    #[must_use]
    pub fn foreign(mut self, file: fn(&[Provider]) -> Value) -> Self {
        self.config.foreign = Some(file);
        self
    }

    /// Changes the bootstrap, to see what a mistake in it does.
    #[must_use]
    pub fn edit_bootstrap(mut self, edit: fn(&str) -> String) -> Self {
        self.edit_bootstrap = edit;
        self
    }

    /// Expects that the gateway never becomes ready to serve.
    #[must_use]
    pub fn never_serves(mut self) -> Self {
        self.serves = false;
        self
    }

    /// Starts everything and waits until every worker serves.
    pub async fn start(mut self) -> Stack {
        let tools = Tools::from_environment();
        let folder = directory::fresh("stack");
        let data = folder.join("data");
        std::fs::create_dir_all(&data).unwrap();

        let mut simulators = BTreeMap::new();
        for id in &self.simulators {
            let simulator = start_simulator(id).await;
            let stream_usage = !self.without_stream_usage.contains(id);
            let mut provider = Provider { stream_usage, ..provider_of(id, &simulator) };
            provider.fields = self.fields.remove(id).unwrap_or_default();
            if let Some(accounts) = self.accounts.remove(id) {
                provider.credential = None;
                provider.accounts = accounts;
            }
            self.config.providers.push(provider);
            simulators.insert(id.clone(), simulator);
        }
        let certificate = self.tls.then(|| Certificate::make(&folder));
        if let Some(certificate) = &certificate {
            let files = json!({
                "certificate_file": certificate.certificate_file,
                "private_key_file": certificate.private_key_file,
            });
            self.config.gateway.insert("tls".to_owned(), files);
        }
        let config = folder.join("tollgate.yaml");
        let (database, database_server) = self.database.fresh(&data).await;
        let environment = self.config.environment(MASTER_KEY, &tools.wasm);
        let setup = Setup { config, data, environment };
        let logs = Logs::default();
        let mut stack = Stack {
            tools,
            config: self.config,
            database,
            database_server,
            setup,
            control_plane: None,
            envoy: None,
            more_envoys: Vec::new(),
            simulators,
            certificate,
            role: self.role,
            workers: self.workers,
            logs,
        };
        stack.write_config();
        stack.start_control_plane().await;
        stack.start_envoys(self.envoys, self.edit_bootstrap).await;
        if self.serves {
            stack.await_ready().await;
        }
        stack.begin_story();
        stack
    }
}
