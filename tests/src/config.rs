//! The configuration file that a test gives to the control plane.

use std::path::Path;

use serde_json::{Value, json};

/// What the file says, beside the sections that the stack adds itself.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The providers.
    pub providers: Vec<Provider>,
    /// The models.
    pub models: Vec<Model>,
    /// More of section `server.gateway`.
    pub gateway: serde_json::Map<String, Value>,
    /// Other sections.
    pub sections: serde_json::Map<String, Value>,
    /// The whole file, of these providers, where it is another gateway's.
    pub foreign: Option<fn(&[Provider]) -> Value>,
}

/// A provider, as configured.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// Its base URL.
    pub base_url: String,
    /// The credential itself; the file names an environment variable.
    pub credential: Option<String>,
    /// Whether it may be asked for usage in streams.
    pub stream_usage: bool,
    /// What it speaks. `None`: what the gateway takes for granted.
    pub dialect: Option<&'static str>,
    /// More credentials of it, by account.
    pub accounts: Vec<Account>,
    /// More of what the file says of it.
    pub fields: serde_json::Map<String, Value>,
    /// How often it is asked whether it is there.
    pub check_seconds: Option<f64>,
}

/// A further credential of a provider, as configured.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub id: &'static str,
    /// The credential itself; the file names an environment variable.
    pub credential: String,
    /// More of what the file says of it.
    pub fields: Value,
}

/// A model, as configured.
#[derive(Debug, Clone)]
pub struct Model {
    /// The public name.
    pub name: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name of the model.
    pub target: String,
    /// USD per token in and out, as decimals. `None`: whatever the price list says.
    pub price: Option<(&'static str, &'static str)>,
    /// Further targets, as the file has them.
    pub others: Vec<Value>,
    /// More of what the file says of it.
    pub fields: serde_json::Map<String, Value>,
}

impl Provider {
    /// Describes a provider that wants no credential.
    pub fn new(id: &str, base_url: impl Into<String>) -> Self {
        let base_url = base_url.into();
        Self {
            id: id.to_owned(),
            base_url,
            credential: None,
            stream_usage: true,
            dialect: None,
            accounts: Vec::new(),
            fields: serde_json::Map::new(),
            check_seconds: None,
        }
    }

    /// Returns the environment variable that holds the credential.
    fn variable(&self) -> String {
        format!("E2E_{}_KEY", self.id.to_uppercase().replace('-', "_"))
    }

    fn variable_of(&self, account: &Account) -> String {
        format!("{}_{}", self.variable(), account.id.to_uppercase())
    }
}

impl Model {
    /// Describes a model that the provider knows by another name.
    pub fn new(name: &str, provider: &str, target: &str) -> Self {
        Self {
            name: name.to_owned(),
            provider: provider.to_owned(),
            target: target.to_owned(),
            price: Some((INPUT_PRICE, OUTPUT_PRICE)),
            others: Vec::new(),
            fields: serde_json::Map::new(),
        }
    }

    /// Adds a target at another provider, under the same name and at the same price.
    #[must_use]
    pub fn or(mut self, provider: &str) -> Self {
        let price = json!({ "input_token": INPUT_PRICE, "output_token": OUTPUT_PRICE });
        self.others.push(json!({ "provider": provider, "model": self.target, "price": price }));
        self
    }

    /// Says more of it.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }
}

impl Config {
    /// Renders the file. JSON is YAML.
    pub(crate) fn render(&self, wasm: &Path, database: &str) -> String {
        if let Some(foreign) = self.foreign {
            return serde_json::to_string_pretty(&foreign(&self.providers)).unwrap();
        }
        let providers: Vec<Value> = self.providers.iter().map(provider).collect();
        let models: Vec<Value> = self.models.iter().map(model).collect();
        let mut gateway = json!({ "listen": "127.0.0.1:0" });
        for (name, value) in &self.gateway {
            gateway[name] = value.clone();
        }
        // Stories ask faster than anybody should.
        let admin = json!({
            "listen": "127.0.0.1:0", "requests_per_minute": 0, "bad_keys_per_minute": 0,
        });
        let mut file = json!({
            "server": { "gateway": gateway, "admin": admin },
            "filter": { "file": wasm },
            "database": { "url": database },
            "master_key": "env:E2E_MASTER_KEY",
            "providers": providers,
            "models": models,
        });
        file.as_object_mut().unwrap().extend(self.sections.clone());
        serde_json::to_string_pretty(&file).unwrap()
    }

    /// Returns the environment that the file refers to.
    pub(crate) fn environment(&self, master_key: &str, wasm: &Path) -> Vec<(String, String)> {
        let mut variables = vec![("E2E_MASTER_KEY".to_owned(), master_key.to_owned())];
        if self.foreign.is_some() {
            // What another gateway's file does not say.
            let wasm = wasm.display().to_string();
            variables.push(("TOLLGATE__FILTER__FILE".to_owned(), wasm));
            for listener in ["GATEWAY", "ADMIN"] {
                let name = format!("TOLLGATE__SERVER__{listener}__LISTEN");
                variables.push((name, "127.0.0.1:0".to_owned()));
            }
        }
        for provider in &self.providers {
            if let Some(credential) = &provider.credential {
                variables.push((provider.variable(), credential.clone()));
            }
            for account in &provider.accounts {
                variables.push((provider.variable_of(account), account.credential.clone()));
            }
        }
        variables
    }
}

fn provider(provider: &Provider) -> Value {
    let mut section = json!({
        "id": provider.id, "base_url": provider.base_url, "stream_usage": provider.stream_usage,
    });
    if let Some(dialect) = provider.dialect {
        section["dialect"] = json!(dialect);
    }
    if provider.credential.is_some() {
        section["credential"] = json!(format!("env:{}", provider.variable()));
    }
    if let Some(seconds) = provider.check_seconds {
        section["check_seconds"] = json!(seconds);
    }
    section.as_object_mut().unwrap().extend(provider.fields.clone());
    if !provider.accounts.is_empty() {
        let accounts = provider.accounts.iter().map(|account| {
            let mut section = account.fields.clone();
            section["id"] = json!(account.id);
            section["credential"] = json!(format!("env:{}", provider.variable_of(account)));
            section
        });
        section["accounts"] = accounts.collect();
    }
    section
}

fn model(model: &Model) -> Value {
    let mut target = json!({ "provider": model.provider, "model": model.target });
    if let Some((input, output)) = model.price {
        target["price"] = json!({ "input_token": input, "output_token": output });
    }
    let targets: Vec<Value> = std::iter::once(target).chain(model.others.clone()).collect();
    let mut section = json!({ "name": model.name, "targets": targets });
    section.as_object_mut().unwrap().extend(model.fields.clone());
    section
}

/// USD a token, unless a test says otherwise: 150 and 600 nano-dollars.
const INPUT_PRICE: &str = "0.00000015";
const OUTPUT_PRICE: &str = "0.0000006";
