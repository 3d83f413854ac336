//! Deployments: each is a provider's model under a name that clients write. Those of one name
//! become the targets of one model.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use crate::config::ProviderDialect;
use crate::config::foreign::providers::{Of, Providers};

/// Fields of a request, by name.
pub(super) type Fields = BTreeMap<String, Value>;

/// All deployments, and the providers that they are at.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    pub(super) list: Vec<Deployment>,
    pub(super) providers: Providers,
}

/// A provider's model under a name that clients write.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) place: String,
    /// It is one of many that a wildcard stands for.
    pub(super) wild: bool,
    /// The name clients write.
    pub(super) name: String,
    pub(super) of: Of,
    /// The provider's name of the model.
    pub(super) model: String,
    pub(super) dialect: ProviderDialect,
    pub(super) base_model: Option<String>,
    pub(super) price: Value,
    pub(super) max_input_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) tools: Option<bool>,
    pub(super) vision: Option<bool>,
    pub(super) mode: Option<String>,
    pub(super) groups: Vec<String>,
    /// For requests that have none of that name.
    pub(super) defaults: Fields,
    /// Instead of the client's.
    pub(super) overrides: Fields,
    pub(super) order: Option<u64>,
    pub(super) weight: Option<f64>,
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) timeout: Option<f64>,
    pub(super) retries: Option<u64>,
}

impl Deployment {
    /// Makes one of which no more is said.
    pub(super) fn new(place: String, name: String, of: Of, model: String) -> Self {
        Self {
            place,
            wild: false,
            name,
            of,
            model,
            dialect: ProviderDialect::default(),
            base_model: None,
            price: Value::Null,
            max_input_tokens: None,
            max_output_tokens: None,
            tools: None,
            vision: None,
            mode: None,
            groups: Vec::new(),
            defaults: Fields::new(),
            overrides: Fields::new(),
            order: None,
            weight: None,
            rpm: None,
            tpm: None,
            timeout: None,
            retries: None,
        }
    }
}

impl Deployments {
    /// Tells whether clients can write a name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|deployment| deployment.name == name)
    }
}
