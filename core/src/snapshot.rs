//! The shared configuration that decisions read: providers, models and prices. Immutable; a new
//! one replaces it whole.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::price::Price;

pub mod proto;

/// One state of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Which state; grows.
    pub revision: u64,
    /// By public name.
    pub models: BTreeMap<String, Rc<Model>>,
}

/// A model as clients know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    /// Public name; may contain slashes.
    pub name: String,
    /// In order of preference.
    pub targets: Vec<Rc<Target>>,
    /// Unix seconds, for listings.
    pub created: i64,
    /// For listings.
    pub owned_by: String,
}

/// One provider's offer of a model.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Who serves it.
    pub provider: Rc<Provider>,
    /// The provider's name of the model.
    pub model: String,
    /// `None`: not known; requests cost nothing and are marked.
    pub price: Option<Price>,
    /// Longest answer, in tokens. `None`: not known.
    pub max_output_tokens: Option<u64>,
    /// Longest prompt, in tokens. `None`: not known.
    pub max_input_tokens: Option<u64>,
    /// Declared free of charge: served without a price under a money budget too.
    pub free: bool,
}

/// How to reach a provider.
#[derive(PartialEq, Eq)]
pub struct Provider {
    /// Its id in the configuration.
    pub id: String,
    /// Envoy's cluster.
    pub cluster: String,
    /// Host, with port when it is not the scheme's own.
    pub authority: String,
    /// Path of the base URL, without trailing slash.
    pub base_path: String,
    /// The whole `authorization` value. Never shown.
    pub authorization: Option<String>,
    /// Whether it understands `stream_options.include_usage`.
    pub stream_usage: bool,
    /// Whether it knows `max_completion_tokens`; else caps are written as `max_tokens`.
    pub completion_tokens_cap: bool,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("cluster", &self.cluster)
            .field("authority", &self.authority)
            .field("base_path", &self.base_path)
            .finish_non_exhaustive()
    }
}
